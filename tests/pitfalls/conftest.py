"""The real program in processes of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cherry.testing.program import Program


@pytest.fixture
def cherry(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path) as program:
        yield program

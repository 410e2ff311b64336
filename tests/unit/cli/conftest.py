"""Running the command line in this process, with real settings and a client that plays a script."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from cherry.cli.main import run_cli
from cherry.testing.client import FakeClient, Step
from cherry.testing.wiring import FakeWiring


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class Commands:
    """One user's machine. Standard input and output are no terminals here."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.workspace = root / "work"
        self.workspace.mkdir()
        self.fake = FakeWiring(home=self.home)

    def script(self, *turns: Sequence[Step]) -> FakeClient:
        self.fake.client = FakeClient(turns)
        return self.fake.client

    def run(self, *arguments: str, stdin: str | bytes = b"") -> Outcome:
        with CliRunner().isolation(input=stdin) as streams:
            code = run_cli(arguments, self.fake.wiring())
            out, err = streams[0].getvalue(), streams[1].getvalue()
        return Outcome(code, out.decode(), err.decode())

    def here(self, command: str, *arguments: str, stdin: str | bytes = b"") -> Outcome:
        """In the workspace."""
        return self.run(*command.split(), "-C", str(self.workspace), *arguments, stdin=stdin)


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def text_stream(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


def written_to(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)

"""Folders on PATH that the user may not look into are passed over."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cherry.sandbox.toolchains import find_tools

NOBODY = 65534


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root may look into everything; for this process's own calls it steps down."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_folder_on_path_is_no_error(tmp_path: Path):
    locked = tmp_path / "locked"
    (locked / "bin").mkdir(parents=True)
    locked.chmod(0)
    try:
        with as_ordinary_user():
            tools = find_tools({"PATH": f"{locked}/bin:/usr/bin", "HOME": str(locked / "home")})
    finally:
        locked.chmod(0o700)
    assert "/usr/bin" in tools.path.split(":")
    assert str(locked) not in tools.path

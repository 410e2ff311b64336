"""Opening below a folder without following a single symbolic link, so that nobody can swap one in between check and use.

Each component is opened from the handle of the one above it with O_NOFOLLOW; `..` and absolute paths are refused. The path must
therefore be the real one (`JailedPath.relative`). Linux and macOS; standard library only.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder_beneath(root: Path, relative: str) -> Iterator[int]:
    """A handle of the folder `relative` below `root` for `dir_fd=` arguments. Raises OSError; ELOOP or ENOTDIR for a link."""
    handle = _walk(root, _parts(relative))
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def parent_beneath(root: Path, relative: str) -> Iterator[tuple[int, str]]:
    """The handle of the folder that holds `relative`, and the last component: for rename, unlink, mkdir and their like."""
    parts = _parts(relative)
    if not parts:
        raise OSError(errno.EINVAL, "the root itself has no parent here", relative)
    handle = _walk(root, parts[:-1])
    try:
        yield handle, parts[-1]
    finally:
        os.close(handle)


def open_beneath(root: Path, relative: str, flags: int, mode: int = 0o666) -> int:
    """Open a regular file below `root`; the descriptor is the caller's to close.

    Never blocks on a pipe. Raises OSError: ELOOP for a link anywhere in the path, EINVAL for anything but a regular file.
    """
    with parent_beneath(root, relative) as (folder, name):
        handle = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", relative)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _parts(relative: str) -> list[str]:
    if relative.startswith("/"):
        raise OSError(errno.EINVAL, "not a relative path", relative)
    parts = [part for part in relative.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise OSError(errno.EINVAL, "the path goes up", relative)
    return parts


def _walk(root: Path, parts: list[str]) -> int:
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        try:
            below = os.open(part, _FOLDER, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle

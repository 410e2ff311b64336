"""Handles of the folders of a workspace, each reached component by component without following a link.

A commit keeps them open while it works: even if somebody moves a folder or puts a link in its place meanwhile, nothing is
written anywhere else than where it was checked.
"""

import errno
import os
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from cherry.edits.filesystem import Filesystem

_MOST_HANDLES = 200
"""Well below what a process may have open, however many folders a change set touches."""


class Entry(NamedTuple):
    """A name in an open folder."""

    folder: int
    name: str


class Folders:
    """Open folders below one root, by relative path (`""` is the root). A context manager: closes them all."""

    def __init__(self, filesystem: Filesystem, root: str) -> None:
        self._filesystem = filesystem
        self._handles: dict[str, int] = {"": filesystem.open_root(root)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def handle(self, folder: str) -> int:
        """Raises OSError: FileNotFoundError when it is missing, NotADirectoryError or ELOOP when it is no real folder."""
        missing = []
        while folder not in self._handles:
            folder, name = split(folder)
            _refuse_dots(name)
            missing.append(name)
        handle = self._keep(folder, self._handles[folder])
        for name in reversed(missing):
            folder = f"{folder}/{name}" if folder else name
            handle = self._keep(folder, self._filesystem.open_folder(handle, name))
        return handle

    def entry(self, path: str) -> Entry:
        """The open folder that holds `path`, and its name there. Raises OSError like `handle`."""
        folder, name = split(path)
        _refuse_dots(name)
        return Entry(self.handle(folder), name)

    def forget(self, folder: str) -> None:
        """Close the handle of a folder that is going away."""
        handle = self._handles.pop(folder, None)
        if handle is not None:
            os.close(handle)

    def _keep(self, folder: str, handle: int) -> int:
        """The most recently used stand last; the root is never given up."""
        self._handles.pop(folder, None)
        self._handles[folder] = handle
        if len(self._handles) > _MOST_HANDLES:
            self.forget(next(known for known in self._handles if known))
        return handle


def _refuse_dots(name: str) -> None:
    """Nothing goes up from here, wherever the path came from."""
    if name in ("", ".", ".."):
        raise OSError(errno.EINVAL, "not a name in a folder", name)


def split(path: str) -> tuple[str, str]:
    """`a/b/c.py` → `a/b`, `c.py`."""
    folder, _, name = path.rpartition("/")
    return folder, name


def parents(path: str) -> list[str]:
    """The folders above a path, outermost first, without the root: `a/b/c.py` → `a`, `a/b`."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


class Bases:
    """Large files opened for reading, each once. A context manager."""

    def __init__(self, filesystem: Filesystem, folders: Folders) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._handles: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def reader(self, base: str) -> Callable[[int, int], bytes]:
        """Reads bytes of a file of the workspace, or of Cherry's own folder when the path is absolute. Raises OSError."""
        handle = self._handles.get(base)
        if handle is None:
            handle = self._open(base)
            self._handles[base] = handle
        return lambda count, offset: self._filesystem.read_at(handle, count, offset)

    def _open(self, base: str) -> int:
        if not base.startswith("/"):
            return self._filesystem.open_file(*self._folders.entry(base))
        folder, name = split(base)
        root = self._filesystem.open_root(folder)
        try:
            return self._filesystem.open_file(root, name)
        finally:
            os.close(root)

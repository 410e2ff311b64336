"""Paths as programs print them, turned into paths of the workspace. Looks whether files exist, opens nothing."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv", ".tox", ".nox", "vendor"})
_MAX_KNOWN = 20_000


class Paths:
    def __init__(self, root: Path | None, folders: Sequence[str] = ()) -> None:
        """`root`: the workspace, None when there is none to look at. `folders`: where in it the command may have run."""
        self._roots = tuple(dict.fromkeys((str(root), os.path.realpath(root)))) if root else ()
        self._folders = tuple(folders)
        self._known: dict[str, bool] = {}

    def relative(self, printed: str, *, below: Sequence[str] = ()) -> str:
        """From the workspace's root with `/`; a path outside stays as it was printed.

        `below`: folders that may precede a path that does not exist as it stands.
        """
        path = printed.strip().removeprefix("file://")
        for root in self._roots:
            if path.startswith(root.rstrip("/") + "/"):
                return posixpath.normpath(path[len(root.rstrip("/")) + 1 :])
        if not path or path.startswith(("/", "<")):
            return path
        path = posixpath.normpath(path)
        if self.exists(path):
            return path
        for folder in (*self._folders, *below):
            candidate = posixpath.normpath(posixpath.join(folder, path))
            if not candidate.startswith(("../", "/")) and self.exists(candidate):
                return candidate
        return path

    def exists(self, relative: str) -> bool:
        if not self._roots or "\0" in relative:
            return False
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        if relative not in self._known:
            self._known[relative] = _lexists(posixpath.join(self._roots[0], relative))
        return self._known[relative]

    @staticmethod
    def is_own(relative: str) -> bool:
        """Whether a path given by `relative` is the project's own, not a library's or the interpreter's."""
        return not relative.startswith(("/", "<", "../")) and not _FOREIGN.intersection(relative.split("/"))


def _lexists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):  # a name no file can have
        return False

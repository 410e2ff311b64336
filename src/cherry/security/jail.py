"""The one resolver of paths: every tool and every face passes each path it was given through a `Jail`.

What it promises: the path returned lies inside the workspace once all symbolic links are followed, is not protected, and is
no device. What it cannot promise is that nobody swaps a folder for a link afterwards; whoever opens the file uses
`cherry.security.beneath`, which follows no links at all.

Nothing is decoded, expanded or guessed: `~`, `%2e`, `$HOME` and backslashes are ordinary characters of a name.
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.kernel.text import visible
from cherry.security.beneath import open_beneath
from cherry.security.protected import CONTENT_SIGN_BYTES, Protected

_KERNEL_FOLDERS = ("/proc", "/dev", "/sys")
"""Their links lead to other processes and other roots; a workspace path never needs them."""
_SHOWN = 200
"""Characters of a refused path that an error repeats."""


class JailedPath(NamedTuple):
    """A path that may be used."""

    absolute: Path
    """With every symbolic link followed."""
    relative: str
    """The same, from the workspace's root, with `/`; `.` for the root itself. May hold surrogates for bytes that are not UTF-8."""


class Jail:
    """The workspace as a prison for paths. Cheap to make; holds no handles."""

    def __init__(self, root: Path, protected: Protected = Protected()) -> None:  # noqa: B008 — immutable
        self.root = Path(os.path.realpath(root))
        self.protected = protected
        self._given = os.path.abspath(root)  # noqa: PTH100 — must not follow links

    def resolve(self, path: str, *, for_write: bool = False) -> JailedPath:
        """Relative to the root, or absolute inside it; need not exist.

        Raises CherryError(tools.OUTSIDE_WORKSPACE, tools.PROTECTED_PATH, or tools.NOT_A_FILE for a device, pipe or socket).
        """
        lexical = self._lexical(path)
        real = os.path.realpath(self._join(lexical))
        relative = self._inside(real, path)
        for name in {relative, os.path.normpath(lexical)}:  # the name given and the one it leads to
            self._refuse_protected(name, path, for_write=for_write)
        self._look(real, relative, path, for_write=for_write)
        return JailedPath(Path(real), relative)

    def _lexical(self, path: str) -> str:
        """The path as given, relative to the root wherever it begins with one of the root's names."""
        if "\0" in path:
            raise _outside(path, "it holds a NUL character")
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            raise _outside(path, "it cannot be written as a file name on this machine") from None
        for prefix in (str(self.root), self._given):
            if path == prefix:
                return "."
            if path.startswith(prefix.rstrip("/") + "/"):
                return path[len(prefix.rstrip("/")) + 1 :].lstrip("/") or "."
        if path.startswith(tuple(folder + "/" for folder in _KERNEL_FOLDERS)) or path in _KERNEL_FOLDERS:
            raise _outside(path, "it names the kernel's own files")
        return path or "."

    def _join(self, lexical: str) -> str:
        return os.path.join(self.root, lexical)  # noqa: PTH118 — Path would drop `.` and trailing parts silently

    def _inside(self, real: str, given: str) -> str:
        root = str(self.root)
        if real == root:
            return "."
        if not real.startswith(root.rstrip("/") + "/"):
            raise _outside(given, "it is not below the workspace once links and `..` are followed")
        return real[len(root.rstrip("/")) + 1 :]

    def _refuse_protected(self, name: str, given: str, *, for_write: bool) -> None:
        reason = self.protected.write_reason(name) if for_write else self.protected.secret_reason(name)
        if reason:
            raise _protected(given, reason)

    def _look(self, real: str, relative: str, given: str, *, for_write: bool) -> None:
        try:
            mode = os.lstat(real).st_mode
        except OSError:
            return  # it does not exist, or cannot be looked at: opening it will say so
        if stat.S_ISLNK(mode):
            raise _outside(given, "its symbolic links go round in a circle")
        if stat.S_ISDIR(mode):
            return
        if not stat.S_ISREG(mode):
            raise CherryError(tools.NOT_A_FILE, where=_shown(given), why="it is a device, a named pipe or a socket")
        if for_write and (reason := self.protected.secret_reason(relative)):
            raise _protected(
                given, reason
            )  # changing a secret would show it in the diff; making a new one shows nothing
        if self._has_secret_sign(relative):
            raise _protected(given, "it holds a key, which must not reach a model")

    def _has_secret_sign(self, relative: str) -> bool:
        signs = self.protected.signs_for(relative)
        if not signs:
            return False
        try:
            handle = open_beneath(self.root, relative, os.O_RDONLY)
        except OSError:
            return False
        try:
            head = os.read(handle, CONTENT_SIGN_BYTES)
        finally:
            os.close(handle)
        return any(sign.search(head) for sign in signs)


def _shown(path: str) -> str:
    return visible(path)[:_SHOWN]


def _outside(path: str, why: str) -> CherryError:
    return CherryError(tools.OUTSIDE_WORKSPACE, where=_shown(path), why=why)


def _protected(path: str, why: str) -> CherryError:
    return CherryError(tools.PROTECTED_PATH, where=_shown(path), why=why)

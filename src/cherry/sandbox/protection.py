"""Keeping some paths of a workspace unwritable for a command, whether they exist or not.

A mount needs something to be mounted on. For a path that does not exist, an empty placeholder is put there while commands run
and removed after the last one. A placeholder is told from a user's own by its sticky bit and emptiness; a lock shared by all
commands (of all Cherry processes) on the workspace keeps one from removing what another still needs. What a killed Cherry left
behind is removed by the next command.

Folders on the way to a protected path are mounted onto themselves, for a mount point cannot be renamed away.
"""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SIGN = 0o1755
_ORDINARY = 0o755
_LOCK_TRIES, _LOCK_PAUSE_SECONDS = 40, 0.001
NEVER_MADE = (".git/commondir",)
"""Would lead git to another configuration and other hooks, and cannot be held by a placeholder, for git looks at it. Removed when the
command has ended; git itself makes it in the folders of other work trees only."""


class Mounts(NamedTuple):
    pinned: tuple[Path, ...]
    """Folders to mount onto themselves, writable, outermost first."""
    readonly: tuple[Path, ...]
    """What exists, to be mounted read-only."""
    empty: tuple[Path, ...]
    """Placeholders, to be covered with something empty."""


class Protection:
    """Placeholders of one command. Make it before the command starts, `close` it when the command and all its children ended."""

    def __init__(self, workspace: Path, protected: Iterable[Path]) -> None:
        self._workspace = workspace
        self._lock = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._placeholders: dict[Path, None] = {}
        self._share_lock()
        try:
            self.mounts = self._prepare(protected)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove placeholders unless another command still needs them."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pass  # another command runs; the last one cleans up
        else:
            for path in self._placeholders:
                _remove_placeholder(path)
        finally:
            os.close(self._lock)
            for name in NEVER_MADE:
                with contextlib.suppress(OSError):
                    (self._workspace / name).unlink()

    def _share_lock(self) -> None:
        """Others hold it alone only for the moment of cleaning up. Without it, at worst another command removes a placeholder."""
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_SECONDS)
            except OSError:
                return  # a file system without locks
            else:
                return

    def _prepare(self, protected: Iterable[Path]) -> Mounts:
        pinned: dict[Path, None] = {}
        readonly: dict[Path, None] = {}
        for path in protected:
            inner = Path(os.path.normpath(self._workspace / path))
            if not inner.is_relative_to(self._workspace) or inner == self._workspace:
                continue
            target = self._first_missing(inner)
            if target is None:
                continue
            if target not in self._placeholders and _place(target):
                self._placeholders[target] = None
            for parent in target.relative_to(self._workspace).parents[:-1]:
                pinned[self._workspace / parent] = None
            if target not in self._placeholders and target.exists():
                readonly[target] = None
        outer = tuple(path for path in readonly if not any(parent in readonly for parent in path.parents))
        pins = tuple(sorted(path for path in pinned if not _inside(path, readonly)))
        return Mounts(pins, outer, tuple(self._placeholders))

    def _first_missing(self, path: Path) -> Path | None:
        """The path itself, or the outermost of its parents that is missing, a placeholder or no folder.

        A link is followed to where it leads (the link itself cannot be held); None when that is outside.
        """
        current = self._workspace
        for part in path.relative_to(self._workspace).parts:
            current = current / part
            if current.is_symlink():
                current = Path(os.path.realpath(current))
                if not current.is_relative_to(self._workspace) or current == self._workspace:
                    return None
            if not current.is_dir() or _is_placeholder(current):
                return current
        return current


def _inside(path: Path, folders: dict[Path, None]) -> bool:
    return path in folders or any(parent in folders for parent in path.parents)


def _place(target: Path) -> bool:
    """Make the placeholder unless something is there. True when what is there is a placeholder (perhaps another command's).

    Always a folder: git and most tools do not see an empty one.
    """
    try:
        target.mkdir(_ORDINARY)
        target.chmod(_SIGN)
    except FileExistsError:
        return _is_placeholder(target)
    except OSError:
        return False  # a read-only workspace: nothing can be made there by the command either
    return True


def _is_placeholder(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and stat.S_IMODE(mode) == _SIGN and not any(path.iterdir())


def _remove_placeholder(path: Path) -> None:
    """What a user put into it meanwhile stays, with ordinary permissions."""
    with contextlib.suppress(OSError):
        if stat.S_IMODE(path.lstat().st_mode) != _SIGN:
            return
        try:
            path.rmdir()
        except OSError:
            path.chmod(_ORDINARY)

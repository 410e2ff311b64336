"""What a sandboxed command gets to see of the machine: the part of bubblewrap's options that is the same for every command.

Who the command runs as decides what can be shown. An ordinary user is always itself. Root runs commands as the owner of the
workspace; where root owns it, as root without capabilities, and what only root may read under /etc is masked.
"""

import os
import pwd
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cherry.sandbox.toolchains import SYSTEM_FOLDERS, Tools, find_tools

SHARED_MEMORY_BYTES = 1 << 30
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 — inside the sandbox


class Identity(NamedTuple):
    """Who a command runs as."""

    uid: int
    gid: int
    dropped: bool
    """True when that is somebody else than Cherry itself."""

    def reaches(self, path: Path) -> bool:
        """May it walk to this path? Always True for Cherry itself."""
        return not self.dropped or all(self._may_enter(folder) for folder in (path, *path.parents))

    def _may_enter(self, folder: Path) -> bool:
        try:
            info = folder.stat()
        except OSError:
            return False
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)


def identity_for(workspace: Path) -> Identity:
    """Root becomes the workspace's owner: it must be able to write there without capabilities, and limits then bind it."""
    owner = workspace.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        return Identity(owner.st_uid, owner.st_gid, dropped=True)
    return Identity(os.geteuid(), os.getegid(), dropped=False)


class View:
    """Made once per identity; looks at the machine when first used."""

    def __init__(
        self, identity: Identity, environ: Mapping[str, str], *, temporary: Path | None, readable: Sequence[Path]
    ) -> None:
        self.identity = identity
        self._environ = environ
        self._given_temporary = temporary
        self._readable = tuple(readable)

    @cached_property
    def home(self) -> Path:
        """The real home folder of whoever runs the commands; not theirs, which is private."""
        named = _home_of(self.identity.uid) if self.identity.dropped else self._environ.get("HOME")
        return Path(os.path.realpath(named or "/nonexistent"))

    @cached_property
    def tools(self) -> Tools:
        environ = {**self._environ, "HOME": str(self.home)}
        return find_tools(environ, extra=self._readable, reaches=self.identity.reaches)

    @cached_property
    def options(self) -> tuple[str, ...]:
        """Mounts, in the order they must be made."""
        options: list[str] = []
        for folder in SYSTEM_FOLDERS:
            options += _system_folder(folder)
        options += ["--ro-bind", "/etc", "/etc"]
        if not self.identity.dropped:
            options += _masks(Path("/etc"))
        options += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
        options += [
            "--perms",
            "1777",
            "--size",
            str(SHARED_MEMORY_BYTES),
            "--tmpfs",
            _SHARED_MEMORY,
            "--remount-ro",
            "/dev",
        ]
        for shown in self.tools.folders:
            options += ["--ro-bind", str(shown), str(shown)]
        return tuple(options)

    @cached_property
    def temporary(self) -> Path:
        """The private /tmp of all commands of this identity, with the home folder in it."""
        folder = self._given_temporary
        if folder is None or self.identity.dropped:
            folder = Path(tempfile.mkdtemp(prefix="cherry-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = folder / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        if self.identity.dropped:
            for path in (folder, home):
                os.chown(path, self.identity.uid, self.identity.gid)
        return folder


def hidden(paths: Iterable[Path]) -> list[str]:
    """Options that put something empty over each path that exists."""
    options: list[str] = []
    for path in paths:
        if path.is_symlink() or not path.exists():
            continue
        options += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
    return options


def _home_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/nonexistent"


def _system_folder(folder: str) -> list[str]:
    path = Path(folder)
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), folder]
    return ["--ro-bind", folder, folder] if path.is_dir() else []


def _masks(folder: Path) -> list[str]:
    """Options that hide what not everybody may read below a system folder: as root, or in a group, we could."""
    options: list[str] = []
    for parent, folders, files in os.walk(folder):
        for name in list(folders):
            path = Path(parent, name)
            if _is_private(path, stat.S_IROTH | stat.S_IXOTH):
                folders.remove(name)
                options += ["--tmpfs", str(path), "--remount-ro", str(path)]
        for name in files:
            if _is_private(Path(parent, name), stat.S_IROTH):
                options += ["--ro-bind", "/dev/null", str(Path(parent, name))]
    return options


def _is_private(path: Path, public: int) -> bool:
    """True for what we may read, others may not, and which holds something."""
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode) or info.st_mode & public == public or not os.access(path, os.R_OK):
        return False
    return info.st_size > 0 if stat.S_ISREG(info.st_mode) else stat.S_ISDIR(info.st_mode) and any(path.iterdir())

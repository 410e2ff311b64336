"""What stands at a path right now: its content's hash, mode, owner and identity, read without following links."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.files.contents import CHUNK, digest_of
from cherry.edits.files.folders import Entry, Folders, split
from cherry.edits.filesystem import Filesystem
from cherry.kernel.ids import content_hash

WHOLE_LIMIT = 8 << 20
"""Bytes. Larger files are streamed, never held in memory."""
_TRIES = 3
"""How often a file is read again that changes while it is read."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A regular file or a symbolic link."""

    digest: str
    """Hash of the content; of a link: of the text it holds."""
    mode: int
    """As in `st_mode`: type and permissions."""
    size: int
    device: int
    inode: int
    links: int
    """How many names the file has."""
    user: int
    group: int
    sparse: bool
    changed_ns: int
    data: bytes | None
    """None for a file over the limit."""

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def recorded_mode(self) -> int:
        """Permissions; for a symbolic link the type too, as git does."""
        return self.mode if self.is_link else stat.S_IMODE(self.mode)

    @property
    def large(self) -> bool:
        return self.data is None

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """Differs when another file took the name, or the same one was written to (as far as its clock tells)."""
        return (self.device, self.inode, self.size, self.changed_ns)


def read_state(filesystem: Filesystem, folders: Folders, path: str, *, limit: int = WHOLE_LIMIT) -> FileState | None:
    """None when there is nothing.

    Raises CherryError(tools.NOT_A_FILE, UNREADABLE, NOT_A_FOLDER, edits.STALE when it does not stand still).
    """
    try:
        entry = folders.entry(path)
        return _read(filesystem, entry, path, limit)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise CherryError(tools.NOT_A_FOLDER, where=path, why="a part of its path is a file") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CherryError(edits.STALE, "A folder on the way became a link", where=path) from None
        raise CherryError(tools.UNREADABLE, where=path, why=error.strerror or str(error)) from error


def read_entry(filesystem: Filesystem, entry: Entry, *, limit: int = WHOLE_LIMIT) -> FileState | None:
    """The same for a name in an open folder. Raises OSError, CherryError(tools.NOT_A_FILE, edits.STALE)."""
    try:
        return _read(filesystem, entry, entry.name, limit)
    except FileNotFoundError:
        return None


def other_cases(filesystem: Filesystem, folders: Folders, states: Mapping[str, FileState | None]) -> list[str]:
    """Paths that were found only because the file system tells no cases apart: the name there is another of these paths."""
    by_folded: dict[str, list[str]] = {}
    for path, state in states.items():
        if state is not None:
            by_folded.setdefault(path.casefold(), []).append(path)
    several = [path for paths in by_folded.values() if len(paths) > 1 for path in paths]
    return [path for path in several if split(path)[1] not in filesystem.names(folders.entry(path).folder)]


def with_executable(mode: int, executable: bool) -> int:
    """Whoever may read it may run it, or nobody may."""
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111


def _read(filesystem: Filesystem, entry: Entry, path: str, limit: int) -> FileState:
    for _ in range(_TRIES):
        found = filesystem.stat(*entry)
        if stat.S_ISLNK(found.st_mode):
            text = filesystem.read_link(*entry)
            return _state(found, content_hash(text), text)
        if not stat.S_ISREG(found.st_mode):
            raise CherryError(tools.NOT_A_FILE, where=path, why=_kind(found.st_mode))
        state = _read_file(filesystem, entry, path, limit)
        if state is not None:
            return state
    raise CherryError(edits.STALE, "The file keeps changing while it is read", where=path)


def _read_file(filesystem: Filesystem, entry: Entry, path: str, limit: int) -> FileState | None:
    """None when it changed while it was read."""
    handle = filesystem.open_file(*entry)
    try:
        before = filesystem.stat_handle(handle)
        if not stat.S_ISREG(before.st_mode):
            raise CherryError(tools.NOT_A_FILE, where=path, why=_kind(before.st_mode))
        if before.st_size > limit:
            data = None
            digest = digest_of(iter(lambda: filesystem.read(handle, CHUNK), b""))
        else:
            data = _read_whole(filesystem, handle, limit)
            digest = content_hash(data)
        after = filesystem.stat_handle(handle)
    finally:
        filesystem.close(handle)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    return _state(after, digest, data)


def _read_whole(filesystem: Filesystem, handle: int, limit: int) -> bytes:
    blocks = []
    total = 0
    while block := filesystem.read(handle, CHUNK):
        blocks.append(block)
        total += len(block)
        if total > limit:  # it grows while it is read; the caller sees that it changed
            break
    return b"".join(blocks)


def _state(found: os.stat_result, digest: str, data: bytes | None) -> FileState:
    return FileState(
        digest=digest,
        mode=found.st_mode,
        size=found.st_size,
        device=found.st_dev,
        inode=found.st_ino,
        links=found.st_nlink,
        user=found.st_uid,
        group=found.st_gid,
        sparse=stat.S_ISREG(found.st_mode) and found.st_blocks * 512 < found.st_size,
        changed_ns=found.st_mtime_ns,
        data=data,
    )


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "it is a folder"
    if stat.S_ISFIFO(mode):
        return "it is a named pipe"
    return "it is a socket" if stat.S_ISSOCK(mode) else "it is a device"

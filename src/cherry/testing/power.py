"""A machine that loses its power, or a process that is killed, at any moment of a program's work on files.

    recording = record(["python", "program.py"], folder)     # runs it once, writing down every change of a file below the folder
    for crash in recording.crashes():
        crash.lay_out(target, "power")                       # the folder as it would be found afterwards
        assert sound(target), crash.acknowledged

What is recorded are the system calls themselves: writes, truncations, syncs, and changes of names (`disk_trace.c`, loaded into the
program; needs Linux and a C compiler, see `can_record`). The disk that is drawn from them is as bad as a disk may be:

    kill      every change made so far is there: the machine lived on
    power     nothing is there that was not synced: contents by a sync of the file, names by a sync of their folder
    torn      of what was not synced some is there, in pieces of a sector, and of the changes of names the first ones

Lines the program appends to `ACKNOWLEDGED` in the folder say what it has acknowledged; they are never lost and are no part of the disk.
"""

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

ACKNOWLEDGED = "acknowledged"
SECTOR = 512
How = Literal["kill", "power", "torn"]

_SOURCE = Path(__file__).with_name("disk_trace.c")
_RECORD = struct.Struct("<c7xQQIIII")
_SECONDS = 120.0
_FORGOTTEN = ("-shm",)
"""Endings of files that say nothing after a crash: SQLite draws them anew."""


class Change(NamedTuple):
    """One system call."""

    what: str
    """As in `disk_trace.c`."""
    inode: int
    offset: int
    path: str
    """Relative to the folder; empty for the folder itself."""
    other: str
    data: bytes


def can_record() -> bool:
    return sys.platform == "linux" and shutil.which("cc") is not None


def record(
    command: Sequence[str], folder: Path, *, work: Path, environ: Mapping[str, str] | None = None
) -> "Recording":
    """Run the command to its end. What is in the folder before counts as synced. `work` takes the recorder. Raises AssertionError."""
    recorder, file = work / "disk_trace.so", work / "trace"
    if not recorder.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", recorder, _SOURCE, "-ldl"], check=True, timeout=_SECONDS)
    file.unlink(missing_ok=True)
    root = Path(os.path.realpath(folder))
    start = _Disk.of(root)
    variables = {
        **os.environ,
        **(environ or {}),
        "LD_PRELOAD": str(recorder),
        "DISK_TRACE_ROOT": str(root),
        "DISK_TRACE_FILE": str(file),
    }
    done = subprocess.run(list(command), env=variables, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return Recording(start, list(_changes(file, str(root))))


class Recording:
    def __init__(self, start: "_Disk", changes: list[Change]) -> None:
        self._start = start
        self.changes = changes

    def crashes(self, *, at_most: int = 1 << 30, seed: int = 0) -> Iterator["Crash"]:
        """One after every change, or so many of them, spread evenly. The last is when all was done and acknowledged."""
        count = len(self.changes)
        chosen = (
            {round(number * count / at_most) for number in range(at_most)} if at_most < count else set(range(count))
        )
        disk = self._start.copy()
        for number, change in enumerate(self.changes):
            if number in chosen:
                yield Crash(number, disk, random.Random(f"{seed}.{number}"))
            disk.apply(change)
        yield Crash(count, disk, random.Random(f"{seed}.{count}"))


class Crash:
    """The moment before one change. To be used before the next one is asked for."""

    def __init__(self, number: int, disk: "_Disk", dice: random.Random) -> None:
        self.number = number
        self._disk = disk
        self._dice = dice

    @property
    def acknowledged(self) -> list[str]:
        """Lines the program had written to `ACKNOWLEDGED`."""
        return bytes(self._disk.acknowledged).decode().splitlines()

    def lay_out(self, target: Path, how: How) -> None:
        """The folder as it would be found, in `target`, which is made."""
        names = {"kill": self._disk.names, "power": self._disk.synced_names}.get(how)
        if names is None:
            names = self._disk.names_after(self._dice.randint(0, len(self._disk.unsynced_names)))
        target.mkdir(parents=True)
        for path in sorted(names.folders):
            (target / path).mkdir(mode=0o700, exist_ok=True)
        for path, inode in names.files.items():
            if path.endswith(_FORGOTTEN):
                continue
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(self._disk.files[inode].content(how, self._dice))


@dataclass
class _File:
    """What is in a file, whatever it is called."""

    now: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Writes since, in order; None for cutting or growing the file to this length."""

    def write(self, offset: int, data: bytes) -> None:
        _write(self.now, offset, data)
        self.unsynced.append((offset, data))

    def truncate(self, length: int) -> None:
        _truncate(self.now, length)
        self.unsynced.append((length, None))

    def sync(self) -> None:
        self.synced = bytes(self.now)
        self.unsynced.clear()

    def content(self, how: How, dice: random.Random) -> bytes:
        if how == "kill":
            return bytes(self.now)
        content = bytearray(self.synced)
        if how == "torn":
            for offset, data in self.unsynced:
                if data is None:
                    if dice.random() < 0.5:
                        _truncate(content, offset)
                    continue
                for piece, part in _sectors(offset, data):
                    if dice.random() < 0.5:
                        _write(content, piece, part)
        return bytes(content)


@dataclass
class _Names:
    files: dict[str, int] = field(default_factory=dict)
    """Path → inode."""
    folders: set[str] = field(default_factory=set)

    def copy(self) -> "_Names":
        return _Names(dict(self.files), set(self.folders))

    def apply(self, change: Change) -> None:
        match change.what:
            case "N":
                self.files[change.path] = change.inode
            case "U":
                self.files.pop(change.path, None)
            case "L" if change.path in self.files:
                self.files[change.other] = self.files[change.path]
            case "M":
                self.folders.add(change.path)
            case "D":
                self.folders.discard(change.path)
            case "R":
                self._rename(change.path, change.other)

    def _rename(self, old: str, new: str) -> None:
        if old in self.files:
            self.files[new] = self.files.pop(old)
            return
        below = f"{old}/"
        self.folders = {
            new + path[len(old) :] if path == old or path.startswith(below) else path for path in self.folders
        }
        self.files = {
            new + path[len(old) :] if path.startswith(below) else path: inode for path, inode in self.files.items()
        }


class _Disk:
    """Files and names, as they are and as they are synced."""

    def __init__(self) -> None:
        self.files: dict[int, _File] = {}
        self.names = _Names()
        self.synced_names = _Names()
        self.unsynced_names: list[Change] = []
        """In order. A sync of a folder makes those certain that concern it, and all before them: so do journals of file systems."""
        self.acknowledged = bytearray()

    @classmethod
    def of(cls, root: Path) -> "_Disk":
        disk = cls()
        for place, folders, files in os.walk(root):
            for name in folders:
                disk.names.folders.add(str((Path(place) / name).relative_to(root)))
            for name in files:
                path = Path(place) / name
                content = path.read_bytes()
                disk.files[path.stat().st_ino] = _File(bytearray(content), content)
                disk.names.files[str(path.relative_to(root))] = path.stat().st_ino
        disk.synced_names = disk.names.copy()
        return disk

    def copy(self) -> "_Disk":
        other = _Disk()
        other.files = {
            inode: _File(bytearray(file.now), file.synced, list(file.unsynced)) for inode, file in self.files.items()
        }
        other.names, other.synced_names = self.names.copy(), self.synced_names.copy()
        return other

    def apply(self, change: Change) -> None:
        if change.path == ACKNOWLEDGED:
            self.acknowledged += change.data
        elif change.what == "W":
            self._file(change.inode).write(change.offset, change.data)
        elif change.what == "T":
            self._file(change.inode).truncate(change.offset)
        elif change.what == "S":
            if change.path in self.names.folders or not change.path:
                self._sync_folder(change.path)
            else:
                self._file(change.inode).sync()
        else:
            if change.what == "N" and self.names.files.get(change.path) == change.inode:
                return  # opened, not made
            if change.what == "N":
                self.files[change.inode] = _File()  # an inode may be used again
            self.names.apply(change)
            self.unsynced_names.append(change)

    def names_after(self, count: int) -> _Names:
        """Synced, and the first so many of the changes since."""
        names = self.synced_names.copy()
        for change in self.unsynced_names[:count]:
            names.apply(change)
        return names

    def _file(self, inode: int) -> _File:
        return self.files.setdefault(inode, _File())

    def _sync_folder(self, folder: str) -> None:
        touching = [
            number
            for number, change in enumerate(self.unsynced_names)
            if folder in (os.path.dirname(change.path), os.path.dirname(change.other) if change.other else None)  # noqa: PTH120
        ]
        if touching:
            self.synced_names = self.names_after(touching[-1] + 1)
            del self.unsynced_names[: touching[-1] + 1]


def _changes(file: Path, root: str) -> Iterator[Change]:
    data = file.read_bytes() if file.exists() else b""
    place = 0
    while place < len(data):
        what, inode, offset, path_length, other_length, data_length, _ = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        path, other, content = (
            data[place : place + path_length],
            data[place + path_length : place + path_length + other_length],
            data[place + path_length + other_length : place + path_length + other_length + data_length],
        )
        place += path_length + other_length + data_length
        yield Change(what.decode(), inode, offset, _relative(path, root), _relative(other, root), content)


def _relative(path: bytes, root: str) -> str:
    text = os.fsdecode(path).removesuffix(" (deleted)")
    return text[len(root) + 1 :] if text.startswith(f"{root}/") else "" if text == root else text


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        length = SECTOR - (offset + place) % SECTOR
        yield offset + place, data[place : place + length]
        place += length


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _truncate(content: bytearray, length: int) -> None:
    del content[length:]
    content.extend(bytes(length - len(content)))

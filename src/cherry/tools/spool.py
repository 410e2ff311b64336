"""Holds what a running program prints: all of it up to a bound, in memory while small and in a nameless file beyond.

Behind the bound only the newest output is held, and how much was dropped is known. Positions are bytes since the start.
"""

import contextlib
import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from cherry.kernel.ids import new_id

MEMORY_BYTES = 256 << 10
HELD_BYTES = 16 << 20
RING_BYTES = 64 << 10


class Piece(NamedTuple):
    data: bytes
    end: int
    """Where to read on."""
    skipped: int
    """Bytes missing from `data` because they were dropped; a line in it says where."""


class Spool:
    def __init__(self, folder: Path, *, held_bytes: int = HELD_BYTES, ring_bytes: int = RING_BYTES) -> None:
        """Files lie in `folder`, which must exist once there is more than `MEMORY_BYTES`; they vanish with the spool."""
        self.size = 0
        """Bytes printed so far."""
        self._folder = folder
        self._memory = bytearray()
        self._file: int | None = None
        self._held = 0
        self._limit = held_bytes
        self._ring = _Ring(ring_bytes)

    def write(self, data: bytes) -> None:
        """Never fails: when the disk is full, what does not fit is treated as what is over the bound."""
        self.size += len(data)
        if self._held < self._limit:
            fits = data[: self._limit - self._held]
            written = self._hold(fits)
            data = data[written:]
            if written < len(fits):
                self._limit = self._held
        if data:
            self._ring.push(data)

    def read(self, start: int = 0) -> Piece:
        """Everything held from a position on."""
        held = self._held_from(start) if start < self._held else b""
        newest = self._ring.content()
        ring_start = self.size - len(newest)
        skipped = ring_start - max(start, self._held)
        if skipped <= 0:
            return Piece(held + newest[max(0, start - ring_start) :], self.size, 0)
        gap = b"\n[... %d bytes of output were not kept ...]\n" % skipped
        return Piece(held + gap + newest, self.size, skipped)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._held = 0

    def _hold(self, data: bytes) -> int:
        if self._file is None and self._held + len(data) <= MEMORY_BYTES:
            self._memory += data
            self._held += len(data)
            return len(data)
        try:
            if self._file is None:
                self._file = _file_with(bytes(self._memory), self._folder)
                self._memory.clear()
            _write_all(self._file, data, self._held)
        except OSError:
            return 0
        self._held += len(data)
        return len(data)

    def _held_from(self, start: int) -> bytes:
        if self._file is None:
            return bytes(self._memory[start:])
        return os.pread(self._file, self._held - start, start)


class _Ring:
    """The newest bytes, up to a bound."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def push(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) >= self._limit:
            self._size -= len(self._pieces.popleft())

    def content(self) -> bytes:
        return b"".join(self._pieces)[-self._limit :]


def _file_with(data: bytes, folder: Path) -> int:
    handle = _nameless_file(folder)
    try:
        _write_all(handle, data, 0)
    except OSError:
        os.close(handle)
        raise
    return handle


def _nameless_file(folder: Path) -> int:
    """Without a name nothing is left behind, whatever happens to Cherry."""
    with contextlib.suppress(AttributeError, OSError):
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    path = folder / f"{new_id('spool')}.tmp"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path.unlink()
    return handle


def _write_all(handle: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, position)
        view, position = view[written:], position + written

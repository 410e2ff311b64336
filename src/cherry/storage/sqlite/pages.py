"""Rows read straight from the pages of an SQLite file, however damaged its structure is.

For salvage alone. Nothing of the file is trusted: every leaf page of a table is looked at, whichever table it belongs to and whether
or not anything still points to it; every length is checked; a page or row that makes no sense is passed over. Pages of transactions
that were committed to the log beside the file (`-wal`) replace those of the file. See https://www.sqlite.org/fileformat2.html.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

Value = None | int | float | bytes
"""As it is stored; text is UTF-8 bytes, like a blob."""

_HEADER = 100
_TABLE_LEAF = 0x0D
_USUAL_PAGE = 4096
_MOST_COLUMNS = 64
_MOST_BYTES = 1 << 30
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL_HEADER = 32
_FRAME_HEADER = 24


class Row(NamedTuple):
    rowid: int
    values: tuple[Value, ...]
    """Without those that a later version of the table added after the row was written."""


class _Nonsense(Exception):
    """This is no row."""


class Pages:
    """The pages of a database as its last committed transaction left them; the newest copy of each."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        """`stream` reads the file; it stays open."""
        self._stream = stream
        self._stream.seek(0)
        start = self._stream.read(_HEADER)
        self._wal = file.with_name(file.name + "-wal")
        log_start = self._wal.read_bytes()[:_WAL_HEADER] if self._wal.is_file() else b""
        self.size = _page_size(start) or _page_size_of_log(log_start) or _USUAL_PAGE
        reserved = start[20] if _page_size(start) else 0
        self._usable = self.size - reserved
        self._log = _committed(self._wal, self.size) if log_start else {}
        self.count = max(-(-file.stat().st_size // self.size), *self._log, 0)

    def rows(self) -> Iterator[Row]:
        """Every row of every table (those without a rowid left out), in the order of the pages."""
        for number in range(1, self.count + 1):
            page = self._page(number)
            start = _HEADER if number == 1 else 0
            if len(page) == self.size and page[start] == _TABLE_LEAF:
                yield from self._rows_of(page, start)

    def _rows_of(self, page: bytes, start: int) -> Iterator[Row]:
        cells = int.from_bytes(page[start + 3 : start + 5])
        pointers = start + 8
        for index in range(min(cells, (self.size - pointers) // 2)):
            place = int.from_bytes(page[pointers + 2 * index : pointers + 2 * index + 2])
            try:
                yield self._row(page, place, first=pointers)
            except (_Nonsense, IndexError, struct.error):
                continue

    def _row(self, page: bytes, place: int, *, first: int) -> Row:
        if place < first:
            raise _Nonsense
        length, place = _varint(page, place)
        rowid, place = _varint(page, place)
        if not 0 < length <= min(_MOST_BYTES, self.count * self.size):
            raise _Nonsense
        return Row(_signed(rowid), _values(self._payload(page, place, length)))

    def _payload(self, page: bytes, place: int, length: int) -> bytes:
        here = self._bytes_here(length)
        payload = page[place : place + here]
        if len(payload) < here:
            raise _Nonsense
        if here == length:
            return payload
        pieces, missing = [payload], length - here
        following = int.from_bytes(page[place + here : place + here + 4])
        while missing > 0:
            overflow = self._page(following) if 1 < following <= self.count else b""
            piece = overflow[4 : min(self._usable, 4 + missing)]
            if not piece:
                raise _Nonsense
            pieces.append(piece)
            missing -= len(piece)
            following = int.from_bytes(overflow[:4])
        return b"".join(pieces)

    def _bytes_here(self, length: int) -> int:
        """How much of a row lies in the leaf itself, the rest being in overflow pages."""
        most = self._usable - 35
        if length <= most:
            return length
        least = (self._usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (self._usable - 4)
        return here if here <= most else least

    def _page(self, number: int) -> bytes:
        if number in self._log:
            with self._wal.open("rb") as log:
                log.seek(self._log[number])
                return log.read(self.size)
        self._stream.seek((number - 1) * self.size)
        return self._stream.read(self.size)


def _committed(log: Path, size: int) -> dict[int, int]:
    """Page number → offset of its newest copy in the log, of whole transactions only; the log ends where a checksum is wrong."""
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    with log.open("rb") as stream:
        header = stream.read(_WAL_HEADER)
        if len(header) < _WAL_HEADER or int.from_bytes(header[:4]) not in _WAL_MAGIC:
            return {}
        order = ">" if header[3] & 1 else "<"
        sums = _checksum(header[:24], (0, 0), order)
        if sums != struct.unpack(">II", header[24:]) or _page_size_of_log(header) != size:
            return {}
        while len(frame := stream.read(_FRAME_HEADER + size)) == _FRAME_HEADER + size:
            number, pages_after = struct.unpack(">II", frame[:8])
            sums = _checksum(frame[:8], sums, order)
            sums = _checksum(frame[_FRAME_HEADER:], sums, order)
            if frame[8:16] != header[16:24] or sums != struct.unpack(">II", frame[16:24]):
                break
            pending[number] = stream.tell() - size
            if pages_after:  # a transaction ends here
                committed.update(pending)
                pending.clear()
    return committed


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _page_size(start: bytes) -> int:
    """0 when the file does not begin as a database does."""
    if not start.startswith(b"SQLite format 3\0") or len(start) < _HEADER:
        return 0
    return _power_of_two(int.from_bytes(start[16:18]))


def _page_size_of_log(start: bytes) -> int:
    return _power_of_two(int.from_bytes(start[8:12])) if len(start) >= _WAL_HEADER else 0


def _power_of_two(size: int) -> int:
    size = 65536 if size == 1 else size
    return size if 512 <= size <= 65536 and size & (size - 1) == 0 else 0


def _values(payload: bytes) -> tuple[Value, ...]:
    header_end, place = _varint(payload, 0)
    values: list[Value] = []
    body = header_end
    while place < header_end:
        kind, place = _varint(payload, place)
        value, body = _value(payload, body, kind)
        values.append(value)
        if len(values) > _MOST_COLUMNS:
            raise _Nonsense
    if place != header_end or body != len(payload):
        raise _Nonsense
    return tuple(values)


def _value(payload: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    length = (0, 1, 2, 3, 4, 6, 8, 8)[kind] if kind < 8 else (kind - 12) // 2
    end = place + length
    data = payload[place:end]
    if kind in (10, 11) or len(data) < length:
        raise _Nonsense
    if kind < 7:
        return int.from_bytes(data, signed=True), end
    if kind == 7:
        number: float = struct.unpack(">d", data)[0]
        return number, end
    return data, end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[place + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    return value << 8 | data[place + 8], place + 9


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value

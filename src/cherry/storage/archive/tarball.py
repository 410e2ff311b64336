"""Plain files in a tar archive in gzip, as a stream.

What is written is read by any tar. What is read must look exactly as it is written here: one gzip member, plain files with short
names, nothing before, between or after them. So there are no links, devices, folders, sparse files or long headers to be careful
with, and memory stays bounded whatever the sizes claimed. One changed byte is always noticed: behind the head of the gzip member, in
a field other programs pass over, stands a hash of everything that follows.
"""

import hashlib
import os
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from cherry.domain.errors import CherryError, storage

BLOCK = 512
CHUNK = 1 << 20
LONGEST_NAME = 99
_LEVEL = 6
_DIGEST = 32
_START = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff" + struct.pack("<H2sH", 4 + _DIGEST, b"Ch", _DIGEST)
"""Deflated, one extra field, no name, no time, no operating system: every backup begins alike. The hash follows."""
_TRAILER = struct.Struct("<II")
_MASK = 0xFFFFFFFF
_NOTHING = bytes(BLOCK)


class TarWriter:
    """Writes entries one after the other, from the beginning of a file. `close` completes the archive; it does not close the stream."""

    def __init__(self, stream: BinaryIO, *, made_at: float) -> None:
        self._stream = stream
        self._made_at = int(made_at)
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._digest = hashlib.blake2b(digest_size=_DIGEST)
        self._sum = 0
        self._length = 0
        stream.write(_START + bytes(_DIGEST))

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """`chunks` must have `size` bytes together: ValueError otherwise, and the archive is useless."""
        self._write(_head(name, size, self._made_at))
        written = 0
        for chunk in chunks:
            written += len(chunk)
            self._write(chunk)
        if written != size:
            raise ValueError(f"{name} changed while it was archived")
        self._write(bytes(-size % BLOCK))

    def close(self) -> None:
        self._write(_NOTHING * 2)
        self._put(self._compressor.flush())
        self._put(_TRAILER.pack(self._sum, self._length & _MASK))
        self._stream.seek(len(_START))
        self._stream.write(self._digest.digest())
        self._stream.seek(0, os.SEEK_END)

    def _write(self, data: bytes) -> None:
        self._sum = zlib.crc32(data, self._sum)
        self._length += len(data)
        self._put(self._compressor.compress(data))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._stream.write(data)


class Entry(NamedTuple):
    name: str
    size: int
    chunks: Iterator[bytes]
    """To be read to its end before the next entry is asked for."""


class TarReader:
    """Reads what `TarWriter` wrote. Every method raises CherryError(storage.BAD_ARCHIVE) for anything else, OSError."""

    def __init__(self, stream: BinaryIO, *, where: str) -> None:
        self._stream = stream
        self._where = where
        self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        self._ready = bytearray()
        self._sum = 0
        self._length = 0
        if stream.read(len(_START)) != _START:
            raise self.bad("it does not begin as one does")
        self._expected = stream.read(_DIGEST)
        self._digest = hashlib.blake2b(digest_size=_DIGEST)

    def entries(self) -> Iterator[Entry]:
        """In their order. When they are through, the archive has been whole."""
        while (head := self._take(BLOCK)) != _NOTHING:
            name, size = self._read_head(head)
            left = [size]
            yield Entry(name, size, self._chunks(left))
            if left[0]:
                raise ValueError("an entry was not read to its end")
            if any(self._take(-size % BLOCK)):
                raise self.bad("there is something between two entries")
        if self._take(BLOCK) != _NOTHING:
            raise self.bad("it does not end as one does")
        self._end()

    def bad(self, why: str) -> CherryError:
        return CherryError(storage.BAD_ARCHIVE, where=self._where, why=why)

    def _chunks(self, left: list[int]) -> Iterator[bytes]:
        while left[0]:
            chunk = self._take(min(CHUNK, left[0]))
            left[0] -= len(chunk)
            yield chunk

    def _read_head(self, head: bytes) -> tuple[str, int]:
        """Made again and compared: only what `_head` writes passes."""
        try:
            info = tarfile.TarInfo.frombuf(head, "ascii", "strict")
            same = _head(info.name, info.size, int(info.mtime)) == head
        except (tarfile.HeaderError, ValueError, OverflowError) as error:
            raise self.bad("the head of an entry is damaged") from error
        if not same:
            raise self.bad(f"{info.name!r} is not a plain file as a backup has them")
        return info.name, info.size

    def _take(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._ready) < count:
            data = self._decompressor.unconsumed_tail or self._read(1 << 16)
            if not data or self._decompressor.eof:
                raise self.bad("it ends too early")
            try:
                piece = self._decompressor.decompress(data, CHUNK)
            except zlib.error as error:
                raise self.bad("its compressed content is damaged") from error
            self._sum = zlib.crc32(piece, self._sum)
            self._length += len(piece)
            self._ready += piece
        taken = bytes(self._ready[:count])
        del self._ready[:count]
        return taken

    def _end(self) -> None:
        while not self._decompressor.eof:  # the last bytes of the compressed content say only that it ends
            data = self._decompressor.unconsumed_tail or self._read(1 << 16)
            if not data:
                raise self.bad("it ends too early")
            try:
                self._ready += self._decompressor.decompress(data, CHUNK)
            except zlib.error as error:
                raise self.bad("its compressed content is damaged") from error
            if self._ready:
                raise self.bad("there is something behind its last entry")
        rest = self._decompressor.unused_data + self._read(BLOCK)
        if self._ready or len(rest) != _TRAILER.size:
            raise self.bad("there is something behind its end" if len(rest) > _TRAILER.size else "it ends too early")
        if _TRAILER.unpack(rest) != (self._sum, self._length & _MASK) or self._digest.digest() != self._expected:
            raise self.bad("its checksum is wrong")

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._digest.update(data)
        return data


def _head(name: str, size: int, made_at: int) -> bytes:
    """Raises ValueError for a name that does not fit."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isascii() or size < 0:
        raise ValueError(name)
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, made_at, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")

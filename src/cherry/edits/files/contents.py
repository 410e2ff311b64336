"""Contents of files, in memory when small, as pieces of a file on disk when large, and how they are hashed and read.

A `Pieced` content never lies in memory whole: it names a base file and what is taken from it, with literal bytes between.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

CHUNK = 1 << 20
"""Bytes read at once from a large file."""


class Piece(NamedTuple):
    """Bytes `start` to `start + length` of the base file, or a literal of that length."""

    start: int
    length: int
    literal: bytes | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A content in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Pieced:
    """A content made of pieces of a file that must not change while this is used."""

    base: str
    """Relative to the workspace, or the absolute path of a file in Cherry's own folder."""
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        return sum(piece.length for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Stored:
    """A content kept as several blobs, to be laid out in a file before it is used."""

    parts: tuple[str, ...]
    """Names of blobs, in order."""


Content = Held | Pieced
Reader = Callable[[int, int], bytes]
"""Reads `count` bytes of the base at an offset; empty at its end."""


def chunks(content: Content, read: Reader) -> Iterator[bytes]:
    """The content from start to end, at most `CHUNK` bytes at a time. Raises EOFError when the base is shorter than it was."""
    if isinstance(content, Held):
        for start in range(0, len(content.data), CHUNK):
            yield content.data[start : start + CHUNK]
        return
    for piece in content.pieces:
        if piece.literal is not None:
            yield piece.literal
            continue
        position, end = piece.start, piece.start + piece.length
        while position < end:
            block = read(min(CHUNK, end - position), position)
            if not block:
                raise EOFError(content.base)
            yield block
            position += len(block)


def digest_of(blocks: Iterable[bytes]) -> str:
    """`content_hash` of the blocks joined, without joining them."""
    digest = hashlib.blake2b(digest_size=16)
    for block in blocks:
        digest.update(block)
    return "b2:" + digest.hexdigest()


def nothing_to_read(_count: int, _offset: int) -> bytes:
    """The reader of a content that has no base."""
    return b""


def spliced(pieces: tuple[Piece, ...], places: list[int], removed: int, new: bytes) -> tuple[Piece, ...]:
    """The pieces with `removed` bytes at each of the (ascending, not overlapping) places replaced by `new`."""
    result: list[Piece] = []
    position = 0
    rest = iter(pieces)
    current: Piece | None = next(rest, None)

    def take(upto: int, *, keep: bool) -> None:
        nonlocal position, current
        while current is not None and position < upto:
            part, current = _cut(current, upto - position)
            position += part.length
            if keep:
                result.append(part)
            if current is None:
                current = next(rest, None)

    for place in places:
        take(place, keep=True)
        take(place + removed, keep=False)
        if new:
            result.append(Piece(0, len(new), new))
    if current is not None:
        result.append(current)
    result.extend(rest)
    return tuple(result)


def _cut(piece: Piece, length: int) -> tuple[Piece, Piece | None]:
    if piece.length <= length:
        return piece, None
    if piece.literal is not None:
        return Piece(0, length, piece.literal[:length]), Piece(0, piece.length - length, piece.literal[length:])
    return Piece(piece.start, length), Piece(piece.start + length, piece.length - length)

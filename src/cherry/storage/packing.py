"""How a content lies in its file: as it is, or compressed behind a mark when that saves something.

    mark (16 bytes) · length of the content (8 bytes, big endian) · zlib

A content that itself begins with the mark is always compressed, so the two forms cannot be taken for each other. Files written before
there was compression are plain and stay readable.
"""

import os
import zlib
from pathlib import Path

_MARK = b"\0cherry packed 1\n"
_HEAD = len(_MARK) + 8
_LEAST = 512
"""Bytes below which a file takes one block on the disk anyway."""
_LEVEL = 1
_WORTH = 0.9


def packed(data: bytes) -> bytes:
    """What is written for this content."""
    marked = data.startswith(_MARK)
    if len(data) < _LEAST and not marked:
        return data
    smaller = _MARK + len(data).to_bytes(8, "big") + zlib.compress(data, _LEVEL)
    return smaller if marked or len(smaller) < len(data) * _WORTH else data


def unpacked(stored: bytes) -> bytes:
    """The content of a file. What cannot be unpacked comes back as it lies: its hash then tells that it is damaged."""
    if not stored.startswith(_MARK):
        return stored
    size = int.from_bytes(stored[len(_MARK) : _HEAD], "big")
    try:
        # Bounded by what it says of itself: a damaged file must not fill the memory.
        return zlib.decompressobj().decompress(stored[_HEAD:], size + 1)
    except (zlib.error, OverflowError, MemoryError):
        return stored


def read_content(file: Path) -> bytes:
    """Raises OSError."""
    return unpacked(file.read_bytes())


def content_size(file: Path) -> int:
    """Bytes of the content, without reading it. Raises OSError."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
        if head.startswith(_MARK):
            return int.from_bytes(head[len(_MARK) :], "big")
        return os.fstat(stream.fileno()).st_size


def is_plain(file: Path) -> bool:
    """True when the file can be read as it lies. Raises OSError."""
    with file.open("rb") as stream:
        return stream.read(len(_MARK)) != _MARK

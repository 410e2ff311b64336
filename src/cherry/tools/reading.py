"""Reading part of a text file as numbered lines. Synchronous: called in a thread, bounded in memory and in time.

Small files are read whole. Large ones are streamed: lines up to the first one wanted are counted, never held. Nothing here blocks on
a pipe or follows a link (`security.beneath`).
"""

from __future__ import annotations

import difflib
import errno
import hashlib
import io
import os
import stat
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.edits import line_ends
from cherry.edits.encodings import detect
from cherry.edits.textfile import decode
from cherry.kernel.ids import content_hash
from cherry.kernel.text import human_bytes, plural
from cherry.security.beneath import open_beneath
from cherry.tools.names import shown, storable
from cherry.tools.signatures import kind_of

WHOLE_BYTES = 8 << 20
"""Larger files are streamed."""
HASHED_BYTES = 50 << 20
"""Of larger files neither hash nor number of lines is found out."""
LINE_CHARACTERS = 2_000
TEXT_CHARACTERS = 50_000
_BLOCK = 1 << 20
_HEAD = 64 << 10
_SECONDS = 10.0
"""Deadline `fs.read.scan`: for finding a line far down in a very large file."""


class Excerpt(NamedTuple):
    lines: tuple[str, ...]
    first: int
    """Number of the first line, from 1."""
    total: int | None
    """Lines of the whole file; None when it is too large to count."""
    size: int
    """Bytes of the whole file."""
    digest: str = ""
    """Of the whole file; empty when it is too large."""
    encoding: str = "utf-8"
    stopped: bool = False
    """There are more lines than were wanted or allowed."""

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


def read_file(root: Path, relative: str, *, first: int, limit: int) -> Excerpt:
    """Raises CherryError(tools.NO_SUCH_PATH, NOT_A_FILE, UNREADABLE, BINARY, BAD_ARGUMENTS, TIMEOUT)."""
    try:
        handle = open_beneath(root, relative, os.O_RDONLY)
    except OSError as error:
        raise _cannot_open(root, relative, error) from None
    try:
        with io.FileIO(handle) as file:
            size = os.fstat(handle).st_size
            if size <= WHOLE_BYTES:
                return excerpt_of(file.read(WHOLE_BYTES + _BLOCK), relative, first=first, limit=limit)
            return _streamed(file, size, relative, first=first, limit=limit)
    except OSError as error:
        raise CherryError(tools.UNREADABLE, where=shown(relative), why=error.strerror or str(error)) from error


def excerpt_of(data: bytes, name: str, *, first: int, limit: int) -> Excerpt:
    """Of a content in memory. Raises CherryError(tools.BINARY, BAD_ARGUMENTS)."""
    if kind := kind_of(data):
        raise _binary(name, len(data), kind)
    try:
        file = decode(data)
    except CherryError as error:
        if error.kind is not tools.BINARY:
            raise
        raise _binary(name, len(data), "") from None
    lines = line_ends.with_lf(file.text).split("\n")
    if lines[-1] == "":
        lines.pop()
    total = len(lines)
    _check_first(first, total, name)
    wanted, stopped = _within_characters(_narrow(line) for line in lines[first - 1 : first - 1 + limit])
    return Excerpt(
        lines=wanted,
        first=first,
        total=total,
        size=len(data),
        digest=content_hash(data),
        encoding="utf-8" if file.encoding == "ascii" else file.encoding,
        stopped=stopped or first - 1 + len(wanted) < total,
    )


def _streamed(file: io.FileIO, size: int, name: str, *, first: int, limit: int) -> Excerpt:
    head = file.read(_HEAD)
    encoding = _encoding_of(head, name, size)
    digest, total = "", None
    if size <= HASHED_BYTES:
        digest, total = _scan(file)
        _check_first(first, total, name)
    file.seek(0)
    buffered = io.BufferedReader(file, _BLOCK)
    skipped = _skip_lines(buffered, first - 1)
    lines, stopped = _within_characters(_decoded_lines(buffered, encoding, limit))
    if not lines:
        _check_first(first, skipped, name)
    more = stopped or bool(buffered.peek(1))
    buffered.detach()
    return Excerpt(lines, first, total, size, digest, encoding, more)


def _encoding_of(head: bytes, name: str, size: int) -> str:
    if kind := kind_of(head):
        raise _binary(name, size, kind)
    whole_lines = head[: head.rfind(b"\n") + 1] or head[:-4]
    found = detect(whole_lines)
    if found is None:
        raise _binary(name, size, "")
    if found.encoding.startswith(("utf-16", "utf-32")):
        raise CherryError(
            tools.UNREADABLE,
            where=shown(name),
            why=f"{human_bytes(size)} of {found.encoding} is too much to read here",
            next_step="Convert it to UTF-8 with iconv through shell.run.",
        )
    return "utf-8" if found.encoding == "unknown" else found.encoding


def _scan(file: io.FileIO) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.blake2b(digest_size=16)
    newlines, last = 0, b"\n"
    while block := file.read(_BLOCK):
        digest.update(block)
        newlines += block.count(b"\n")
        last = block[-1:]
    return "b2:" + digest.hexdigest(), newlines + (last != b"\n")


def _skip_lines(file: io.BufferedReader[io.FileIO], count: int) -> int:
    """Go behind so many lines; returns how many there were. Raises CherryError(tools.TIMEOUT)."""
    deadline = time.monotonic() + _SECONDS
    skipped = 0
    while skipped < count and (block := file.peek(_BLOCK)):
        if time.monotonic() > deadline:
            raise _too_far(count + 1)
        newlines = min(block.count(b"\n"), count - skipped)
        file.read(_position_behind(block, newlines) if skipped + newlines == count else len(block))
        skipped += newlines
    return skipped


def _position_behind(block: bytes, newlines: int) -> int:
    position = 0
    for _ in range(newlines):
        position = block.index(b"\n", position) + 1
    return position


def _decoded_lines(file: io.BufferedReader[io.FileIO], encoding: str, limit: int) -> Iterator[str]:
    for _ in range(limit):
        line = file.readline(LINE_CHARACTERS * 4)
        if not line:
            return
        rest = 0 if line.endswith(b"\n") else _skip_rest_of_line(file)
        text = line.rstrip(b"\r\n").decode(encoding, "backslashreplace")
        yield _narrow(text) if not rest else f"{text[:LINE_CHARACTERS]} … [{human_bytes(rest)} more in this line]"


def _skip_rest_of_line(file: io.BufferedReader[io.FileIO]) -> int:
    deadline = time.monotonic() + _SECONDS
    rest = 0
    while time.monotonic() < deadline and (more := file.readline(_BLOCK)):
        rest += len(more)
        if more.endswith(b"\n"):
            break
    return rest


def _within_characters(lines: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Lines until there are enough characters; and whether that is why they ended."""
    result: list[str] = []
    characters = 0
    for line in lines:
        characters += len(line) + 8
        if characters > TEXT_CHARACTERS and result:
            return tuple(result), True
        result.append(storable(line))
    return tuple(result), False


def _narrow(line: str) -> str:
    if len(line) <= LINE_CHARACTERS:
        return line
    return f"{line[:LINE_CHARACTERS]} … [{plural(len(line) - LINE_CHARACTERS, 'character')} more in this line]"


def _too_far(line: int) -> CherryError:
    return CherryError(
        tools.TIMEOUT,
        f"Finding line {line:,} took longer than {_SECONDS:g} s (deadline fs.read.scan)",
        next_step="Use shell.run with sed or tail.",
    )


def _check_first(first: int, total: int, name: str) -> None:
    if first > max(1, total):
        raise CherryError(
            tools.BAD_ARGUMENTS,
            f"{shown(name)} has {plural(total, 'line')}; offset {first:,} is behind its end",
            next_step=f"Give an offset from 1 to {max(1, total)}.",
        )


def _binary(name: str, size: int, kind: str) -> CherryError:
    what = f"{shown(name)} is {kind or 'not text'}, {human_bytes(size)}"
    if "image" in kind:
        return CherryError(tools.BINARY, what, next_step="Only the user can show you an image: ask them to attach it.")
    return CherryError(tools.BINARY, what)


def _cannot_open(root: Path, relative: str, error: OSError) -> CherryError:
    where = shown(relative)
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return CherryError(tools.NO_SUCH_PATH, f"There is no file {where}", why=_near(root, relative))
    if error.errno in (errno.EACCES, errno.EPERM):
        return CherryError(tools.UNREADABLE, where=where, why="permission denied")
    if error.errno == errno.ELOOP:
        return CherryError(tools.OUTSIDE_WORKSPACE, where=where, why="a link was put in its way while it was opened")
    if error.errno in (errno.EINVAL, errno.ENXIO, errno.EISDIR):
        return _not_regular(root, relative)
    return CherryError(tools.UNREADABLE, where=where, why=error.strerror or str(error))


def _not_regular(root: Path, relative: str) -> CherryError:
    where = shown(relative)
    try:
        mode = (root / relative).lstat().st_mode
    except OSError:
        return CherryError(tools.NO_SUCH_PATH, f"There is no file {where}")
    if stat.S_ISDIR(mode):
        return CherryError(tools.NOT_A_FILE, f"{where} is a folder", next_step="List it with fs.list.")
    return CherryError(tools.NOT_A_FILE, where=where, why="it is a device, a named pipe or a socket")


def _near(root: Path, relative: str) -> str:
    """What lies there instead: the same name elsewhere is the commonest mistake."""
    folder = (root / relative).parent
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, 2_000)]
    except OSError:
        return ""
    near = difflib.get_close_matches(Path(relative).name, names, n=3, cutoff=0.6)
    return f"perhaps {' or '.join(shown(name) for name in near)} is meant" if near else ""

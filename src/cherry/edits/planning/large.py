"""Files too large to hold in memory: exact replacement by streaming, and a compact record of it for the way back.

Only exact text is found here (no tolerance), in any encoding that keeps ASCII bytes; the record of an edit holds the replaced
bytes and their places, not the file. A deleted or overwritten large file is kept in parts.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace
from cherry.edits.files.contents import Piece, Pieced, Reader, Stored, chunks, spliced
from cherry.kernel.text import human_bytes, plural

PART = 4 << 20
"""Bytes of one part of a file that is kept whole."""
_MOST_PLACES = 100_000
_LISTED = 5
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_AROUND = 2_000
"""Bytes before and after a place that are read to show it."""
_SHOWN_PLACES = 20


class Step(NamedTuple):
    """The same replacement at several places of one version of a file."""

    old: bytes
    new: bytes
    places: tuple[int, ...]
    """Offsets in the version before, ascending."""

    def reversed(self) -> "Step":
        shift = len(self.new) - len(self.old)
        return Step(self.new, self.old, tuple(place + index * shift for index, place in enumerate(self.places)))


@dataclass(frozen=True, slots=True)
class LargeChange:
    """How one version of a large file becomes another."""

    steps: tuple[Step, ...] = ()
    """From before to after; empty when the versions have nothing to do with each other."""
    before: Stored | None = None
    after: Stored | None = None
    """Versions kept in parts."""

    def to_json(self, before_digest: str, after_digest: str) -> bytes:
        record: dict[str, Any] = {"from": before_digest, "to": after_digest}
        if self.steps:
            record["steps"] = [[_packed(step.old), _packed(step.new), list(step.places)] for step in self.steps]
        if self.before:
            record["before"] = list(self.before.parts)
        if self.after:
            record["after"] = list(self.after.parts)
        return json.dumps(record, separators=(",", ":")).encode()


def from_json(data: bytes, before_digest: str) -> LargeChange:
    """The change as seen from the version `before_digest`: reversed when the record goes the other way."""
    record = json.loads(data)
    steps = tuple(
        Step(base64.b64decode(old), base64.b64decode(new), tuple(places))
        for old, new, places in record.get("steps", ())
    )
    before, after = (Stored(tuple(record[key])) if key in record else None for key in ("before", "after"))
    if record["from"] == before_digest:
        return LargeChange(steps, before, after)
    return LargeChange(tuple(step.reversed() for step in reversed(steps)), after, before)


def replay(content: Pieced, steps: Iterable[Step]) -> Pieced:
    pieces = content.pieces
    for step in steps:
        pieces = spliced(pieces, list(step.places), len(step.old), step.new)
    return Pieced(content.base, pieces)


class LargeEdit(NamedTuple):
    content: Pieced
    step: Step
    shown: str
    """Unified hunks of the first places."""


def replace_in_large(content: Pieced, edit: Replace, read: Reader) -> LargeEdit:
    """Raises CherryError(edits.NOT_FOUND, AMBIGUOUS, NO_CHANGE, ENCODING)."""
    if edit.old == edit.new:
        raise CherryError(edits.NO_CHANGE, where=edit.path)
    head = next(chunks(content, read), b"")[:2]
    if head in _WIDE:
        raise CherryError(edits.ENCODING, "A large file in UTF-16 cannot be edited", where=edit.path)
    step = _locate(content, edit, read)
    after = Pieced(content.base, spliced(content.pieces, list(step.places), len(step.old), step.new))
    return LargeEdit(after, step, _hunks(content, step, read))


def whole(base: str, size: int) -> Pieced:
    """A file on disk as it is."""
    return Pieced(base, (Piece(0, size),))


def _locate(content: Pieced, edit: Replace, read: Reader) -> Step:
    for end in ("\n", "\r\n"):
        old, new = _bytes_of(edit.old, end), _bytes_of(edit.new, end)
        if not old:
            break
        most = _MOST_PLACES + 1 if edit.all else _LISTED + 1
        places = _places(chunks(content, read), old, most, advance=len(old) if edit.all else 1)
        if len(places) > 1 and not edit.all:
            raise _ambiguous(content, edit, places, read)
        if len(places) > _MOST_PLACES:
            raise CherryError(edits.AMBIGUOUS, f"The text stands in more than {_MOST_PLACES:,} places", where=edit.path)
        if places:
            return Step(old, new, tuple(places))
        if "\n" not in edit.old:
            break
    size = human_bytes(content.size)
    raise CherryError(
        edits.NOT_FOUND, where=edit.path, why=f"in a file of {size} only exactly the same text is looked for"
    )


def _bytes_of(text: str, end: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", end).encode("utf-8", "surrogatepass")


def _ambiguous(content: Pieced, edit: Replace, places: list[int], read: Reader) -> CherryError:
    shown = ", ".join(str(number) for number in _line_numbers(content, places[:_LISTED], read))
    more = " and more" if len(places) > _LISTED else ""
    return CherryError(edits.AMBIGUOUS, where=edit.path, why=f"it stands at lines {shown}{more}")


def _places(blocks: Iterator[bytes], needle: bytes, most: int, *, advance: int) -> list[int]:
    """Where the needle stands, at most so many; each search begins `advance` bytes after the place before it."""
    places: list[int] = []
    rest = b""
    offset = 0
    for block in blocks:
        window = rest + block
        position = window.find(needle)
        after = 0
        while position != -1:
            places.append(offset + position)
            if len(places) >= most:
                return places
            after = position + advance
            position = window.find(needle, after)
        keep = max(after, len(window) - len(needle) + 1)
        rest = window[keep:]
        offset += keep
    return places


def _line_numbers(content: Pieced, places: Iterable[int], read: Reader) -> list[int]:
    """Of ascending places, from 1."""
    wanted = list(places)
    numbers: list[int] = []
    line, offset = 1, 0
    for block in chunks(content, read):
        start = 0
        while len(numbers) < len(wanted) and wanted[len(numbers)] < offset + len(block):
            end = wanted[len(numbers)] - offset
            line += block.count(b"\n", start, end)
            start = end
            numbers.append(line)
        if len(numbers) == len(wanted):
            break
        line += block.count(b"\n", start)
        offset += len(block)
    return numbers


def _hunks(content: Pieced, step: Step, read: Reader) -> str:
    places = step.places[:_SHOWN_PLACES]
    hunks = []
    grown = 0
    for place, line in zip(places, _line_numbers(content, places, read), strict=True):
        head = _slice(content, max(0, place - _AROUND), place, read).rpartition(b"\n")[2]
        end = place + len(step.old)
        tail = _slice(content, end, end + _AROUND, read).partition(b"\n")[0].removesuffix(b"\r")
        removed = (head + step.old + tail).decode("utf-8", "replace").split("\n")
        added = (head + step.new + tail).decode("utf-8", "replace").split("\n")
        lines = [f"@@ -{line},{len(removed)} +{line + grown},{len(added)} @@"]
        lines += [f"-{text}" for text in removed] + [f"+{text}" for text in added]
        hunks.append("\n".join(lines) + "\n")
        grown += step.new.count(b"\n") - step.old.count(b"\n")
    left_out = len(step.places) - len(places)
    return "".join(hunks) + (f"\\ {plural(left_out, 'more place')}\n" if left_out else "")


def _slice(content: Pieced, start: int, end: int, read: Reader) -> bytes:
    found = []
    position = 0
    for piece in content.pieces:
        low, high = max(start, position), min(end, position + piece.length)
        if low < high:
            inside = low - position
            literal = piece.literal
            found.append(
                read(high - low, piece.start + inside) if literal is None else literal[inside : inside + high - low]
            )
        position += piece.length
        if position >= end:
            break
    return b"".join(found)


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

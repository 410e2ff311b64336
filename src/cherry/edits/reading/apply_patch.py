"""The apply-patch format: `*** Begin Patch`, a section per file, `*** End Patch`.

A section ends where the next begins, so the last needs `*** End Patch`, without which a cut answer could not be told from a whole one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cherry.edits.edit import Delete, Rename
from cherry.edits.reading.lines import Lines, Step
from cherry.edits.reading.paths import given_path
from cherry.edits.reading.reading import Collector

FORM = "apply-patch"

_BEGIN = re.compile(r"^\s*\*{3}\s*Begin Patch\s*\**\s*$", re.IGNORECASE)
_END = re.compile(r"^\s*\*{3}\s*End (?:of )?Patch\s*\**\s*$", re.IGNORECASE)
_SECTION = re.compile(
    r"^\s*\*{3}\s*(?P<verb>Add|Create|Update|Modify|Delete|Remove) File:\s*(?P<path>.+?)\s*$", re.IGNORECASE
)
_MOVE = re.compile(r"^\*{3}\s*(?:Move|Rename)(?: File)? to:\s*(?P<path>.+?)\s*$", re.IGNORECASE)
_END_OF_FILE = re.compile(r"^\*{3}\s*End of File\s*$", re.IGNORECASE)
_NUMBERS = re.compile(r"^-\d+(?:,\d+)? \+\d+(?:,\d+)? @@")


def starts_patch(line: str) -> bool:
    return bool(_BEGIN.match(line) or _SECTION.match(line))


def read_sections(lines: Lines, into: Collector, *, fence: str = "", whole: bool = False) -> Step[None]:
    """A patch, standing at its first line. With `whole` the text is known not to be cut off, so its end may lack the marker."""
    line = yield from lines.peek()
    if line is not None and _BEGIN.match(line):
        yield from lines.next()
    count = 0
    while True:
        line = yield from lines.peek_text()
        found = _SECTION.match(line) if line is not None else None
        if line is None or found is None:
            break
        yield from lines.skip_to(line)
        yield from lines.next()
        count += 1
        into.line = lines.taken
        yield from _section(lines, into, found["verb"].lower(), found["path"], fence=fence, whole=whole)
    if line is not None and _END.match(line):
        yield from lines.skip_to(line)
        yield from lines.next()
    if not count:
        into.fault("A patch has no sections", next_step="Start each file with `*** Update File: path` or the like.")


def _section(lines: Lines, into: Collector, verb: str, name: str, *, fence: str, whole: bool) -> Step[None]:
    path = given_path(name)
    body: list[str] = []
    ended = yield from _body(lines, body, fence)
    if path is None:
        into.fault("A section of a patch names no usable file", path=name)
    elif verb in ("delete", "remove"):
        into.add(Delete(path=path), FORM)
    elif not ended and not whole:
        into.fault("A patch is cut off", path=path, next_step="Give it again, ended with `*** End Patch`.")
    elif verb in ("add", "create"):
        _add(into, path, body)
    else:
        _update(into, path, body)


def _body(lines: Lines, body: list[str], fence: str) -> Step[bool]:
    """The lines of a section; False when the answer ended before anything showed that the section was whole."""
    while True:
        line = yield from lines.peek()
        if line is None:
            return False
        if fence and line.strip() == fence:
            return True
        if line.startswith("*") and (_END.match(line) or _SECTION.match(line)):
            return True
        if _END.match(line):  # indented: the end if nothing of the patch follows, else a line of a file about patches
            after = yield from lines.peek(1)
            if after is None or not after.strip() or (fence and after.strip() == fence):
                yield from lines.next()
                lines.back(line.strip())
                return True
        body.append(line)
        yield from lines.next()


def _add(into: Collector, path: str, body: list[str]) -> None:
    while body and not body[-1]:
        body.pop()
    marked = [line.startswith("+") for line in body]
    if all(mark or not line for mark, line in zip(marked, body, strict=True)):
        into.write(path, "".join(line[1:] + "\n" for line in body), FORM)
    elif not any(marked):
        into.write(path, "".join(line + "\n" for line in body), FORM)
    else:
        number = marked.index(False) + 1
        into.fault("A new file in a patch cannot be read", path=path, why=f"its line {number} does not start with `+`")


@dataclass
class _Chunk:
    anchors: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False
    blanks: int = 0
    """Blank lines without a mark at its end so far: they may only separate it from what follows."""

    @property
    def is_empty(self) -> bool:
        return not self.old and not self.new

    def add(self, line: str) -> None:
        if not line:
            self.blanks += 1
            return
        for _ in range(self.blanks):
            self.old.append("\n")
            self.new.append("\n")
        self.blanks = 0
        mark, text = (line[0], line[1:]) if line[0] in "+- " else (" ", line)
        if mark != "+":
            self.old.append(text + "\n")
        if mark != "-":
            self.new.append(text + "\n")


def _update(into: Collector, path: str, body: list[str]) -> None:
    if body and (found := _MOVE.match(body[0])):
        to = given_path(found["path"])
        if to is None:
            into.fault("A patch moves a file to no usable name", path=path)
            return
        if to != path:
            into.add(Rename(path=path, to=to), FORM)
        path, body = to, body[1:]
        if not any(line.strip() for line in body):
            return
    chunks = list(_chunks(body))
    if not chunks:
        into.fault(
            "A patch updates a file without saying how",
            path=path,
            next_step="Give the lines with `-`, `+` and a space.",
        )
    for chunk in chunks:
        if not chunk.old and chunk.anchors and not chunk.at_end:
            why = "it only adds lines, and there may be more than one place below its `@@` line for them"
            into.fault("A part of a patch has no certain place", path=path, why=why, next_step="Add a line of context.")
            continue
        into.replace(
            path,
            "".join(chunk.old),
            "".join(chunk.new),
            FORM,
            anchors=tuple(chunk.anchors),
            at_end=chunk.at_end or not chunk.old,
        )


def _chunks(body: list[str]) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for line in body:
        if line.startswith("@@"):
            if not chunk.is_empty:
                yield chunk
                chunk = _Chunk()
            text = _NUMBERS.sub("", line[2:].strip()).strip().removesuffix("@@").strip()
            if text:
                chunk.anchors.append(text)
        elif _END_OF_FILE.match(line):
            chunk.at_end = True
            if not chunk.is_empty:
                yield chunk
            chunk = _Chunk()
        else:
            chunk.add(line)
    if not chunk.is_empty:
        yield chunk

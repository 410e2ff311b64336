"""One hunk of a unified diff: where it ends cannot be told by its counts, which models get wrong, but by what follows."""

import re
from collections.abc import Callable
from typing import NamedTuple

from cherry.edits.reading.lines import Lines, Step

_HEAD = re.compile(r"^@@+ -(?P<line>\d+)(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@+ ?(?P<heading>.*)$")
_LOOSE_HEAD = re.compile(r"^@@(?:.*?@@(?P<heading>.*)|(?P<rest>[^@]*))$")
_NO_NEWLINE = "\\"


class Hunk(NamedTuple):
    head: str
    old: str
    new: str
    line: int | None
    """Where it says it starts, from 1."""
    heading: str
    """What it says stands above it."""
    at_end: bool
    """It says that its last line is the last of the file, without a newline."""
    cut: bool
    """The answer ended before it was as long as it said."""


def is_hunk(line: str) -> bool:
    return bool(_HEAD.match(line) or _LOOSE_HEAD.match(line))


def is_numbered_hunk(line: str) -> bool:
    """The strict form, which nothing but a diff has."""
    return bool(_HEAD.match(line))


class _Body:
    """The lines of a hunk as they come in."""

    def __init__(self) -> None:
        self.old: list[str] = []
        self.new: list[str] = []
        self._last = " "
        self.old_open = False
        self.new_open = False

    def add(self, line: str) -> None:
        self._last = line[:1] if line[:1] in "+- " and line else " "
        text = (line[1:] if line[:1] in ("+", "-", " ") else line) + "\n"
        if self._last != "+":
            self.old.append(text)
        if self._last != "-":
            self.new.append(text)

    def no_newline(self) -> None:
        """The line before has no newline at its end."""
        self.old_open = self.old_open or self._last != "+"
        self.new_open = self.new_open or self._last != "-"


Starts = Callable[[str, str | None, str | None], bool]
"""Whether the diff of another file begins at a line, seeing the two after it."""


def read_hunk(lines: Lines, starts_diff: Starts, *, fence: str) -> Step[Hunk]:
    """The hunk whose `@@` line is next."""
    head = (yield from lines.next()) or ""
    found = _HEAD.match(head)
    counts = (int(found["old"] or 1), int(found["new"] or 1)) if found else None
    body = _Body()
    ended_early = False
    while True:
        line = yield from lines.peek()
        done = counts is None or (len(body.old), len(body.new)) == counts
        if line is None:
            ended_early = bool(fence) or (
                counts is not None and len(body.old) <= counts[0] and len(body.new) <= counts[1] and not done
            )
            break
        if line.startswith(_NO_NEWLINE):
            body.no_newline()
            yield from lines.next()
            continue
        if (yield from _ends(lines, line, starts_diff, fence=fence, done=done and counts is not None)):
            break
        body.add(line)
        yield from lines.next()
    return _made(head, found, body, cut=ended_early)


def _ends(lines: Lines, line: str, starts_diff: Starts, *, fence: str, done: bool) -> Step[bool]:
    """Whether the hunk is over before `line`, which is next."""
    if is_hunk(line) or (fence and line.strip() == fence):
        return True
    if done and line.rstrip() == "--":
        return True  # the signature below a patch sent by mail
    if line.startswith(("--- ", "diff --git ")):
        after, second = (yield from lines.peek(1)), (yield from lines.peek(2))
        return starts_diff(line, after, second)
    if not line.strip() and not line:
        return (done and not fence) or not (yield from _goes_on(lines, fence))
    return not fence and line[:1] not in "+- \t"


def _goes_on(lines: Lines, fence: str) -> Step[bool]:
    """After a blank line without its leading space: whether more of the hunk follows."""
    line = yield from lines.peek_text()
    if not line or is_hunk(line) or (fence and line.strip() == fence):
        return False
    if line.startswith(("diff --git ", "--- ")):
        return False
    return bool(fence) or line[:1] in "+- "


def _made(head: str, found: re.Match[str] | None, body: _Body, *, cut: bool) -> Hunk:
    loose = _LOOSE_HEAD.match(head)
    heading = found["heading"] if found else ((loose["heading"] or loose["rest"] or "") if loose else "")
    old, new = "".join(body.old), "".join(body.new)
    return Hunk(
        head=head,
        old=old.removesuffix("\n") if body.old_open else old,
        new=new.removesuffix("\n") if body.new_open else new,
        line=int(found["line"]) or None if found else None,
        heading=heading.strip(),
        at_end=body.old_open,
        cut=cut,
    )

"""Edits whose texts came disguised as a whole: escaped, with line numbers of a listing, or framed by lines that are not content.

Each function takes the disguise off both texts, or gives None when it does not prove to be one. What comes out still has to be found
in the file; a disguise never makes differing letters the same.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from cherry.edits.placing.omission import is_marker

_ESCAPE = re.compile(r"\\(?:(?P<plain>[nrt\"'`\\/])|u(?P<code>[0-9a-fA-F]{4}))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_MARKS = ("\t", "→\t", "→", "|", "| ", ":", ": ", " → ", ")", ") ", "  ")
_NUMBER = re.compile(r"^ {0,8}[0-9]{1,7} ?$")
_FENCE = re.compile(r"^\s*(?:```|~~~)[\w+.#-]*\s*$")
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@")
_ELISION = re.compile(r"^\s*(?:…|\.{3,}|\[(?:…|\.{3,})\]|\((?:…|\.{3,})\))\s*$")
_MOST_FRAME_LINES = 4


class Disguise(NamedTuple):
    """An edit without its disguise."""

    old: str
    new: str
    name: str
    first_number: int = 0
    """The line number the first line was given; 0 when there was none."""
    counted_lines: int = 0
    """How many lines had one."""
    whole_lines: bool = False
    """The disguise shows that the texts are whole lines; both end with a newline then."""
    even: bool = True
    """False when not every line of the new text wore the disguise: its indentation then cannot be compared with the old one's."""


def disguises(old: str, new: str) -> Iterator[Disguise]:
    if escaped := _escaped(old, new):
        yield escaped
    yield from _numbered(old, new)
    if framed := _framed(old, new):
        yield framed
        yield from _numbered(framed.old, framed.new)


def _escaped(old: str, new: str) -> Disguise | None:
    r"""Texts escaped once too often: `a\nb` for two lines. Real line breaks beside written ones are not that."""
    if "\\n" not in old or "\n" in old.strip("\n") or "\n" in new.strip("\n"):
        return None
    old_plain, new_plain = _unescaped(old), _unescaped(new)
    if _breaks_literal(old_plain, new_plain, new):
        return None
    return Disguise(old_plain, new_plain, "escaped newlines")


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found["code"]:
            char = chr(int(found["code"], 16))
            return found[0] if "\ud800" <= char <= "\udfff" else char
        return _ESCAPED.get(found["plain"], found["plain"])

    return _ESCAPE.sub(plain, text)


def _breaks_literal(old: str, new: str, written: str) -> bool:
    """A line of the new text that was not in the old ends inside quotes: a `\\n` of the program itself was taken for a line break."""
    if '\\"' in written or "\\\\" in written:
        return False  # quotes and backslashes are escaped too, so a `\n` of the program would be `\\n`
    known = set(old.split("\n"))
    added = [line for line in new.split("\n") if line not in known]
    return any(line.replace('\\"', "").count(quote) % 2 for line in added for quote in ('"', "'", "`"))


def _numbered(old: str, new: str) -> Iterator[Disguise]:
    """Line numbers copied from a listing, counting up by one on every line of the old text."""
    if not any(line.lstrip()[:1].isdigit() for line in old.split("\n", 1)):
        return
    for mark in _MARKS:
        bare = [_without_number(line, mark) for line in _lines(old)]
        numbers = [found.number for found in bare if found]
        if not numbers or len(numbers) < len(bare) or any(b != a + 1 for a, b in pairwise(numbers)):
            continue
        pairs = [(line, _without_number(line, mark)) for line in _lines(new)]
        yield Disguise(
            _joined([found.text for found in bare if found]),
            _joined([found.text if found else line for line, found in pairs]),
            "line numbers",
            numbers[0],
            len(numbers),
            whole_lines=True,
            even=all(found or not line.strip() for line, found in pairs),
        )


class _Numbered(NamedTuple):
    number: int
    text: str


def _without_number(line: str, mark: str) -> _Numbered | None:
    head, found, rest = line.partition(mark)
    if not found and line.rstrip().removesuffix(mark.strip()).strip().isdigit():
        head, rest, found = (
            line.rstrip().removesuffix(mark.strip()),
            "",
            mark,
        )  # an empty line that lost its white space
    if not found or not _NUMBER.match(head):
        return None
    return _Numbered(int(head), rest)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _joined(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _framed(old: str, new: str) -> Disguise | None:
    """Lines around the text that are not content: fences, hunk headers, a lone `...` for what is not shown."""
    old_lines, new_lines = old.split("\n"), new.split("\n")
    head = _frame_length(old_lines)
    tail = _frame_length(old_lines[head:][::-1])
    if not head and not tail:
        return None
    old_frame = (old_lines[:head], old_lines[len(old_lines) - tail :])
    if new_lines[:head] != old_frame[0] or (tail and new_lines[len(new_lines) - tail :] != old_frame[1]):
        return None
    if len(new_lines) < head + tail:
        return None
    return Disguise(
        _joined(_lines("\n".join(old_lines[head : len(old_lines) - tail]))),
        _joined(_lines("\n".join(new_lines[head : len(new_lines) - tail]))),
        "framing lines",
        whole_lines=True,
    )


def _frame_length(lines: list[str]) -> int:
    count = 0
    length = 0
    for index, line in enumerate(lines):
        if index > _MOST_FRAME_LINES:
            break
        if _FENCE.match(line) or _HUNK.match(line) or _ELISION.match(line) or is_marker(line):
            count, length = count + 1, index + 1
        elif line.strip():
            break
    return length if count else 0

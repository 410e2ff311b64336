"""Markers that stand for code left out (`# ... rest unchanged`): recognised, filled in where only one reading is possible,
otherwise refused. A marker never reaches a file.

Invariant of filling in: every line of the text filled from is in the result, in its order; nothing is lost by a marker.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from cherry.domain.errors import CherryError, edits
from cherry.kernel.text import one_line

_COMMENT = re.compile(
    r"^\s*(?:\{\s*/\*|\{#|<!--|\(\*|/\*+|//+|--+(?!>)|#+|;+|%+|\"|'|REM\b|\*|\[|\()?\s*(?P<text>.*?)\s*"
    r"(?:\*/\s*\}|#\}|-->|\*\)|\*+/|\]|\))?\s*$"
)
_DOTS = r"(?:\.{3,}|…)"
_LEFT = r"(?:rest|remainder|remaining|existing|other|previous|original|unchanged|unmodified|omitted|truncated|snip(?:ped)?|same)"
_WHAT = (
    r"(?:code|file|function|functions|method|methods|class|classes|import|imports|implementation|content|contents|line|lines|"
    r"field|fields|test|tests|logic|body|config|configuration|definitions?|properties|props|routes|styles|rules|entries|items|"
    r"handlers?|unchanged|the same|as before|here|omitted|for brevity|remains?|stays?|as is)"
)
_DOTTED = re.compile(rf"^{_DOTS}.*\b{_LEFT}\b|^{_DOTS}.*\b(?:keep|leave|code|as before|no changes?)\b", re.IGNORECASE)
_PLAIN = re.compile(
    rf"^(?:the |your |all |all the |keep |keep the |keep all )*{_LEFT}\b(?: of)?(?: the| your| this| these)?"
    rf"(?: \w+)? {_WHAT}\b[ \w,]*{_DOTS}?$|^existing code$",
    re.IGNORECASE,
)
_UNCHANGED = re.compile(
    r"\b(?:unchanged|the same|same as|as before|omitted|as is|for brevity|here|goes|remains?|stays?)\b|\bexisting \w+$"
    r"|^(?:the )?(?:rest|remainder) of (?:the |your |this )?(?:code|file|function|class|method|module|component|implementation)$",
    re.IGNORECASE,
)
_ONLY_DOTS = re.compile(rf"^{_DOTS}$")
_BARE_DOTS_ARE_CODE = (".py", ".pyi", ".pyx", ".md", ".rst", ".txt", ".yaml", ".yml", ".adoc", ".tex", ".html", ".json")
_MOST_MARKERS = 50
_LONGEST_MARKER = 160
"""Characters; a longer line says something of its own."""


def is_marker(line: str, path: str = "", *, dots: bool = True) -> bool:
    """True for a line that only says that code was left out. A bare `...` is code in some languages, told by the path.

    Without `dots`, dots alone do not say it.
    """
    bare = line.strip()
    if not bare or len(bare) > _LONGEST_MARKER:
        return False
    if _ONLY_DOTS.match(bare):
        return dots and not path.lower().endswith(_BARE_DOTS_ARE_CODE)
    found = _COMMENT.match(line)
    if found is None:
        return False
    is_comment = not bare.startswith(found["text"]) or not found["text"]
    text = found["text"].strip("()[]<> ")
    if _ONLY_DOTS.match(text):
        return is_comment and dots
    if _DOTTED.match(text):
        return is_comment or bool(_UNCHANGED.search(text))
    dotted = bool(re.search(rf"{_DOTS}$", text))
    return is_comment and bool(_PLAIN.match(text)) and (dotted or bool(_UNCHANGED.search(text)))


def markers(text: str, path: str, *, dots: bool = True) -> list[str]:
    """The marker lines of a text, stripped, in order."""
    if (
        "..." not in text
        and "…" not in text
        and not re.search(r"unchanged|existing|rest of|same as|remain", text, re.I)
    ):
        return []
    return [line.strip() for line in text.split("\n") if is_marker(line, path, dots=dots)]


def settled(new: str, *, source: str, known: str, path: str) -> str:
    """`new` with its markers filled in from `source`; markers that stand in `known` too are ordinary text.

    Raises CherryError(edits.OMISSION) when more than one reading, or none, is possible.
    """
    dots = bool(source.strip())  # where there is nothing to leave out, dots are only dots
    found = markers(new, path, dots=dots)
    known_markers = set(markers(known, path)) if found else set()
    if known_markers.issuperset(found):
        return new
    lines = new.split("\n")
    places = [i for i, line in enumerate(lines) if line.strip() in set(found) - known_markers]
    filled = _filled(lines, places, source.split("\n"))
    if filled is None:
        shown = one_line(lines[places[0]], 80)
        raise CherryError(edits.OMISSION, where=path, why=f"line {places[0] + 1} of the new text is {shown!r}")
    return "\n".join(filled)


def _filled(lines: Sequence[str], places: Sequence[int], source: Sequence[str]) -> list[str] | None:
    """Every marker becomes the lines of `source` between what is kept before and after it."""
    if len(places) > _MOST_MARKERS:
        return None
    pieces = _pieces(lines, places)
    result: list[str] = []
    position = 0
    for index, piece in enumerate(pieces):
        follows_marker, precedes_marker = index > 0, index < len(pieces) - 1
        if not any(line.strip() for line in piece):
            if follows_marker and not precedes_marker:
                return [*result, *source[position:]]
            if follows_marker:
                return None
            continue
        start = _start(piece, source, position) if follows_marker else position
        if start is None:
            return None
        end = _kept_until(piece, source, start, tight_end=precedes_marker)
        if end is None or (not precedes_marker and any(line.strip() for line in source[end:])):
            return None
        result += [*source[position:start], *piece]
        position = end
    return result


def _pieces(lines: Sequence[str], places: Sequence[int]) -> list[list[str]]:
    bounds = [-1, *places, len(lines)]
    return [_stripped(lines[a + 1 : b], index > 0, b < len(lines)) for index, (a, b) in enumerate(pairwise(bounds))]


def _stripped(piece: Sequence[str], at_start: bool, at_end: bool) -> list[str]:
    """Without the blank lines that only set a marker off."""
    kept = list(piece)
    while at_start and kept and not kept[0].strip():
        kept.pop(0)
    while at_end and kept and not kept[-1].strip():
        kept.pop()
    return kept


def _start(piece: Sequence[str], source: Sequence[str], position: int) -> int | None:
    """Where a piece that follows a marker takes up the source again: its first line, which must stand there once only."""
    found = [i for i in range(position, len(source)) if source[i] == piece[0]]
    return found[0] if len(found) == 1 and source.count(piece[0]) == 1 else None


def _kept_until(piece: Sequence[str], source: Sequence[str], start: int, *, tight_end: bool) -> int | None:
    """How far the source is kept by a piece that only adds to it; None when it might also drop or change something."""
    position = start
    added: list[str] = []
    for line in piece:
        if position < len(source) and line == source[position]:
            position += 1
        else:
            added.append(line)
    known = {line for line in source if line.strip()}
    if any(line in known for line in added):
        return None
    ends_kept = position > start and piece[-1] == source[position - 1] and bool(piece[-1].strip())
    return None if tight_end and not ends_kept else position

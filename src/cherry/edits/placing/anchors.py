"""Lines said to stand above a place (`@@ class Foo`). They choose between places that fit equally, and never make one fit."""

from collections.abc import Sequence
from typing import NamedTuple

from cherry.edits.placing.document import Document
from cherry.edits.placing.indentation import indent_of, width

_CLOSERS = ("}", ")", "]", "end", "{")
_SECTION_MARKS = ("[", "#", "=")
_CUT_HEADING = 30
"""Tools cut long headings; from this length a beginning is enough."""


class Scope(NamedTuple):
    """Lines `start` to `end` of a document, counted from 0, the end not included."""

    start: int
    end: int


def scope(document: Document, anchors: Sequence[str]) -> Scope | None:
    """The block the innermost anchor opens; None when there are no anchors or one is not found exactly once."""
    found: Scope | None = None
    for anchor in anchors:
        if not anchor.strip():
            continue
        area = found or Scope(0, len(document))
        lines = [i for i in range(area.start, area.end) if _is_anchor(document.lines[i], anchor.strip())]
        if len(lines) != 1:
            return None
        found = _block(document, lines[0], area.end)
    return found


def _is_anchor(line: str, anchor: str) -> bool:
    text = line.strip()
    if text == anchor:
        return True
    if not text.startswith(anchor):
        return False
    rest = text[len(anchor) :]
    return len(anchor) >= _CUT_HEADING or rest.lstrip()[:1] in ("(", ":", "{")


def _block(document: Document, line: int, limit: int) -> Scope:
    """From the anchor to the next line that is not deeper, or for a section heading to the next heading."""
    opening = document.lines[line]
    mark = opening[:1] if opening.startswith(_SECTION_MARKS) else ""
    depth = width(indent_of(opening))
    for index in range(line + 1, limit):
        text = document.lines[index]
        if not text.strip():
            continue
        if mark:
            if text.startswith(mark):
                return Scope(line, index)
        elif width(indent_of(text)) <= depth and not text.strip().startswith(_CLOSERS):
            return Scope(line, index)
    return Scope(line, limit)

"""The one place an edit means.

Boundary: text in, spans out; reads and writes no files. Invariant: a span is given only when exactly one place fits.
"""

from typing import NamedTuple

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace


class Span(NamedTuple):
    """Characters `start` to `end` of the text become `replacement`."""

    start: int
    end: int
    replacement: str


class Placed(NamedTuple):
    """Where an edit applies and what will stand there."""

    spans: tuple[Span, ...]
    """In order, not overlapping."""
    tolerance: str
    """`exact`, or the name of the tolerance that was needed."""
    note: str
    """A sentence for the model about it; empty when there is nothing to say."""
    first_line: int
    last_line: int
    """Lines of the text before the edit that it touches, from 1."""


def place(text: str, edit: Replace) -> Placed:
    """Raises CherryError(edits.NOT_FOUND, AMBIGUOUS, ALREADY_APPLIED, NO_CHANGE or OMISSION)."""
    if edit.old == edit.new:
        raise CherryError(edits.NO_CHANGE, where=edit.path)
    starts = _occurrences(text, edit.old, overlapping=not edit.all)
    if not starts:
        raise CherryError(edits.NOT_FOUND, where=edit.path)
    if len(starts) > 1 and not edit.all:
        raise CherryError(edits.AMBIGUOUS, where=edit.path)
    spans = tuple(Span(start, start + len(edit.old), edit.new) for start in starts)
    first_line = text.count("\n", 0, spans[0].start) + 1
    last_line = text.count("\n", 0, max(spans[-1].start, spans[-1].end - 1)) + 1
    return Placed(spans, "exact", "", first_line, last_line)


def apply(text: str, placed: Placed) -> str:
    """The text with the spans replaced; every other character stays."""
    pieces = []
    position = 0
    for start, end, replacement in placed.spans:
        pieces += [text[position:start], replacement]
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _occurrences(text: str, old: str, *, overlapping: bool) -> list[int]:
    if not old:
        return [] if text else [0]
    starts = []
    start = text.find(old)
    while start != -1:
        starts.append(start)
        start = text.find(old, start + (1 if overlapping else len(old)))
    return starts

"""The result of finding a place, and writing it into the text."""

from typing import NamedTuple


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


def apply(text: str, placed: Placed) -> str:
    """The text with the spans replaced; every other character stays."""
    pieces = []
    position = 0
    for start, end, replacement in placed.spans:
        pieces += [text[position:start], replacement]
        position = end
    pieces.append(text[position:])
    return "".join(pieces)

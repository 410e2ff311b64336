"""Edits whose old and new text both leave out the same stretches of the file (`...` between the lines that matter).

The pieces between the markers are placed one by one; every old piece must stand exactly once, in order, so what the markers stand for
is certain and stays as it is.
"""

from typing import NamedTuple

from cherry.edits.placing.document import Document
from cherry.edits.placing.omission import is_marker

_MOST_MARKERS = 20


class Segment(NamedTuple):
    """Characters of the document and what they become, with `\\n` line ends."""

    start: int
    end: int
    new: str


def placed_in_segments(document: Document, old: str, new: str, path: str) -> list[Segment] | None:
    """None when the edit is not of this kind or a piece of it has not exactly one place."""
    old_pieces, new_pieces = _pieces(old, path), _pieces(new, path)
    if len(old_pieces) < 2 or len(old_pieces) != len(new_pieces) or len(old_pieces) > _MOST_MARKERS + 1:
        return None
    segments = []
    position = 0
    for ours, theirs in zip(old_pieces, new_pieces, strict=True):
        if not ours.strip():
            if theirs.strip():
                return None
            continue
        found = _once(document, ours)
        if found is None or found < position:
            return None
        position = found + len(ours)
        if ours != theirs:
            segments.append(Segment(found, position, theirs))
    return segments or None


def _pieces(text: str, path: str) -> list[str]:
    """The whole lines between the markers."""
    pieces = [""]
    for line in text.split("\n"):
        if is_marker(line, "" if line.strip() in ("...", "…") else path):
            pieces.append("")
        else:
            pieces[-1] += line + "\n"
    if pieces[-1].endswith("\n"):
        pieces[-1] = pieces[-1][:-1]  # the split adds one line end too many
    return pieces


def _once(document: Document, piece: str) -> int | None:
    """Where a piece stands on whole lines, exactly once."""
    text = document.text
    found = [
        start
        for start in _occurrences(text, piece)
        if (start == 0 or text[start - 1] == "\n")
        and (piece.endswith("\n") or text[start + len(piece) :][:1] in ("", "\n"))
    ]
    return found[0] if len(found) == 1 else None


def _occurrences(text: str, piece: str) -> list[int]:
    starts = []
    start = text.find(piece)
    while start != -1:
        starts.append(start)
        start = text.find(piece, start + 1)
    return starts

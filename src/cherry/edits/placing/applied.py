"""Recognising an edit that was made before, so that it is neither made twice nor taken for a failure."""

import re

from cherry.edits.placing.composing import changes
from cherry.edits.placing.document import Document

_LEAST_CHARACTERS = 3


def already_there(text: str, start: int, end: int, replacement: str) -> bool:
    """True when the place reads as the edit wants it, the part the edit adds included."""
    region = text[start:end]
    if len(replacement) <= len(region) or not region:
        return replacement == region
    offset = replacement.find(region)
    while offset != -1:
        if offset <= start and text.startswith(replacement, start - offset):
            return True
        offset = replacement.find(region, offset + 1)
    return False


def is_covered(text: str, start: int, end: int, new: str) -> bool:
    """True when the place, found by a tolerance, lies inside the new text as it stands there word for word."""
    found = text.find(new, max(0, end - len(new)))
    return len(new) >= end - start and 0 <= found <= start


def seems_applied(document: Document, old: str, new: str) -> int | None:
    """When the old text is nowhere: the line where the new one stands, if it stands there once and says enough to be it."""
    start = document.text.find(new) if new.strip() else -1
    if (
        start == -1
        or document.text.find(new, start + 1) != -1
        or not _stands_alone(document.text, start, start + len(new))
    ):
        return None
    old_lines, new_lines = old.split("\n"), new.split("\n")
    removed: list[str] = []
    added: list[str] = []
    for change in changes(old_lines, new_lines):
        if not change.kept:
            removed += [line.strip() for line in old_lines[change.old_start : change.old_end] if line.strip()]
            added += [line.strip() for line in new_lines[change.new_start : change.new_end] if line.strip()]
    line = document.line_at(start)
    if added:
        around = document.lines[max(0, line - len(old_lines)) : line + len(old_lines) + len(new_lines)]
        still_there = {text.strip() for text in around}.intersection(set(removed) - set(added))
        telling = len("".join(added)) >= _LEAST_CHARACTERS and not still_there
    else:
        # Only lines went: they must be nowhere, and what is left must be lines on both sides of the gap.
        telling = _surrounds_a_gap(old_lines, new_lines) and not any(text in document.text for text in removed)
    return line if telling else None


def _surrounds_a_gap(old: list[str], new: list[str]) -> bool:
    kept = [change for change in changes(old, new) if change.kept]
    sides = [any(line.strip() for line in old[change.old_start : change.old_end]) for change in kept]
    return sum(sides) >= 2


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Not a part of a longer word at either side."""
    before = start > 0 and re.match(r"\w\w", text[start - 1 : start + 1])
    after = end < len(text) and re.match(r"\w\w", text[end - 1 : end + 1])
    return not before and not after

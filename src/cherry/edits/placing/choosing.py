"""Several places fit: which of them is meant, if anything proves it."""

from cherry.edits.edit import Replace
from cherry.edits.placing import refusals
from cherry.edits.placing.anchors import scope
from cherry.edits.placing.document import Document
from cherry.edits.placing.matching import MOST_PLACES, Match


def chosen(document: Document, edit: Replace, matches: list[Match]) -> list[Match]:
    """The one match meant, or with `all` every one that does not overlap another. Raises CherryError(edits.AMBIGUOUS)."""
    if edit.all:
        return _apart(matches)
    if len(matches) > MOST_PLACES:
        raise refusals.ambiguous(document, edit, [match.start for match in matches])
    if len(matches) > 1 and edit.at_end:
        matches = [match for match in matches if not document.text[match.end :].strip()] or matches
    if len(matches) > 1 and (area := scope(document, edit.anchors)):
        start, end = document.starts[area.start], document.starts[area.end]
        matches = [match for match in matches if start <= match.start and match.end <= end] or matches
    if len(matches) > 1:
        raise refusals.ambiguous(document, edit, [match.start for match in matches])
    return matches


def _apart(matches: list[Match]) -> list[Match]:
    kept: list[Match] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept

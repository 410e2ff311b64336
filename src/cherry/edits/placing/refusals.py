"""What is said when an edit is not applied as it was given: which lines, what differs, what to do."""

from collections.abc import Sequence

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace
from cherry.edits.placing.document import Document
from cherry.edits.placing.matching import Match
from cherry.edits.placing.nearest import describe, lines_name, listed, nearest


def note(overlooked: Sequence[str], mended: Sequence[str], first_line: int, last_line: int) -> str:
    """What the model is told of the tolerance that was needed; empty for none."""
    sentences = []
    if overlooked:
        where = lines_name(first_line, last_line)
        sentences.append(
            f"The old text differs from {where} in {' and '.join(overlooked)} alone; the edit was fitted to the file."
        )
    if mended:
        sentences.append(f"The new text had lost the {' and the '.join(mended)}; it was given back.")
    return " ".join(sentences)


def not_found(document: Document, edit: Replace, sought: Sequence[str]) -> CherryError:
    place = nearest(document, sought, edit.hint_line)
    why = describe(document, sought, place) if place else "nothing in the file is like it"
    return CherryError(edits.NOT_FOUND, where=edit.path, why=why)


def nothing_to_replace(document: Document, edit: Replace) -> CherryError:
    return CherryError(
        edits.NOT_FOUND,
        "The old text is empty, but the file is not",
        where=edit.path,
        why=f"it has {len(document)} lines",
        next_step="Give the lines to replace, or the line to add after as both old and beginning of new.",
    )


def ambiguous(document: Document, edit: Replace, starts: Sequence[int]) -> CherryError:
    lines = sorted({document.line_at(start) for start in starts})
    what = f"The text to replace stands in {len(starts)} places"
    return CherryError(edits.AMBIGUOUS, what, where=edit.path, why="it starts at\n" + listed(document, lines))


def already_applied(edit: Replace, line: int) -> CherryError:
    return CherryError(edits.ALREADY_APPLIED, where=edit.path, why=f"the new text stands at line {line}")


def partly_applied(document: Document, edit: Replace, starts: Sequence[int]) -> CherryError:
    lines = sorted({document.line_at(start) for start in starts})
    return CherryError(
        edits.AMBIGUOUS,
        "Some of the places to replace already have the new text",
        where=edit.path,
        why="replacing every one would change these twice:\n" + listed(document, lines),
        next_step="Give more text around the places that are to change.",
    )


def two_readings(edit: Replace, why: str) -> CherryError:
    return CherryError(
        edits.AMBIGUOUS,
        "The new text can be meant in two ways",
        where=edit.path,
        why=why,
        next_step="Give whole lines, with the indentation they have in the file.",
    )


def differs_there(document: Document, edit: Replace, match: Match, why: str) -> CherryError:
    lines = range(document.line_at(match.start), document.line_at(max(match.start, match.end - 1)) + 1)
    what = f"The text to replace is not quite what {lines_name(lines.start + 1, lines.stop)} holds"
    return CherryError(edits.NOT_FOUND, what, where=edit.path, why=f"{why}; the file has\n{listed(document, lines)}")

"""Whole-file contents that leave something out: filled in from the file where only one reading is possible, otherwise refused."""

from cherry.edits.edit import Write
from cherry.edits.line_ends import with_lf
from cherry.edits.placing import omission


def complete(text: str, edit: Write) -> str:
    """The content to write over a file that holds `text` (empty for a new one).

    Raises CherryError(edits.OMISSION) when the content has a marker for left-out code that stands for nothing certain.
    """
    return omission.settled(edit.content, source=with_lf(text), known=text, path=edit.path)

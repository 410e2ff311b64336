"""Errors of edits and change sets."""

from cherry.domain.errors.base import ErrorKind

NOT_FOUND = ErrorKind(
    "edits.not_found",
    "The text to replace is not in the file",
    "Copy the text exactly as shown, with its indentation.",
    audience="model",
)
AMBIGUOUS = ErrorKind(
    "edits.ambiguous",
    "The text to replace stands in several places",
    "Give more lines around it, or all=true to change every one.",
    audience="model",
)
ALREADY_APPLIED = ErrorKind(
    "edits.already_applied", "The file already has this change", "Go on; nothing needs doing.", audience="model"
)
NO_CHANGE = ErrorKind(
    "edits.no_change", "The edit changes nothing", "Give a new text that differs from the old.", audience="model"
)
STALE = ErrorKind(
    "edits.stale", "The file changed since it was read", "Read it again, then edit what is there now.", audience="model"
)
MALFORMED = ErrorKind(
    "edits.malformed", "The edit could not be read", "Write it again in the form described.", audience="model"
)
OMISSION = ErrorKind(
    "edits.omission",
    "The new text leaves code out with a marker",
    "Write the whole text; nothing is filled in by guessing.",
    audience="model",
)
EXISTS = ErrorKind(
    "edits.exists",
    "There is already a file of the new name",
    "Choose another name, or delete that file first.",
    audience="model",
)
UNWRITABLE = ErrorKind(
    "edits.unwritable", "The file cannot be written", "Check permissions and space with the user.", audience="model"
)
NO_SPACE = ErrorKind(
    "edits.no_space", "The disk is full; nothing was changed", "Free some space and try again.", audience="operator"
)
ENCODING = ErrorKind(
    "edits.encoding",
    "The new text has characters the file's encoding cannot hold",
    "Use other characters, or ask the user to convert the file.",
    audience="model",
)
NOTHING_TO_UNDO = ErrorKind(
    "edits.nothing_to_undo", "There is nothing to undo", "See `cherry sessions show` for what changed when."
)
NOTHING_TO_REDO = ErrorKind(
    "edits.nothing_to_redo", "There is nothing to redo", "Only what was undone last can be redone."
)
UNDO_CONFLICT = ErrorKind(
    "edits.undo_conflict",
    "A file changed since and cannot be put back without losing that",
    "Save or revert your own change to the file named, then undo again.",
)
LOCKED = ErrorKind(
    "edits.locked",
    "Another Cherry is writing in this workspace",
    "Try again in a moment.",
    audience="model",
    effect="retry",
)

ALL = (
    NOT_FOUND,
    AMBIGUOUS,
    ALREADY_APPLIED,
    NO_CHANGE,
    STALE,
    MALFORMED,
    OMISSION,
    EXISTS,
    UNWRITABLE,
    NO_SPACE,
    ENCODING,
    NOTHING_TO_UNDO,
    NOTHING_TO_REDO,
    UNDO_CONFLICT,
    LOCKED,
)

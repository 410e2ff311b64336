"""What was read out of an answer, and the place readers put it as they go."""

from typing import NamedTuple

from cherry.domain.calls import Fault
from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Edit, Rename, Replace, Write

_MOST_EDITS = 2_000
_MOST_FAULTS = 50


class Piece(NamedTuple):
    """A stretch of an answer that holds edits, or tries to."""

    first: int
    """Its lines, from 1: with those that do nothing but name its file."""
    last: int
    label: int
    """The line of a sentence above that names the file it is of; 0 when it does not need one."""
    edits: int
    """How many of the reading's edits it gave, in their order."""
    faults: tuple[Fault, ...]
    form: str
    """As in `Reading.format`; empty when nothing of it could be read."""
    explicit: bool
    """Its form has no other use than to change the file it names: not a whole file in a fence, not hunks whose file is only
    named around them, not data with nothing but paths and contents."""


class Reading(NamedTuple):
    """The edits of an answer in its order. With any fault the answer as a whole should be asked for again."""

    edits: tuple[Edit, ...]
    faults: tuple[Fault, ...]
    """What looked like an edit and could not be read for certain: nothing of it is in `edits`."""
    format: str
    """`search/replace`, `unified diff`, `apply-patch`, `whole files`, `file blocks`, `json`, `yaml`, several with ` + `, or `none`."""
    pieces: tuple[Piece, ...] = ()
    """Where the edits and faults stand, when they were read out of an answer."""


class Collector:
    """Edits and faults as readers find them."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.faults: list[Fault] = []
        self.formats: dict[str, None] = {}
        self.path = ""
        """The file edits were last read for; a block without a name belongs to it."""
        self.line = 0
        """Where in the text that begins which is being read, from 1; 0 when that is not known."""
        self.explicit = True
        """See `Piece.explicit`; readers of other forms set it to False."""
        self._pieces: list[Piece] = []
        self._last_form = ""
        self._placed = (0, 0)
        """How many edits and faults belong to pieces."""

    def add(self, edit: Edit, form: str) -> None:
        if len(self.edits) >= _MOST_EDITS:
            self.fault(f"The answer has more than {_MOST_EDITS:,} edits", path=edit.path)
            return
        self.edits.append(edit)
        self.formats[form] = None
        self._last_form = form
        self.path = edit.to if isinstance(edit, Rename) else edit.path

    def replace(self, path: str, old: str, new: str, form: str, **details: object) -> None:
        if not _is_text(old, new):
            self.fault("The edit holds characters that are not text (lone surrogates)", path=path)
        elif old == new:
            self.fault("The edit changes nothing: its old and its new text are the same", path=path)
        else:
            self.add(Replace.model_validate({"path": path, "old": old, "new": new, **details}), form)

    def write(self, path: str, content: str, form: str) -> None:
        if _is_text(content):
            self.add(Write(path=path, content=content), form)
        else:
            self.fault("The content holds characters that are not text (lone surrogates)", path=path)

    def fault(self, what: str, *, path: str = "", why: str = "", next_step: str = "") -> None:
        if len(self.faults) < _MOST_FAULTS:
            place = f"line {self.line} of what you wrote" if self.line else ""
            where = ", ".join(part for part in (path, place) if part)
            self.faults.append(CherryError(edits.MALFORMED, what, where=where, why=why, next_step=next_step).fault())

    def piece(self, first: int, last: int, *, label: int = 0) -> None:
        """These lines hold what was found since the last piece; nothing is noted when that is nothing."""
        edits, faults = self._placed
        found, faulty = len(self.edits) - edits, tuple(self.faults[faults:])
        if found or faulty:
            form = self._last_form if found else ""
            self._pieces.append(Piece(first, last, label, found, faulty, form, self.explicit))
        self._placed = (len(self.edits), len(self.faults))
        self.explicit = True

    def reading(self) -> Reading:
        formats = " + ".join(self.formats) or "none"
        return Reading(tuple(self.edits), tuple(self.faults), formats, tuple(self._pieces))


def _is_text(*texts: str) -> bool:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""What was read out of an answer, and the place readers put it as they go."""

from typing import NamedTuple

from cherry.domain.calls import Fault
from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Edit, Rename, Replace, Write

_MOST_EDITS = 2_000
_MOST_FAULTS = 50


class Reading(NamedTuple):
    """The edits of an answer in its order. With any fault the answer as a whole should be asked for again."""

    edits: tuple[Edit, ...]
    faults: tuple[Fault, ...]
    """What looked like an edit and could not be read for certain: nothing of it is in `edits`."""
    format: str
    """`search/replace`, `unified diff`, `apply-patch`, `whole files`, `file blocks`, `json`, `yaml`, several with ` + `, or `none`."""


class Collector:
    """Edits and faults as readers find them."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.faults: list[Fault] = []
        self.formats: dict[str, None] = {}
        self.path = ""
        """The file edits were last read for; a block without a name belongs to it."""

    def add(self, edit: Edit, form: str) -> None:
        if len(self.edits) >= _MOST_EDITS:
            self.fault(f"The answer has more than {_MOST_EDITS:,} edits", path=edit.path)
            return
        self.edits.append(edit)
        self.formats[form] = None
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
            self.faults.append(CherryError(edits.MALFORMED, what, where=path, why=why, next_step=next_step).fault())

    def reading(self) -> Reading:
        return Reading(tuple(self.edits), tuple(self.faults), " + ".join(self.formats) or "none")


def _is_text(*texts: str) -> bool:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True

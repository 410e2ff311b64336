"""Search/replace blocks: `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`, in their many spellings."""

import re
from typing import NamedTuple

from cherry.edits.reading.lines import Lines, Step
from cherry.edits.reading.paths import path_in
from cherry.edits.reading.reading import Collector

FORM = "search/replace"

_START = re.compile(
    r"^\s*(?P<mark><{5,9}|-{5,13}|<{3}(?= ?SEARCH))\s*(?P<word>SEARCH|ORIGINAL|OLD|FIND|BEFORE|HEAD)\b:?\s*(?P<rest>\S.*?)?\s*>?\s*$"
)
_DIVIDER = re.compile(r"^\s*(?P<mark>={5,13}|={3}(?=\s*$))\s*$")
_DIVIDER_LIKE = re.compile(r"^\s*[=]{3,13}\s*$")
_END = re.compile(
    r"^\s*(?P<mark>>{5,9}|\+{5,13}|>{3}(?= ?REPLACE))\s*(?:REPLACED?|UPDATED?|NEW|AFTER|MODIFIED|CHANGED)\b:?\s*$"
)
_CONFLICT_END = re.compile(r"^>{7} \S+")
_BARE_END = re.compile(r"^\s*>{5,9}\s*$")


class Start(NamedTuple):
    mark: str
    path: str
    conflict: bool
    """It may as well be a merge conflict that is only shown."""


def start_of(line: str) -> Start | None:
    """The start of a block, with the path when the marker names one."""
    found = _START.match(line)
    if found is None:
        return None
    path = path_in(found["rest"]) if found["rest"] else None
    return Start(found["mark"], path or "", found["word"] == "HEAD")


def read_block(lines: Lines, into: Collector, start: Start, path: str, *, fence: str = "") -> Step[None]:
    """One block, its start marker already taken. `fence` is what would close the fence around it."""
    into.line = lines.taken
    body: list[str] = []
    why = ""
    while not why:
        line = yield from lines.next()
        if line is None:
            why = "the answer ends inside it"
        elif _END.match(line) or (_BARE_END.match(line) and any(_DIVIDER.match(text) for text in body)):
            _take(into, path, body, len(start.mark))
            return
        elif start.conflict and _CONFLICT_END.match(line):
            return
        elif start_of(line) is not None:
            lines.back(line)
            why = "another block starts inside it"
        elif fence and line.strip() == fence and (yield from _closes(lines, body)):
            lines.back(line)
            why = "the fence around it ends first"
        else:
            body.append(line)
    _refuse(into, path, f"{why}, before `>>>>>>> REPLACE`")


def _closes(lines: Lines, body: list[str]) -> Step[bool]:
    """A fence line inside a block belongs to its content as long as the block goes on after it."""
    for distance in range(_LOOK_AHEAD):
        line = yield from lines.peek(distance)
        if line is None or start_of(line) is not None:
            return True
        if _END.match(line) or (_DIVIDER.match(line) and not any(_DIVIDER.match(text) for text in body)):
            return False
    return True


_LOOK_AHEAD = 400
"""Lines after a fence line that are looked at to see whether a block goes on."""


def _take(into: Collector, path: str, body: list[str], width: int) -> None:
    dividers = [index for index, line in enumerate(body) if _DIVIDER_LIKE.match(line)]
    exact = [index for index in dividers if len(body[index].strip()) == width]
    if not exact:
        exact = [index for index in dividers if _DIVIDER.match(body[index])]
    if len(exact) > 1:
        # An underline of the text itself may look like a divider; only one that is alone can be told from it.
        next_step = "Use longer markers on all three lines, of the same length."
        _refuse(into, path, f"{len(exact)} of its lines could be its divider", next_step)
    elif not exact:
        _refuse(into, path, "it has no `=======` line")
    elif not path:
        _refuse(into, "", "no file is named", "Put the file's path on a line of its own before the block.")
    else:
        into.replace(path, _text(body[: exact[0]]), _text(body[exact[0] + 1 :]), FORM)


def _text(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _refuse(into: Collector, path: str, why: str, next_step: str = "") -> None:
    into.fault("A search/replace block cannot be read", path=path, why=why, next_step=next_step)

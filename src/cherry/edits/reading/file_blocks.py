"""`FILE:` / `ACTION:` / `CONTENT:` blocks: a file per block, its content in a fence."""

import re

from cherry.edits.edit import Delete, Rename
from cherry.edits.reading.lines import Lines, Step
from cherry.edits.reading.paths import given_path
from cherry.edits.reading.reading import Collector

FORM = "file blocks"

_FIELD = re.compile(
    r"^\s*(?:[-*+]\s+|#{1,6}\s+)?\**(?P<name>FILE(?:NAME| ?PATH)?|PATH|ACTION|OPERATION|CONTENTS?|CODE|TO|NEW ?PATH)"
    r"\**\s*:\**\s*(?P<value>.*?)\s*$",
    re.IGNORECASE,
)
_ACTIONS = {
    **dict.fromkeys(("create", "add", "new", "write"), "write"),
    **dict.fromkeys(("modify", "update", "edit", "replace", "change", "overwrite", "create/modify"), "write"),
    **dict.fromkeys(("delete", "remove"), "delete"),
    **dict.fromkeys(("rename", "move"), "rename"),
}
_TOLD = frozenset(
    {"created", "added", "written", "modified", "updated", "edited", "changed", "replaced", "deleted", "removed"}
)
_TOLD |= {"renamed", "moved", "unchanged", "kept", "none"}
"""What was done, in the head of a report; with a content it is meant as an order all the same."""


class Fields:
    """The head of a block as it is read."""

    def __init__(self) -> None:
        self.path = ""
        self.action = ""
        self.to = ""
        self.has_content = False
        self.inline = ""


def _field(line: str) -> tuple[str, str] | None:
    found = _FIELD.match(line)
    if found is None:
        return None
    name = found["name"].lower().replace(" ", "")
    name = "file" if name in ("file", "filename", "filepath", "path") else name
    name = {"operation": "action", "contents": "content", "code": "content", "newpath": "to"}.get(name, name)
    return name, found["value"].strip().removesuffix("**").strip()


def may_start_block(line: str) -> bool:
    """Whether it is worth looking at the line after it."""
    found = _field(line)
    return found is not None and found[0] in ("file", "action")


def starts_block(line: str, after: str | None) -> bool:
    """Whether a block begins at `line`, seeing the line after it: two fields in a row, the first a file or an action."""
    first, second = _field(line), _field(after or "")
    if first is None or second is None:
        return False
    pair = {first[0], second[0]}
    if not (first[0] in ("file", "action") and len(pair) == 2 and pair <= {"file", "action", "content", "to"}):
        return False
    actions = [value for name, value in (first, second) if name == "action"]
    return all(" " not in value for value in actions) and (bool(actions) or line.lstrip("*#- ").startswith("FILE"))


def read_head(lines: Lines, into: Collector) -> Step[Fields]:
    """The fields of a block. What needs no content is added at once; with content, it follows in a fence."""
    fields = Fields()
    while not fields.has_content:
        line = yield from lines.peek_text()
        found = _field(line) if line is not None else None
        if line is None or found is None or (found[0] == "file" and fields.path):
            break
        yield from lines.skip_to(line)
        yield from lines.next()
        _note(fields, *found)
    if fields.action.strip("`*").lower() in _TOLD:
        fields.action = "write" if fields.has_content else ""
        if not fields.has_content:
            return fields
    verb = _verb(fields.action) if fields.action else "write"
    if not fields.path:
        into.fault("A file block names no usable file")
    elif verb == "delete":
        into.add(Delete(path=fields.path), FORM)
    elif verb == "rename" and fields.to:
        into.add(Rename(path=fields.path, to=fields.to), FORM)
    elif not verb or verb == "rename":
        into.fault(
            "A file block has an action that cannot be carried out", path=fields.path, why=f"it says {fields.action!r}"
        )
    fields.action = verb if fields.path else ""
    return fields


def _note(fields: Fields, name: str, value: str) -> None:
    if name == "file":
        fields.path = given_path(value) or ""
    elif name == "action":
        fields.action = value
    elif name == "to":
        fields.to = given_path(value) or ""
    else:
        fields.has_content, fields.inline = True, value


def _verb(action: str) -> str:
    return _ACTIONS.get(action.strip().strip("`*").lower(), "")

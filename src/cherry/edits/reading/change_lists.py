"""Lists of changes as data, from JSON or YAML: which shapes are one, and the edits in them."""

import importlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cherry.edits.edit import Delete, Rename, SetMode
from cherry.edits.reading import loose_json
from cherry.edits.reading.paths import given_path
from cherry.edits.reading.reading import Collector
from cherry.kernel.text import one_line

_LISTS = (
    "changes",
    "edits",
    "files",
    "operations",
    "modifications",
    "patches",
    "file_changes",
    "filechanges",
    "actions",
)
_PATHS = ("path", "file", "filename", "file_path", "filepath", "file_name", "target_file")
_CONTENTS = ("content", "contents", "code", "new_content", "newcontent", "file_content", "full_content", "file_text")
_OLDS = ("old", "search", "old_string", "old_str", "old_text", "oldtext", "oldstring", "find", "before", "original")
_NEWS = (
    "new",
    "replace",
    "new_string",
    "new_str",
    "new_text",
    "newtext",
    "newstring",
    "replacement",
    "after",
    "updated",
)
_ACTIONS = ("action", "operation", "op", "type", "kind", "change_type", "changetype", "command")
_TARGETS = ("to", "new_path", "newpath", "destination", "rename_to", "new_file")
_ALLS = ("all", "replace_all", "replaceall")
_DELETES = frozenset({"delete", "remove", "delete_file", "remove_file"})
_RENAMES = frozenset({"rename", "move", "rename_file", "move_file"})
_VERBS = (
    _DELETES
    | _RENAMES
    | {
        *("create", "add", "new", "write", "modify", "update", "edit", "replace", "change", "overwrite", "insert"),
        *("create_file", "add_file", "write_file", "update_file", "edit_file", "modify_file", "replace_file"),
    }
)
_YAML_HEAD = re.compile(rf"^\s*(?:- *)?(?:{'|'.join(_LISTS + _PATHS)})\s*:", re.IGNORECASE | re.MULTILINE)


def may_be_yaml_list(text: str) -> bool:
    """Cheap and rough: whether reading it as YAML could give a list of changes."""
    return bool(_YAML_HEAD.search(text[:2_000])) and len(_keys_in(text, _PATHS)) > 0


class Reader(Protocol):
    """Reads edits from data as text; true when it was a list of changes."""

    def __call__(self, text: str, into: Collector, *, demanded: bool) -> bool: ...


def read_json(text: str, into: Collector, *, demanded: bool) -> bool:
    """True when the text is a list of changes; with `demanded`, what cannot be read is a fault even when it may be other data."""
    try:
        data = loose_json.loads(text)
    except ValueError as error:
        if demanded or _seems_list(text):
            into.explicit = _seems_explicit(text)
            into.fault("A list of changes in JSON cannot be read", why=str(error))
            return True
        return False
    return _read(data, into, "json", demanded=demanded)


def read_yaml(text: str, into: Collector, *, demanded: bool) -> bool:
    """Like `read_json`."""
    if not demanded and not may_be_yaml_list(text):
        return False
    # Loaded here and not above: PyYAML costs start-up time, and answers in YAML are rare.
    reader = importlib.import_module("cherry.edits.reading.yaml_text")
    try:
        data = reader.loads(text)
    except ValueError as error:
        if demanded or _seems_list(text):
            into.explicit = _seems_explicit(text)
            into.fault("A list of changes in YAML cannot be read", why=str(error))
            return True
        return False
    return _read(data, into, "yaml", demanded=demanded)


def _seems_list(text: str) -> bool:
    """For data that cannot be read: whether its words are those of a list of changes."""
    return bool(_keys_in(text, _PATHS)) and bool(
        _keys_in(text, _CONTENTS) or (_keys_in(text, _OLDS) and _keys_in(text, _NEWS))
    )


def _seems_explicit(text: str) -> bool:
    return bool(_keys_in(text, _OLDS) and _keys_in(text, _NEWS)) or bool(_keys_in(text, ("action", "operation")))


def _keys_in(text: str, names: Sequence[str]) -> list[str]:
    return re.findall(rf"(?im)(?:^|[\s{{,\"'-])(?:{'|'.join(names)})[\"']?\s*:", text[:20_000])


class _Item(NamedTuple):
    """One change, its keys in lower case."""

    fields: Mapping[str, Any]

    def first(self, names: Sequence[str]) -> Any:
        return next((self.fields[name] for name in names if name in self.fields), None)

    @property
    def action(self) -> str:
        action = self.first(_ACTIONS)
        return action.lower().strip() if isinstance(action, str) else ""

    @property
    def is_change(self) -> bool:
        if not isinstance(self.first(_PATHS), str):
            return False
        paired = self.first(_OLDS) is not None and self.first(_NEWS) is not None
        return paired or self.first(_CONTENTS) is not None or self.action in _DELETES | _RENAMES or bool(self.nested)

    @property
    def is_explicit(self) -> bool:
        """It says what is to be done, not only what a file holds."""
        return bool(self.action in _VERBS or self.first(_OLDS) is not None or self.nested)

    @property
    def nested(self) -> list["_Item"]:
        inner = self.first(("edits", "changes", "replacements", "operations", "blocks"))
        return _items(inner) if isinstance(inner, list) else []


def _items(data: Sequence[Any]) -> list[_Item]:
    return [
        _Item({str(key).lower(): value for key, value in entry.items()}) for entry in data if isinstance(entry, dict)
    ]


def _read(data: Any, into: Collector, form: str, *, demanded: bool) -> bool:
    found = _found(data)
    if found is None:
        if demanded:
            into.fault(
                f"The {form.upper()} is no list of changes",
                next_step="Give each change a path and content, or old and new.",
            )
        return demanded
    into.explicit = all(item.is_explicit for item in found)
    for item in found:
        _take(item, into, form)
    return True


def _found(data: Any) -> list[_Item] | None:
    """The changes in a value; None when it is other data."""
    if isinstance(data, list):
        items = _items(data)
        return items if items and all(item.is_change for item in items) and len(items) == len(data) else None
    if not isinstance(data, dict):
        return None
    lowered = {str(key).lower(): value for key, value in data.items()}
    single = _Item(lowered)
    if single.is_change and (single.action or single.first(_OLDS) is not None or single.nested):
        return [single]
    for name in _LISTS:
        inner = lowered.get(name)
        if isinstance(inner, list) and any(item.is_change for item in _items(inner)):
            return _items(inner) if len(_items(inner)) == len(inner) else None
        if isinstance(inner, dict) and inner and all(isinstance(value, str) for value in inner.values()):
            return [_Item({"path": path, "content": content}) for path, content in inner.items()]
    return None


def _take(item: _Item, into: Collector, form: str) -> None:
    named = item.first(_PATHS)
    path = given_path(named) if isinstance(named, str) else None
    if path is None:
        into.fault("A change names no usable file", why=one_line(str(named), 80))
        return
    if item.action in _DELETES:
        into.add(Delete(path=path), form)
    elif item.action in _RENAMES:
        _rename(item, path, into, form)
    elif item.nested:
        for inner in item.nested:
            _replace_or_write(inner, path, into, form)
    else:
        _replace_or_write(item, path, into, form)


def _rename(item: _Item, path: str, into: Collector, form: str) -> None:
    named = item.first(_TARGETS)
    to = given_path(named) if isinstance(named, str) else None
    if to is None:
        into.fault("A change renames a file without a new name", path=path)
    else:
        into.add(Rename(path=path, to=to), form)


def _replace_or_write(item: _Item, path: str, into: Collector, form: str) -> None:
    old, new, content = item.first(_OLDS), item.first(_NEWS), item.first(_CONTENTS)
    if isinstance(old, str) and isinstance(new, str):
        into.replace(path, old, new, form, all=item.first(_ALLS) is True)
    elif isinstance(content, str) and old is None and new is None:
        into.write(path, content, form)
    else:
        wrong = (
            "it has neither a content nor an old and a new text"
            if old is None and content is None
            else "a text of it is no text"
        )
        into.fault("A change cannot be read", path=path, why=wrong)
    if isinstance(executable := item.fields.get("executable"), bool):
        into.add(SetMode(path=path, executable=executable), form)

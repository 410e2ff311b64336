"""Changing one setting in a TOML file without touching anything else in it: comments, order and spacing stay.

The new text is read again before it is written: it must say exactly what the old one said plus the change, and fit the schema.
Otherwise nothing is written and the error says what to do by hand. The write is atomic and keeps the file's mode; a symbolic link
is followed, so a configuration kept elsewhere stays there.
"""

import contextlib
import os
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from cherry.config.files import parse_toml, read_text
from cherry.config.schema import bad_value, no_such_setting, unknown_key_error, unknown_keys, wrong_values
from cherry.config.settings import is_secret
from cherry.config.sources import Key, Layer, LayerKind, Source, written
from cherry.config.toml_lines import Statement, read_key, statements
from cherry.domain.errors import CherryError, config


class Change(NamedTuple):
    file: Path
    key: str
    before: str
    """The value as it was written; empty when it was not there, or is secret."""
    after: str
    line: int


def parse_key(text: str) -> Key:
    """`limits.max_steps` or `gateway.prices."openai/gpt-5".input`. Raises UNKNOWN_KEY for what cannot be a key."""
    key, end = read_key(text.strip())
    if end != len(text.strip()) or not all(key):
        raise no_such_setting(text)
    if len(key) < 2:
        raise no_such_setting(text)
    return key


def set_value(file: Path, key: Key, given: str) -> Change:
    """Set a key to a value as a person types it: `20`, `true`, `openai/gpt-5`, `["ruff check ."]`, with or without quotes.

    Raises CherryError(config.UNKNOWN_KEY, BAD_VALUE, BAD_FILE).
    """
    if file.suffix != ".toml":
        raise _refused(file, "only TOML files are edited by Cherry")
    target = file.resolve()
    text = read_text(target) if target.exists() else ""
    old = parse_toml(text, file, LayerKind.USER_FILE).values
    literal, value = _fitting(old, key, given)
    edit = _edited(text, key, literal, file)
    wanted = deepcopy(old)
    _put(wanted, key, value)
    if parse_toml(edit.text, file, LayerKind.USER_FILE).values != wanted:
        raise _refused(file, "the file is written in a way that Cherry cannot change safely")
    _write(target, edit.text)
    return Change(file, written(key), "" if is_secret(key) else edit.before, literal, edit.line)


class _Edit(NamedTuple):
    text: str
    before: str
    line: int


def _fitting(old: dict[str, Any], key: Key, given: str) -> tuple[str, Any]:
    """The value as TOML: read as TOML if that fits the setting, as plain text otherwise."""
    candidates = [_literal(given)]
    try:
        as_written = parse_toml(f"value = {given}\n", Path("value"), LayerKind.FLAG).values
        if set(as_written) == {"value"} and "\n" not in given:
            candidates.insert(0, given.strip())
    except CherryError:
        pass  # not TOML: then it is text
    first_error: CherryError | None = None
    for literal in candidates:
        value = parse_toml(f"value = {literal}\n", Path("value"), LayerKind.FLAG).values["value"]
        try:
            _check(old, key, value)
        except CherryError as error:
            first_error = first_error or error
            continue
        return literal, value
    assert first_error is not None
    raise first_error


def _check(old: dict[str, Any], key: Key, value: Any) -> None:
    """Only what the change makes wrong is refused: what else is wrong in the file has been there before."""
    values = deepcopy({key[0]: old.get(key[0], {})})
    before = {wrong.key for wrong in wrong_values(key[0], values[key[0]])}
    _put(values, key, value)
    only_new: dict[str, Any] = {}
    _put(only_new, key, value)
    for unknown, known in unknown_keys(Layer(only_new, {}, Source(LayerKind.USER_FILE))):
        raise unknown_key_error(unknown, known, "")
    for wrong in wrong_values(key[0], values[key[0]]):
        if wrong.key == key or wrong.key not in before:
            raise bad_value(wrong, "")


def _edited(text: str, key: Key, literal: str, file: Path) -> _Edit:
    found = list(statements(text))
    newline = "\r\n" if "\r\n" in text else "\n"
    for statement in found:
        if statement.key == key and statement.kind == "pair":
            new = text[: statement.value_start] + literal + text[statement.value_end :]
            return _Edit(new, text[statement.value_start : statement.value_end], statement.line)
        if statement.kind == "pair" and statement.key == key[: len(statement.key)]:
            raise _refused(file, f"{written(statement.key)} is written on one line ({statement.line})")
    if place := _place_in_table(found, key):
        line = f"{written(key[len(place.table) :])} = {literal}{newline}"
        head = text[: place.end]
        lead = "" if not head or head.endswith("\n") else newline
        new = head + lead + line + text[place.end :]
        return _Edit(new, "", head.count("\n") + len(lead) // len(newline) + 1)
    lead = "" if not text else newline if text.endswith("\n") else newline * 2
    head = f"{text}{lead}[{written(key[:-1])}]{newline}"
    return _Edit(f"{head}{written(key[-1:])} = {literal}{newline}", "", head.count("\n") + 1)


def _place_in_table(found: list[Statement], key: Key) -> Statement | None:
    """The statement after which a new key of this table belongs."""
    table = key[:-1]
    neighbours = [statement for statement in found if statement.kind == "pair" and statement.key[:-1] == table]
    headers = [statement for statement in found if statement.kind == "table" and statement.key == table]
    places = neighbours or headers
    return places[-1] if places else None


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char >= " " and char != "\x7f" else f"\\u{ord(char):04x}" for char in escaped) + '"'


def _put(values: dict[str, Any], key: Key, value: Any) -> None:
    for part in key[:-1]:
        below = values.get(part)
        if not isinstance(below, dict):
            below = values[part] = {}
        values = below
    values[key[-1]] = value


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o600
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise CherryError(
            config.BAD_FILE,
            "The configuration file cannot be written",
            where=str(target),
            why=error.strerror or str(error),
            next_step="Check the folder's permissions and free space.",
        ) from error


def _refused(file: Path, why: str) -> CherryError:
    return CherryError(
        config.BAD_FILE,
        "The file was not changed",
        where=str(file),
        why=why,
        next_step="Open it in an editor; `cherry config path` tells where it is.",
    )

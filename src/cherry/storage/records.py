"""Events as text and back.

Invariants: what `encode` accepted, `decode` gives back equal (it is read again before it is accepted) · an event's id depends
only on session, turn, kind and `key()` · text that is not valid Unicode (a path with stray bytes) survives.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from pydantic_core import from_json as any_from_json

from cherry.domain.base import Value
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Recorded
from cherry.kernel.ids import derived_id

V = TypeVar("V", bound=Value)

KINDS: dict[str, type[Event]] = {member.model_fields["kind"].default: member for member in get_args(get_args(Event)[0])}
"""Every kind of event this Cherry can read. One class each: the schema of a kind that does not occur is never built."""

PLAIN = 0
ESCAPED = 1

# Lone surrogates cannot be written as UTF-8. Behind a mark from the last private plane they become characters that can;
# the mark itself is doubled, so that nothing else is ever taken for one.
_MARK = "\U0010fffd"
_OFFSET = 0xE000 - 0xD800
_UNWRITABLE = re.compile(f"[\ud800-\udfff{_MARK}]")
_MARKED = re.compile(f"{_MARK}([\ue000-\ue7ff{_MARK}])")


class Encoded(NamedTuple):
    text: str
    """JSON."""
    form: int
    """`PLAIN`, or `ESCAPED` when it holds marks for what UTF-8 cannot."""


class StoredEvent(NamedTuple):
    """A row of the log as it lies in the database."""

    id: str
    session: str
    seq: int
    turn: int
    at: float
    kind: str
    form: int
    body: bytes
    """UTF-8 JSON."""


def event_id(session: str, turn: int, event: Event) -> str:
    return derived_id("e", session, turn, event.kind, event.key())


def recorded(event: Event, *, id: str, session: str, seq: int, turn: int, at: float) -> Recorded:
    """Without validation: its parts come from here, and building the schema over all kinds would cost a start-up 8 ms."""
    return Recorded.model_construct(id=id, session=session, seq=seq, turn=turn, at=at, event=event)


def rewritten(record: Recorded, session: str) -> Recorded:
    """The same event as part of another session."""
    id = event_id(session, record.turn, record.event)
    return recorded(record.event, id=id, session=session, seq=record.seq, turn=record.turn, at=record.at)


def encode(event: Event) -> Encoded:
    """Raises CherryError(storage.BAD_EVENT) for what could not be read again, so that no log is poisoned."""
    try:
        encoded = to_json(event)
        from_json(type(event), encoded.text, encoded.form)
    except (ValueError, RecursionError) as error:  # pydantic's own errors are ValueErrors; depth raises either
        raise CherryError(storage.BAD_EVENT, f"A {event.kind} event cannot be kept", why=_first_line(error)) from error
    return encoded


def decode(row: StoredEvent) -> Recorded:
    """Raises CherryError(storage.DAMAGED), and NEWER_DATABASE for a kind or version this Cherry does not know."""
    known = KINDS.get(row.kind)
    if known is None:
        raise _newer(row, f"its kind is {row.kind!r}")
    try:
        event = from_json(known, row.body, row.form)
    except (ValidationError, RecursionError) as error:
        if _version(row.body) > _newest_version(known):
            raise _newer(row, f"its version of {row.kind} is {_version(row.body)}") from None
        raise damaged(row.session, row.seq, _first_line(error)) from error
    if event.v > _newest_version(known):
        raise _newer(row, f"its version of {row.kind} is {event.v}")
    return recorded(event, id=row.id, session=row.session, seq=row.seq, turn=row.turn, at=row.at)


def damaged(session: str, seq: int, why: str) -> CherryError:
    return CherryError(
        storage.DAMAGED, f"Event {seq} of {session} cannot be read; the {seq - 1} before it can", why=why
    )


def escape_surrogates(text: str) -> str:
    """Text that can be written as UTF-8; only for what is compared with text escaped the same way."""
    return _UNWRITABLE.sub(lambda found: _MARK + (_MARK if found[0] == _MARK else chr(ord(found[0]) + _OFFSET)), text)


def to_json(value: Value) -> Encoded:
    """Raises PydanticSerializationError for what JSON cannot hold."""
    try:
        return Encoded(value.model_dump_json(), PLAIN)
    except PydanticSerializationError:
        escaped = type(value).model_validate(mapped(value.model_dump(), escape_surrogates))
        return Encoded(escaped.model_dump_json(), ESCAPED)


def from_json(kind: type[V], text: str | bytes, form: int) -> V:
    """Raises ValidationError."""
    value = kind.model_validate_json(text)
    if form == PLAIN:
        return value
    return kind.model_validate(mapped(value.model_dump(), _restore_surrogates))


def _restore_surrogates(text: str) -> str:
    return _MARKED.sub(lambda found: _MARK if found[1] == _MARK else chr(ord(found[1]) - _OFFSET), text)


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Plain nested values with every text in them changed, names of fields too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {mapped(key, change): mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(mapped(item, change) for item in value)
    return value


def _newest_version(kind: type[Event]) -> int:
    version: int = kind.model_fields["v"].default
    return version


def _version(body: bytes) -> int:
    """The version an unreadable event claims; 0 when even that cannot be told."""
    try:
        claimed = any_from_json(body)["v"]
    except (ValueError, TypeError, KeyError):
        return 0
    return claimed if isinstance(claimed, int) else 0


def _newer(row: StoredEvent, why: str) -> CherryError:
    return CherryError(
        storage.NEWER_DATABASE, f"Event {row.seq} of {row.session} was written by a newer Cherry", why=why
    )


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc']) or 'the whole'}: {fault['msg']}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__

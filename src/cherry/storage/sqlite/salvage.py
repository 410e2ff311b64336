"""A new database from what can still be read of a damaged one. The damaged file is only read.

Each session is taken over up to its first event that is missing or cannot be read: a conversation with a hole would be refused by
every provider. What can be read behind the hole is given as JSON lines. Only a lost beginning is made up, from what the index says of
the session. Events of a newer Cherry are taken over as they are. A row counts only when its id is the one its content gives, so
nothing is made of stray bytes.
"""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import SessionStarted
from cherry.domain.sessions import SessionInfo
from cherry.storage import sql
from cherry.storage.records import StoredEvent, decode, encode, event_id
from cherry.storage.sqlite.care import rebuild_index
from cherry.storage.sqlite.connecting import open_writer, refuse_newer
from cherry.storage.sqlite.errors import storage_error
from cherry.storage.sqlite.ledger import carry_spending
from cherry.storage.sqlite.pages import Pages, Row, Value
from cherry.storage.sqlite.rows import session_info
from cherry.storage.sqlite.snapshot import seal

_COLUMNS = 9
_INDEX_COLUMNS = 6
_MOST_EVENTS = 1 << 40

_FOUND = """
CREATE TEMP TABLE found (
    position INTEGER PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, turn INTEGER NOT NULL,
    at REAL NOT NULL, kind TEXT NOT NULL, form INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (session, seq)
)
"""
_ADD_FOUND = """
INSERT OR IGNORE INTO found (position, session, seq, id, turn, at, kind, form, body)
VALUES (:position, :session, :seq, :id, :turn, :at, :kind, :form, :body)
"""
_FOUND_SESSIONS = "SELECT DISTINCT session FROM found ORDER BY session"
_FOUND_FIRST = "SELECT min(seq), count(*) FROM found WHERE session = :session"
_ADD_MADE_UP = """
INSERT INTO found (session, seq, id, turn, at, kind, form, body) VALUES (:session, :seq, :id, :turn, :at, :kind, :form, :body)
"""
_FOUND_EVENTS = (
    "SELECT id, session, seq, turn, at, kind, form, body, position FROM found WHERE session = :session ORDER BY seq"
)
_KEEP_EVENT = """
INSERT INTO events (position, session, seq, id, turn, at, kind, form, body)
VALUES (:position, :session, :seq, :id, :turn, :at, :kind, :form, CAST(:body AS TEXT))
"""
_KEEP_FENCE = (
    "INSERT OR REPLACE INTO leases (session, holder, fence, seconds, renewed_at) VALUES (:session, '', :fence, 0, 0)"
)


class Cut(NamedTuple):
    """A session of which only the beginning was saved."""

    session: str
    events: int
    """Saved; 0 when nothing was."""
    lost: int
    """Events behind the hole that were seen, or are known to have been there."""
    why: str
    rest: tuple[str, ...]
    """Those of them that can be read, as JSON."""


class Salvaged(NamedTuple):
    sessions: int
    events: int
    cut: tuple[Cut, ...]
    made_up: tuple[str, ...]
    """Sessions whose beginning was lost and made up from the index; the rest of them is as it was."""


class _Outcome(NamedTuple):
    cut: tuple[Cut, ...]
    made_up: tuple[str, ...]


def salvage(damaged: Path, target: Path, stream: BinaryIO, old: sqlite3.Connection | None) -> Salvaged:
    """Make the new database at `target`. `stream` reads the damaged file; `old` is what `alone` gave for it.

    Raises CherryError: NEWER_DATABASE when a newer Cherry has written it, NO_SPACE, READ_ONLY, IO.
    """
    try:
        if old is not None:
            refuse_newer(old, damaged)
        with contextlib.closing(open_writer(target)) as connection:
            outcome = _salvage(connection, Pages(damaged, stream), old)
    except sqlite3.Error as error:
        raise storage_error(error, target) from error
    counted = seal(target)
    return Salvaged(counted.sessions, counted.events, *outcome)


def _salvage(connection: sqlite3.Connection, pages: Pages, old: sqlite3.Connection | None) -> _Outcome:
    connection.execute("PRAGMA synchronous = OFF")  # it is synced as a whole when it is complete
    connection.execute(_FOUND)
    connection.execute("BEGIN IMMEDIATE")
    listed: dict[str, SessionInfo] = {}
    for row in pages.rows():
        if event := _event(row):
            connection.execute(_ADD_FOUND, {**event._asdict(), "position": row.rowid})
        elif info := _listed(row):
            listed[info.id] = info
    made_up = tuple(sorted(info.id for info in listed.values() if _make_up_beginning(connection, info)))
    ends = {session: info.last_seq for session, info in listed.items()}
    found = {session for (session,) in connection.execute(_FOUND_SESSIONS).fetchall()}
    cuts = [_take_over(connection, session, ends.get(session, 0)) for session in sorted({*found, *ends})]
    if old:
        for session, fence in _known_fences(old).items():
            connection.execute(_KEEP_FENCE, {"session": session, "fence": fence})
        carry_spending(connection, old)
    rebuild_index(connection)
    connection.execute("COMMIT")
    connection.execute("DROP TABLE found")
    return _Outcome(tuple(cut for cut in cuts if cut is not None), made_up)


def _event(row: Row) -> StoredEvent | None:
    """The row as one of the table of events; None when it is none."""
    if len(row.values) < _COLUMNS or row.values[0] is not None or not 0 < row.rowid < _MOST_EVENTS:
        return None
    _, session, seq, id, turn, at, kind, form, body = row.values[:_COLUMNS]
    if not (isinstance(seq, int) and isinstance(turn, int) and isinstance(form, int) and isinstance(at, int | float)):
        return None
    if seq < 1 or not isinstance(body, bytes):
        return None
    texts = _text(session), _text(id), _text(kind)
    if not (texts[0] and texts[1].startswith("e_") and texts[2]):
        return None
    return StoredEvent(texts[1], texts[0], seq, turn, float(at), texts[2], form, body)


def _listed(row: Row) -> SessionInfo | None:
    """The row as one of the index of sessions; None when it is none, or says too little."""
    if len(row.values) != _INDEX_COLUMNS:
        return None
    session, workspace, updated_at, _, form, info = row.values
    if not isinstance(updated_at, int | float) or not isinstance(form, int) or not _text(session).startswith("s_"):
        return None
    read = session_info(_text(session), _text(workspace), float(updated_at), "", form, _text(info))
    return read if read.workspace and not read.damaged else None


def _make_up_beginning(connection: sqlite3.Connection, info: SessionInfo) -> bool:
    """Where it is lost. Nothing of the conversation is in the first event; what is in it, the index knows too."""
    known = {"session": info.id}
    first, count = connection.execute(_FOUND_FIRST, known).fetchone()
    if first == 1 or not count:
        return False
    event = SessionStarted(workspace=info.workspace, model=info.model, title=info.title)
    encoded = encode(event)
    row = StoredEvent(
        event_id(info.id, 0, event), info.id, 1, 0, info.created_at, event.kind, encoded.form, encoded.text.encode()
    )
    connection.execute(_ADD_MADE_UP, row._asdict())
    return True


def _text(value: Value) -> str:
    """Empty for what is no readable text."""
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _take_over(connection: sqlite3.Connection, session: str, end: int) -> Cut | None:
    """`end`: the last number there was, as far as known. None when the whole session was taken over."""
    saved, seen, trouble = 0, end, ""
    rest: list[str] = []
    for *stored, position in connection.execute(_FOUND_EVENTS, {"session": session}):
        event = StoredEvent(*stored)
        seen = max(seen, event.seq)
        fault = _fault(event)
        if not trouble:
            trouble = fault if event.seq == saved + 1 else f"event {saved + 1} is missing"
        if not trouble:
            connection.execute(_KEEP_EVENT, {**event._asdict(), "position": position})
            saved = event.seq
        elif not fault:
            rest.append(_as_line(event))
    if saved >= seen:
        return None
    return Cut(session, saved, seen - saved, trouble or f"event {saved + 1} is missing", tuple(rest))


def _as_line(event: StoredEvent) -> str:
    body = event.body.decode("utf-8", "replace")
    fields = {"id": event.id, "session": event.session, "seq": event.seq, "turn": event.turn, "at": event.at}
    return f'{json.dumps(fields)[:-1]}, "event": {body}}}'


def _fault(event: StoredEvent) -> str:
    """Why an event cannot be taken over; empty when it can."""
    try:
        record = decode(event)
    except CherryError as error:
        return "" if error.kind is storage.NEWER_DATABASE else error.why
    wrong = record.id != event_id(record.session, record.turn, record.event)
    return "its id does not belong to its content" if wrong else ""


def _known_fences(old: sqlite3.Connection) -> dict[str, int]:
    """What was written under an old fence must stay refused."""
    fences: dict[str, int] = {}
    with contextlib.suppress(sqlite3.Error):
        fences.update((row[0], row[1] + 1) for row in old.execute(sql.EVERY_FENCE) if _is_pair(row))
    return fences


def _is_pair(row: tuple[object, ...]) -> bool:
    return isinstance(row[0], str) and isinstance(row[1], int)

"""Looking a database over and mending its index, for `cherry doctor`."""

import functools
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Recorded
from cherry.domain.sessions import SessionInfo
from cherry.storage import projection, sql
from cherry.storage.records import event_id
from cherry.storage.sqlite import fulltext
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.log import add_text
from cherry.storage.sqlite.rows import keep_session, pages, session_of, with_page
from cherry.storage.upkeep import Finding, Report

_SECONDS = 1800.0
_SHOWN = 20


class _Looked(NamedTuple):
    events: int
    findings: tuple[Finding, ...]


async def check(database: Database) -> Report:
    """Never changes anything. Raises CherryError(storage.*) only when the file cannot be opened at all."""
    try:
        faults = await database.read("storage.check", _quick_check, seconds=_SECONDS)
        sessions = await database.read("storage.check", _every_session, seconds=_SECONDS)
    except CherryError as error:
        if error.kind is not storage.DAMAGED:
            raise
        return Report(0, 0, (Finding("", error.message),))
    looked = [await _look(database, session) for session in sessions]
    findings = [finding for part in looked for finding in part.findings]
    general = [Finding("", fault) for fault in faults]
    return Report(len(sessions), sum(part.events for part in looked), tuple(general + findings))


async def rebuild(database: Database) -> int:
    """Raises CherryError(storage.*); then nothing was changed."""
    return await database.write("storage.rebuild", _rebuild, seconds=_SECONDS)


async def _look(database: Database, session: str) -> _Looked:
    work = functools.partial(_check_session, session=session)
    try:
        return await database.read("storage.check", work, seconds=_SECONDS)
    except CherryError as error:
        if error.kind is not storage.DAMAGED:
            raise
        return _Looked(0, (Finding(session, error.message),))


def _quick_check(connection: sqlite3.Connection) -> list[str]:
    rows = [text for (text,) in connection.execute(f"PRAGMA quick_check({_SHOWN})")]
    return [] if rows == ["ok"] else rows


def _every_session(connection: sqlite3.Connection) -> list[str]:
    return [session for (session,) in connection.execute(sql.EVERY_SESSION)]


def _check_session(connection: sqlite3.Connection, session: str) -> _Looked:
    info = projection.unknown(session)
    texts: list[str] = []
    for page in pages(connection, session):
        info = with_page(info, page)
        texts += _wrong_ids(page.records)
    texts += [info.damaged] if info.damaged else _index_faults(info, session_of(connection, session))
    return _Looked(info.last_seq, tuple(Finding(session, text) for text in texts[:_SHOWN]))


def _wrong_ids(records: list[Recorded]) -> Iterator[str]:
    for record in records:
        if record.id != event_id(record.session, record.turn, record.event):
            yield f"Event {record.seq} does not have the id that belongs to its content."


def _index_faults(drawn: SessionInfo, listed: SessionInfo | None) -> list[str]:
    if listed is None:
        return ["The index does not know this session."]
    if not drawn.last_seq:
        return ["The index knows this session, its events are missing."]
    return [] if listed == drawn else ["The index does not say what the log says."]


def _rebuild(connection: sqlite3.Connection) -> int:
    sessions = _every_session(connection)
    fulltext.start_over(connection)
    connection.execute(sql.DELETE_EVERY_TEXT)
    connection.execute(sql.DELETE_EVERY_SESSION)
    for session in sessions:
        _rebuild_session(connection, session)
    connection.execute(sql.MISSING_TENURES)
    return len(sessions)


def _rebuild_session(connection: sqlite3.Connection, session: str) -> None:
    positions = dict(connection.execute(sql.POSITIONS, {"session": session}).fetchall())
    info = projection.unknown(session)
    for page in pages(connection, session):
        info = with_page(info, page)
        for record in page.records:
            add_text(connection, positions[record.seq], record.event)
    if positions:
        keep_session(connection, info.model_copy(update={"last_seq": max(positions)}))

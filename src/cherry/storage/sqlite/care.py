"""Looking a database over and mending its index, for `cherry doctor`."""

import functools
import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Recorded
from cherry.domain.sessions import SessionInfo
from cherry.storage import projection, sql
from cherry.storage.records import event_id
from cherry.storage.sqlite import fulltext
from cherry.storage.sqlite.database import Database, Work
from cherry.storage.sqlite.log import add_text
from cherry.storage.sqlite.rows import keep_session, pages, session_of, with_page
from cherry.storage.upkeep import Finding, Report

T = TypeVar("T")

_SECONDS = 1800.0
_SHOWN = 20


class _Looked(NamedTuple):
    events: int
    findings: list[Finding]


async def check(database: Database) -> Report:
    """Never changes anything; damage is what it reports. Raises CherryError(storage.NEWER_DATABASE, READ_ONLY, BUSY, IO)."""
    faults = await _read(database, _quick_check, lambda message: [message])
    sessions = await _read(database, _every_session, lambda _: [])
    findings = [Finding("", fault) for fault in faults]
    events = 0
    for session in sessions:
        work = functools.partial(_check_session, session=session)
        looked = await _read(database, work, _unreadable(session))
        events += looked.events
        findings += looked.findings
    return Report(len(sessions), events, tuple(findings))


async def rebuild(database: Database) -> int:
    """Raises CherryError(storage.*); then nothing was changed."""
    return await database.write("storage.rebuild", rebuild_index, seconds=_SECONDS)


async def _read(database: Database, work: Work[T], broken: Callable[[str], T]) -> T:
    """`broken` makes an answer of the message when the file is too damaged to give one."""
    try:
        return await database.read("storage.check", work, seconds=_SECONDS)
    except CherryError as error:
        if error.kind is not storage.DAMAGED:
            raise
        return broken(error.message)


def _quick_check(connection: sqlite3.Connection) -> list[str]:
    rows = [text for (text,) in connection.execute(f"PRAGMA quick_check({_SHOWN})")]
    return [] if rows == ["ok"] else rows


def _every_session(connection: sqlite3.Connection) -> list[str]:
    return [session for (session,) in connection.execute(sql.EVERY_SESSION)]


def _unreadable(session: str) -> Callable[[str], _Looked]:
    return lambda message: _Looked(0, [Finding(session, message)])


def _check_session(connection: sqlite3.Connection, session: str) -> _Looked:
    info = projection.unknown(session)
    findings: list[Finding] = []
    whole = True
    for page in pages(connection, session):
        info = with_page(info, page)
        findings += [Finding(session, text) for text in _wrong_ids(page.records)]
        if page.fault is not None:
            whole = False
            newer = page.fault.kind is storage.NEWER_DATABASE
            findings.append(Finding(session, page.fault.message, "newer" if newer else "log"))
    if whole:
        listed = session_of(connection, session)
        findings += [Finding(session, text, "index") for text in _index_faults(info, listed)]
    return _Looked(info.last_seq, findings[:_SHOWN])


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


def rebuild_index(connection: sqlite3.Connection) -> int:
    """In a writing transaction; returns how many sessions there are."""
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

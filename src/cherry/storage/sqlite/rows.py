"""Rows of the tables as values, and the sessions row kept beside every append."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError

from cherry.domain.errors import CherryError
from cherry.domain.events import Recorded
from cherry.domain.sessions import SessionInfo
from cherry.storage import projection, sql
from cherry.storage.holders import Tenure
from cherry.storage.records import StoredEvent, damaged, decode, escape_surrogates, from_json, to_json
from cherry.storage.searching import writable
from cherry.storage.sqlite.errors import is_damage

PAGE_EVENTS = 500
PAGE_BYTES = 4_000_000


class Page(NamedTuple):
    records: list[Recorded]
    fault: CherryError | None
    """Why nothing can be read after them."""


def last_seq(connection: sqlite3.Connection, session: str) -> int:
    """0 when there is no such session."""
    seq: int = connection.execute(sql.LAST_SEQ, {"session": session}).fetchone()[0]
    return seq


def tenure_of(connection: sqlite3.Connection, session: str) -> Tenure | None:
    row = connection.execute(sql.TENURE, {"session": session}).fetchone()
    return None if row is None else Tenure(*row)


def keep_tenure(connection: sqlite3.Connection, session: str, tenure: Tenure) -> None:
    connection.execute(sql.CHANGE_TENURE, {"session": session, **tenure._asdict()})


def session_of(connection: sqlite3.Connection, session: str) -> SessionInfo | None:
    row = connection.execute(sql.SESSION, {"session": session}).fetchone()
    return None if row is None else session_info(*row)


def keep_session(connection: sqlite3.Connection, info: SessionInfo) -> None:
    """`damaged` is a column of its own, so that it can be marked without reading the rest."""
    encoded = to_json(info.model_copy(update={"damaged": ""}))
    connection.execute(
        sql.KEEP_SESSION,
        {
            "session": info.id,
            "workspace": escape_surrogates(info.workspace),
            "updated_at": info.updated_at,
            "damaged": info.damaged,
            "form": encoded.form,
            "info": encoded.text,
        },
    )


def session_info(session: str, workspace: str, updated_at: float, broken: str, form: int, info: str) -> SessionInfo:
    """A row that cannot be read is still listed, as damaged."""
    try:
        return from_json(SessionInfo, info, form).model_copy(update={"damaged": broken})
    except ValidationError:
        broken = broken or "Its entry in the index cannot be read."
        known = {"workspace": workspace, "updated_at": updated_at, "damaged": broken}
        return projection.unknown(session).model_copy(update=known)


def drawn(connection: sqlite3.Connection, session: str) -> SessionInfo:
    """What the log itself says of a session, as far as it can be read."""
    info = projection.unknown(session)
    for page in pages(connection, session):
        info = with_page(info, page)
    return info.model_copy(update={"last_seq": last_seq(connection, session)})


def with_page(info: SessionInfo, page: Page) -> SessionInfo:
    for record in page.records:
        info = projection.fold(info, record)
    return info if page.fault is None else info.model_copy(update={"damaged": writable(page.fault.message)})


def pages(connection: sqlite3.Connection, session: str) -> Iterator[Page]:
    """The whole log; only the last page may have a fault."""
    after, upto = 0, last_seq(connection, session)
    while after < upto:
        page = read_page(connection, session, after=after, upto=upto)
        yield page
        if page.fault is not None:
            return
        after += len(page.records)


def read_page(connection: sqlite3.Connection, session: str, *, after: int, upto: int) -> Page:
    """The next events, at most `PAGE_EVENTS` of them and about `PAGE_BYTES`; at least one of them or a fault."""
    records: list[Recorded] = []
    size = 0
    try:
        for row in connection.execute(sql.EVENTS_AFTER, {"session": session, "after": after, "upto": upto}):
            stored = StoredEvent(*row)
            if stored.seq != after + len(records) + 1:
                break
            records.append(decode(stored))
            size += len(stored.body)
            if len(records) == PAGE_EVENTS or size >= PAGE_BYTES:
                return Page(records, None)
    except CherryError as fault:
        return Page(records, fault)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return Page(records, damaged(session, after + len(records) + 1, str(error)))
    missing = after + len(records) + 1
    return Page(records, damaged(session, missing, "it is missing") if missing <= upto else None)

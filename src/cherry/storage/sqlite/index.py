"""Finding sessions in SQLite."""

import functools
import sqlite3
from collections.abc import Iterator

from cherry.domain.errors import CherryError
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.kernel.clock import Clock
from cherry.storage import finding, leases, spending_sql, sql
from cherry.storage.records import escape_surrogates
from cherry.storage.searching import Wanted
from cherry.storage.sqlite import fulltext
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.rows import last_seq, session_info, session_of, tenure_of

_SCANNED = 1_000
"""So many texts are looked at one by one before a search bothers to index them."""
_BATCHES = 500
_LAST_CHARACTER = "\U0010ffff"


class SqliteIndex:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def recent(self, *, workspace: str | None = None, limit: int = 100) -> list[SessionInfo]:
        def work(connection: sqlite3.Connection) -> list[SessionInfo]:
            statement = sql.SESSIONS if workspace is None else sql.SESSIONS_OF_WORKSPACE
            parameters = {"workspace": _as_stored(workspace), "limit": limit}
            return [session_info(*row) for row in connection.execute(statement, parameters)]

        return await self._database.read("storage.recent", work)

    async def find(self, prefix: str) -> SessionInfo:
        wanted = finding.beginnings(prefix)

        def work(connection: sqlite3.Connection) -> SessionInfo:
            found = {info.id: info for beginning in wanted for info in _beginning(connection, beginning)}
            return found[finding.the_one(prefix, list(found))]

        return await self._database.read("storage.find", work)

    async def search(self, text: str, *, workspace: str | None = None, limit: int = 50) -> list[SessionMatch]:
        wanted = Wanted.parse(text)
        if not wanted.words:
            return []
        if wanted.trigrams():
            await self._catch_up()
        work = functools.partial(_search, wanted=wanted, workspace=_as_stored(workspace), limit=limit)
        return await self._database.read("storage.search", work)

    async def delete(self, session: str) -> None:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            tenure = tenure_of(connection, session)
            if tenure is None and not last_seq(connection, session):
                raise leases.unknown_session(session)
            if tenure is not None:
                leases.refuse_held(tenure, session, now=now)
            delete_session(connection, session)

        await self._database.write("storage.delete", work)

    async def _catch_up(self) -> None:
        """Index what many appends have left; a search works without it too, only slower."""
        try:
            if not await self._database.read("storage.search.lag", _lags):
                return
            for _ in range(_BATCHES):
                if not await self._database.write("storage.search.index", fulltext.catch_up):
                    return
        except CherryError:
            return


def delete_session(connection: sqlite3.Connection, session: str) -> None:
    """Everything of it, in a writing transaction; whether anybody holds it is the caller's business."""
    fulltext.forget(connection, session)
    for statement in (
        sql.DELETE_TEXTS,
        sql.DELETE_EVENTS,
        sql.DELETE_TENURE,
        sql.DELETE_SESSION,
        spending_sql.DELETE_SESSION_SPENDING,
    ):
        connection.execute(statement, {"session": session})
    fulltext.shrink(connection)


def _lags(connection: sqlite3.Connection) -> bool:
    parameters = {"after": fulltext.indexed_upto(connection), "limit": _SCANNED}
    return fulltext.has_fts5(connection) and len(connection.execute(sql.TEXTS_AFTER, parameters).fetchall()) == _SCANNED


def _search(connection: sqlite3.Connection, wanted: Wanted, workspace: str | None, limit: int) -> list[SessionMatch]:
    matches: list[SessionMatch] = []
    sessions: dict[str, SessionInfo] = {}
    for text, session, seq, turn in _candidates(connection, wanted, workspace):
        if len(matches) >= limit:
            break
        if not wanted.found_in(text):
            continue
        if session not in sessions:
            info = session_of(connection, session)
            if info is None:
                continue
            sessions[session] = info
        matches.append(SessionMatch(sessions[session], seq, turn, wanted.excerpt(text)))
    return matches


def _candidates(
    connection: sqlite3.Connection, wanted: Wanted, workspace: str | None
) -> Iterator[tuple[str, str, int, int]]:
    """Newest first: the texts not yet indexed, then those the index names."""
    upto = fulltext.indexed_upto(connection) if wanted.trigrams() else 0
    yield from connection.execute(sql.FOUND_TEXTS, {"after": upto, "workspace": workspace})
    if upto:
        yield from fulltext.found(connection, wanted, upto=upto, workspace=workspace)


def _beginning(connection: sqlite3.Connection, beginning: str) -> list[SessionInfo]:
    parameters = {"low": beginning, "high": beginning + _LAST_CHARACTER, "limit": finding.SHOWN + 1}
    return [session_info(*row) for row in connection.execute(sql.SESSIONS_BETWEEN, parameters)]


def _as_stored(workspace: str | None) -> str | None:
    return None if workspace is None else escape_surrogates(workspace)

"""The ledger on SQLite. `count_spending` runs inside the append that writes the event, the rest in transactions of its own."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from cherry.domain.events import Event
from cherry.domain.limits import SCOPES, Budgets, Scope
from cherry.kernel.clock import Clock
from cherry.storage import leases, spending_sql
from cherry.storage.holders import Tenure
from cherry.storage.ports import STANDALONE, Amount, Standing
from cherry.storage.records import escape_surrogates
from cherry.storage.spending import Counts, Reservation, local_day, shortage, spent_by, standing_of
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.rows import session_of
from cherry.storage.sqlite.schema import version_of

_FIRST_VERSION = 2
"""Of the file, with these tables: a reader does not migrate."""


class SqliteLedger:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def standings(self, session: str) -> dict[Scope, Standing]:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> dict[Scope, Standing]:
            names = _names(connection, session, now)
            if version_of(connection) < _FIRST_VERSION:
                return dict.fromkeys(SCOPES, Standing())
            return _standings(connection, names, _reservations(connection), now=now)

        return await self._database.read("storage.standings", work)

    async def reserve(
        self, id: str, session: str, wanted: Amount, budgets: Budgets, *, holder: str, seconds: float
    ) -> Scope | None:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Scope | None:
            names = _names(connection, session, now)
            _bring_back(connection, names["day"])
            others = [one for one in _reservations(connection) if one.id != id]
            if short := shortage(budgets, _standings(connection, names, others, now=now), wanted):
                return short
            row = {"session": session, "workspace": names["project"], "holder": holder, "seconds": seconds}
            connection.execute(spending_sql.RESERVE, {"id": id, "made_at": now, **row, **Counts.of(wanted)._asdict()})
            return None

        return await self._database.write("storage.reserve", work)

    async def release(self, id: str) -> None:
        await self._database.write("storage.release_reservation", lambda connection: _release(connection, id))

    async def settle(self, session: str) -> None:
        now = self._clock.now()

        def look(connection: sqlite3.Connection) -> bool:
            return version_of(connection) >= _FIRST_VERSION and bool(_dead(connection, session, now))

        def work(connection: sqlite3.Connection) -> None:
            for one in _dead(connection, session, now):
                if one.id.startswith(f"{STANDALONE}_"):
                    day = local_day(one.tenure.renewed_at)
                    _spend(connection, one.counts, session=session, workspace=one.workspace, day=day)
                _release(connection, one.id)

        if await self._database.read("storage.look_for_reservations", look):
            await self._database.write("storage.settle", work)

    async def charge(self, id: str, cost: Amount) -> None:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            day = local_day(now)
            _bring_back(connection, day)
            if any(counts := Counts.of(cost)):
                connection.execute(spending_sql.SPEND, {"scope": "day", "name": day, **counts._asdict()})
            _release(connection, id)

        await self._database.write("storage.charge", work)


def count_spending(connection: sqlite3.Connection, event: Event, *, session: str, workspace: str, now: float) -> None:
    counts = spent_by(event)
    if counts is None:
        return
    day = local_day(now)
    _bring_back(connection, day)
    _spend(connection, counts, session=session, workspace=escape_surrogates(workspace), day=day)


def _spend(connection: sqlite3.Connection, counts: Counts, *, session: str, workspace: str, day: str) -> None:
    accounts: dict[Scope, str] = {"session": session, "project": workspace, "day": day}
    for scope, name in accounts.items():
        connection.execute(spending_sql.SPEND, {"scope": scope, "name": name, **counts._asdict()})


def carry_spending(connection: sqlite3.Connection, old: sqlite3.Connection) -> None:
    """What the database that was replaced had counted stays counted: no account gets a fresh budget by it."""
    rows: list[tuple[str, str, int, int]] = []
    with suppress(sqlite3.Error):  # it may be damaged, or older than the ledger; what can be read counts
        rows.extend(old.execute(spending_sql.EVERY_SPENDING))
    for scope, name, nano, tokens in rows:
        row = {"scope": scope, "name": name, "nano": nano, "tokens": tokens}
        connection.execute(spending_sql.SPENT_AT_LEAST, row)


def _release(connection: sqlite3.Connection, id: str) -> None:
    connection.execute(spending_sql.RELEASE, {"id": id})


def _names(connection: sqlite3.Connection, session: str, now: float) -> dict[Scope, str]:
    if not session:
        return {"session": "", "project": "", "day": local_day(now)}
    info = session_of(connection, session)
    if info is None:
        raise leases.unknown_session(session)
    return {"session": session, "project": escape_surrogates(info.workspace), "day": local_day(now)}


def _reservations(connection: sqlite3.Connection) -> list[Reservation]:
    rows = connection.execute(spending_sql.EVERY_RESERVATION)
    return [
        Reservation(id, session, workspace, Counts(nano, tokens), Tenure(holder, 0, seconds, made_at))
        for id, session, workspace, nano, tokens, holder, seconds, made_at in rows
    ]


def _dead(connection: sqlite3.Connection, session: str, now: float) -> list[Reservation]:
    return [one for one in _reservations(connection) if one.session == session and not one.tenure.holds(now)]


def _standings(
    connection: sqlite3.Connection, names: dict[Scope, str], reservations: Sequence[Reservation], *, now: float
) -> dict[Scope, Standing]:
    return {
        scope: standing_of(scope, names[scope], _spent(connection, scope, names[scope]), reservations, now=now)
        for scope in SCOPES
    }


def _spent(connection: sqlite3.Connection, scope: Scope, name: str) -> Counts:
    statement = spending_sql.SPENT_FROM_DAY if scope == "day" else spending_sql.SPENT
    row = connection.execute(statement, {"scope": scope, "name": name}).fetchone()
    return Counts(*row) if row else Counts()


def _bring_back(connection: sqlite3.Connection, day: str) -> None:
    """Days to come become today: the clock was ahead when they were written."""
    nano, tokens, rows = connection.execute(spending_sql.LATER_DAYS, {"day": day}).fetchone()
    if rows:
        connection.execute(spending_sql.DELETE_LATER_DAYS, {"day": day})
        connection.execute(spending_sql.SPEND, {"scope": "day", "name": day, "nano": nano, "tokens": tokens})

"""The ledger on SQLite. `count_spending` runs inside the append that writes the event, the rest in transactions of its own."""

import sqlite3
from contextlib import suppress

from cherry.domain.events import Event
from cherry.domain.limits import SCOPES, Budgets, Scope
from cherry.kernel.clock import Clock
from cherry.storage import leases, spending_sql
from cherry.storage.holders import Tenure
from cherry.storage.ports import Amount, Standing
from cherry.storage.records import escape_surrogates
from cherry.storage.spending import Counts, local_day, shortage, spent_by
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
            return _standings(connection, names, without=_dead(connection, now))

        return await self._database.read("storage.standings", work)

    async def reserve(
        self, id: str, session: str, wanted: Amount, budgets: Budgets, *, holder: str, seconds: float
    ) -> Scope | None:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Scope | None:
            names = _names(connection, session, now)
            for dead in _dead(connection, now):
                connection.execute(spending_sql.RELEASE, {"id": dead})
            _bring_back(connection, names["day"])
            if short := shortage(budgets, _standings(connection, names, without=(id,)), wanted):
                return short
            row = {"session": session, "workspace": names["project"], "holder": holder, "seconds": seconds}
            connection.execute(spending_sql.RESERVE, {"id": id, "made_at": now, **row, **Counts.of(wanted)._asdict()})
            return None

        return await self._database.write("storage.reserve", work)

    async def release(self, id: str) -> None:
        await self._database.write("storage.release_reservation", lambda connection: _release(connection, id))


def count_spending(connection: sqlite3.Connection, event: Event, *, session: str, workspace: str, now: float) -> None:
    counts = spent_by(event)
    if counts is None:
        return
    day = local_day(now)
    _bring_back(connection, day)
    accounts: dict[Scope, str] = {"session": session, "project": escape_surrogates(workspace), "day": day}
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
    info = session_of(connection, session)
    if info is None:
        raise leases.unknown_session(session)
    return {"session": session, "project": escape_surrogates(info.workspace), "day": local_day(now)}


def _dead(connection: sqlite3.Connection, now: float) -> tuple[str, ...]:
    rows = connection.execute(spending_sql.HELD_RESERVATIONS).fetchall()
    return tuple(id for id, holder, seconds, made_at in rows if not Tenure(holder, 0, seconds, made_at).holds(now))


def _standings(
    connection: sqlite3.Connection, names: dict[Scope, str], *, without: tuple[str, ...]
) -> dict[Scope, Standing]:
    reserved = _reserved(connection, names, without)
    spent = {scope: _spent(connection, scope, name) for scope, name in names.items()}
    return {scope: Standing(spent[scope].amount, reserved[scope].amount) for scope in SCOPES}


def _spent(connection: sqlite3.Connection, scope: Scope, name: str) -> Counts:
    statement = spending_sql.SPENT_FROM_DAY if scope == "day" else spending_sql.SPENT
    row = connection.execute(statement, {"scope": scope, "name": name}).fetchone()
    return Counts(*row) if row else Counts()


def _reserved(connection: sqlite3.Connection, names: dict[Scope, str], without: tuple[str, ...]) -> dict[Scope, Counts]:
    totals = dict.fromkeys(SCOPES, Counts())
    for id, session, workspace, *counts in connection.execute(spending_sql.EVERY_RESERVATION):
        if id in without:
            continue
        mine: dict[Scope, bool] = {"session": session == names["session"], "project": workspace == names["project"]}
        for scope in SCOPES:
            if mine.get(scope, True):
                totals[scope] = totals[scope].plus(Counts(*counts))
    return totals


def _bring_back(connection: sqlite3.Connection, day: str) -> None:
    """Days to come become today: the clock was ahead when they were written."""
    nano, tokens, rows = connection.execute(spending_sql.LATER_DAYS, {"day": day}).fetchone()
    if rows:
        connection.execute(spending_sql.DELETE_LATER_DAYS, {"day": day})
        connection.execute(spending_sql.SPEND, {"scope": "day", "name": day, "nano": nano, "tokens": tokens})

"""The database as one file: a copy of one moment while others write, and the checks before such a file takes its place.

A snapshot stands alone (no log beside it), has the newest schema, and nobody holds a session or a reservation in it.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.storage import spending_sql, sql
from cherry.storage.holders import described, holder_alive
from cherry.storage.sqlite.connecting import connect, open_nothing, open_reader, refuse_newer
from cherry.storage.sqlite.errors import is_busy, is_damage, storage_error
from cherry.storage.sqlite.ledger import carry_spending
from cherry.storage.sqlite.schema import APPLICATION_ID, application_of, migrate

_PAGES_AT_ONCE = 1024
_ALONE_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_QUICK_CHECK = "PRAGMA quick_check(1)"


class Counted(NamedTuple):
    sessions: int
    events: int


def take_snapshot(source: Path, target: Path) -> Counted:
    """Copy the database into the new file `target`, as it is at this moment; nobody is held up.

    Raises CherryError: DAMAGED when the source is, NEWER_DATABASE, NO_SPACE, READ_ONLY, IO, BUSY. What is at `target` is then useless.
    """
    try:
        with contextlib.closing(_source(source)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it is one moment
            refuse_newer(reader, source)
            with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
                reader.backup(copy, pages=_PAGES_AT_ONCE)
    except sqlite3.Error as error:
        raise storage_error(error, source if is_damage(error) else target) from error
    return seal(target, damaged_where=source)


def seal(file: Path, *, damaged_where: Path | None = None) -> Counted:
    """Make a database that only we know stand alone, whole and on disk. Raises CherryError as `take_snapshot`."""
    try:
        with contextlib.closing(connect(file, "rw")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            migrate(connection)
            connection.execute(sql.FREE_TENURES)
            connection.execute(spending_sql.FREE_RESERVATIONS)
            counted = examine(connection, damaged_where or file)
    except sqlite3.Error as error:
        raise storage_error(error, file) from error
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
    return counted


def verify(file: Path) -> Counted:
    """Look at a database that only we know without changing it. Raises CherryError(storage.DAMAGED, NEWER_DATABASE)."""
    try:
        with contextlib.closing(connect(file, "ro&immutable=1")) as connection:
            if application_of(connection) != APPLICATION_ID:
                raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file))
            refuse_newer(connection, file)
            return examine(connection, file)
    except sqlite3.Error as error:
        raise storage_error(error, file) from error


def examine(connection: sqlite3.Connection, where: Path) -> Counted:
    """Raises CherryError(storage.DAMAGED) when SQLite finds its file damaged, sqlite3.Error."""
    [[said]] = connection.execute(_QUICK_CHECK).fetchall()
    if said != "ok":
        raise CherryError(storage.DAMAGED, where=str(where), why=str(said))
    return Counted(*connection.execute(sql.COUNTS).fetchone())


def carry_over(file: Path, old: sqlite3.Connection) -> None:
    """Let a database that only we know take over what the one it replaces has counted as spent. Raises CherryError."""
    try:
        with contextlib.closing(connect(file, "rw")) as connection:
            migrate(connection)
            connection.execute("BEGIN IMMEDIATE")
            carry_spending(connection, old)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise storage_error(error, file) from error


@contextlib.contextmanager
def alone(file: Path) -> Iterator[sqlite3.Connection | None]:
    """Nobody else has the database open, nor can open it until the end; its log has been written into it.

    Gives the connection that keeps it, to look at the database with; a handle of any other kind must not be closed meanwhile. None when
    there is no file, or when it is too damaged to be opened: then it is nobody's.
    Raises CherryError(storage.IN_USE) when another process has it open, READ_ONLY, IO.
    """
    connection = _taken(file, time.monotonic() + _ALONE_SECONDS) if file.exists() else None
    try:
        yield connection
    finally:
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _source(file: Path) -> sqlite3.Connection:
    return open_reader(file) if file.exists() and file.stat().st_size else open_nothing()


def _taken(file: Path, give_up: float) -> sqlite3.Connection | None:
    while True:
        connection = connect(file, "rw")
        try:
            if _take(connection):
                return connection
        except sqlite3.Error as error:
            if is_damage(error):
                connection.close()
                return None
            if not is_busy(error):
                connection.close()
                raise storage_error(error, file) from error
        holders = _holders(connection)
        connection.close()
        if time.monotonic() >= give_up:
            raise CherryError(storage.IN_USE, where=str(file), why=holders)
        time.sleep(_PAUSE_SECONDS)


def _take(connection: sqlite3.Connection) -> bool:
    """Leaving the write-ahead log needs sole access; between the two somebody may have gone back to it."""
    [mode] = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    if mode != "delete":
        return False
    connection.execute("BEGIN EXCLUSIVE")
    [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    return bool(mode == "delete")


def _holders(connection: sqlite3.Connection) -> str:
    """Who is at work, as far as the leases tell."""
    try:
        rows = connection.execute(sql.HOLDERS).fetchall()
    except sqlite3.Error:
        return ""
    names = sorted({described(holder) for (holder,) in rows if holder_alive(holder) is not False})
    return f"perhaps {', '.join(names)}" if names else ""

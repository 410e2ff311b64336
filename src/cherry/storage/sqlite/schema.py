"""The tables, and how an older file becomes a current one.

`user_version` counts the migrations a file has seen; each is a tuple of statements, run in one transaction with the others that are
missing. A migration is never changed once released: a new one is added. `tests/golden/databases` holds one file per version.
"""

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x43485259
"""`CHRY`: tells Cherry's files from other SQLite files."""

Migration = tuple[str, ...]

_EVENT_LOG: Migration = (
    # `position` orders events over all sessions; it is the rowid, so texts and the full-text index can share it.
    """
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        seq INTEGER NOT NULL,
        id TEXT NOT NULL,
        turn INTEGER NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        form INTEGER NOT NULL,
        body TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX events_in_order ON events (session, seq)",
    "CREATE UNIQUE INDEX events_by_id ON events (session, id)",
    """
    CREATE TABLE leases (
        session TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        fence INTEGER NOT NULL,
        seconds REAL NOT NULL,
        renewed_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    # No index holds `updated_at`: it changes with every append, and a listing of thousands of sessions sorts in milliseconds.
    """
    CREATE TABLE sessions (
        session TEXT PRIMARY KEY,
        workspace TEXT NOT NULL,
        updated_at REAL NOT NULL,
        damaged TEXT NOT NULL,
        form INTEGER NOT NULL,
        info TEXT NOT NULL
    )
    """,
    "CREATE INDEX sessions_by_workspace ON sessions (workspace)",
    "CREATE TABLE texts (position INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)

_LEDGER: Migration = (
    # Counting begins here: what sessions cost before is in their logs, but not on which day.
    """
    CREATE TABLE spending (
        scope TEXT NOT NULL,
        name TEXT NOT NULL,
        nano INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE reservations (
        id TEXT PRIMARY KEY,
        session TEXT NOT NULL,
        workspace TEXT NOT NULL,
        nano INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        holder TEXT NOT NULL,
        seconds REAL NOT NULL,
        made_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: tuple[Migration, ...] = (_EVENT_LOG, _LEDGER)
VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def application_of(connection: sqlite3.Connection) -> int:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return application


def is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a file to the last version, all or nothing. Two processes may do it at once: the second finds it done."""
    if version_of(connection) >= len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in migrations[version_of(connection) :]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(len(migrations), version_of(connection))}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

"""Opening the file: whose it is and how new is looked at before anything could write to it."""

import contextlib
import os
import sqlite3
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.sqlite.errors import storage_error
from cherry.storage.sqlite.schema import APPLICATION_ID, VERSION, application_of, is_empty, migrate, version_of

BUSY_SECONDS = 1.0
"""How long SQLite itself waits for a lock before Cherry looks whether it should go on waiting."""

_MAGIC = b"SQLite format 3\0"
_UNCHANGING = "ro&immutable=1"
_NOT_SQLITE = "the file does not begin as an SQLite database does"
_NOT_OURS = "it belongs to another program"
_WAL_BYTES = 64 * 1024 * 1024


def open_writer(file: Path) -> sqlite3.Connection:
    """A connection that writes; creates or migrates the file as needed. Raises CherryError, sqlite3.Error."""
    make_file(file)
    refuse_unless_ours(file)
    connection = _connect(file, "rw")
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            "checkpoint_fullfsync = ON",
            f"journal_size_limit = {_WAL_BYTES}",
            "secure_delete = ON",  # what a person deletes is gone
        ):
            connection.execute(f"PRAGMA {pragma}")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(file: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises CherryError, sqlite3.Error."""
    refuse_unless_ours(file)
    connection = _connect(file, "ro")
    try:
        version_of(connection)
    except sqlite3.OperationalError:
        connection.close()
        # In a folder that cannot be written SQLite has nowhere to coordinate; without a log beside it the file is all there is.
        if _log_beside(file).exists() or os.access(file.parent, os.W_OK):
            raise
        return _connect(file, _UNCHANGING)
    return connection


def open_nothing() -> sqlite3.Connection:
    """What a reader sees before the file exists."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def make_file(file: Path) -> None:
    """An empty file only its owner can read. Raises CherryError(storage.READ_ONLY, NO_SPACE, IO)."""
    with os_fault(file, "Cherry's data folder cannot be used"):
        if file.exists():
            return
        make_private(file.parent)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(file.parent)


def refuse_unless_ours(file: Path) -> None:
    """Raises CherryError(storage.NEWER_DATABASE, DAMAGED) for a file that must not be touched; writes nothing to it."""
    with os_fault(file, "The database cannot be read"):
        if not file.is_file():  # opening a pipe would wait for ever
            raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file), why="it is no file")
        with file.open("rb") as stream:
            start = stream.read(len(_MAGIC))
    if not start:
        return  # just created, by us or by another process
    if start != _MAGIC:
        raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file), why=_NOT_SQLITE)
    # Without a log beside it the file is whole, and looking at it as if it never changed leaves no trace in the folder.
    with contextlib.closing(_connect(file, "ro" if _log_beside(file).exists() else _UNCHANGING)) as connection:
        try:
            _refuse(connection, file)
        except sqlite3.Error as error:
            raise storage_error(error, file) from error


def refuse_newer(connection: sqlite3.Connection, file: Path) -> None:
    """Raises CherryError(storage.NEWER_DATABASE)."""
    version = version_of(connection)
    if version > VERSION:
        why = f"its version is {version}, this Cherry knows up to {VERSION}"
        raise CherryError(storage.NEWER_DATABASE, where=str(file), why=why)


def _refuse(connection: sqlite3.Connection, file: Path) -> None:
    if application_of(connection) == APPLICATION_ID:
        refuse_newer(connection, file)
    elif version_of(connection) or not is_empty(connection):
        raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file), why=_NOT_OURS)


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _log_beside(file: Path) -> Path:
    return file.with_name(file.name + "-wal")

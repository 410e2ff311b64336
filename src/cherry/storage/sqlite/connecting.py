"""Opening the file: whose it is and how new is looked at before anything could write to it.

SQLite's locks belong to the process: closing any handle on the file, even one that only read, drops all of them, and another process
may then remove the log this one writes to. So a file this process has open is only ever looked at through SQLite itself.
"""

import contextlib
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.sqlite.errors import is_busy, storage_error
from cherry.storage.sqlite.schema import APPLICATION_ID, VERSION, application_of, is_empty, migrate, version_of

BUSY_SECONDS = 1.0
"""How long SQLite itself waits for a lock before Cherry looks whether it should go on waiting."""

_MAGIC = b"SQLite format 3\0"
_UNCHANGING = "ro&immutable=1"
_NOT_SQLITE = "the file does not begin as an SQLite database does"
_NOT_OURS = "it belongs to another program"
_BESIDE = ("-wal", "-journal")
_LOOKS = 5
_WAL_BYTES = 64 * 1024 * 1024


def open_writer(file: Path) -> sqlite3.Connection:
    """A connection that writes; creates or migrates the file as needed. Raises CherryError, sqlite3.Error."""
    make_file(file)
    refuse_unless_ours(file)
    connection = connect(file, "rw")
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
    connection = connect(file, "ro")
    try:
        version_of(connection)
    except sqlite3.OperationalError:
        connection.close()
        # In a folder that cannot be written SQLite has nowhere to coordinate; without a log beside it the file is all there is.
        if _beside(file, "-wal").exists() or os.access(file.parent, os.W_OK):
            raise
        return connect(file, _UNCHANGING)
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
        with contextlib.suppress(FileExistsError):  # closing a file that others have open would drop their locks
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(file.parent)


def refuse_unless_ours(file: Path) -> None:
    """Raises CherryError(storage.NEWER_DATABASE, DAMAGED, …) for a file that must not be touched, sqlite3.Error when it is locked.

    Writes nothing to it but what a killed transaction outside of the log needs to be taken back.
    """
    with os_fault(file, "The database cannot be read"), _opening:
        if not file.is_file():  # opening a pipe would wait for ever
            raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file), why="it is no file")
        for look in range(1, _LOOKS + 1):
            before = _marks(file)
            try:
                _look(file)
            except CherryError:
                if look == _LOOKS or _marks(file) == before:
                    raise
                continue  # somebody writes to it just now: what was seen may be half of two states
            return


def _look(file: Path) -> None:
    mode = "ro" if _open_here.get(_identity(file)) else _mode_for_a_look(file)
    if mode is None:
        return  # just created, by us or by another process
    try:
        if _beside(file, "-journal").exists():
            _recover(file)
        with contextlib.closing(_connected(file, mode)) as connection:
            connection.execute("BEGIN")  # all of it is asked of one moment
            _refuse(connection, file)
    except sqlite3.Error as error:
        if is_busy(error):
            raise
        raise storage_error(error, file) from error


def _marks(file: Path) -> tuple[object, ...]:
    """Differ when somebody has written to the file or opened it to write."""
    status = file.stat()
    beside = [_beside(file, suffix).exists() for suffix in _BESIDE]
    return status.st_ino, status.st_size, status.st_mtime_ns, *beside


def _mode_for_a_look(file: Path) -> str | None:
    """None for an empty file. Raises CherryError(storage.DAMAGED), OSError."""
    with file.open("rb") as stream:
        start = stream.read(len(_MAGIC))
    if not start:
        return None
    if start != _MAGIC:
        raise CherryError(storage.DAMAGED, "This is not a Cherry database", where=str(file), why=_NOT_SQLITE)
    # Without a log beside it the file is whole, and looking at it as if it never changed leaves no trace in the folder.
    return "ro" if any(_beside(file, suffix).exists() for suffix in _BESIDE) else _UNCHANGING


def _recover(file: Path) -> None:
    """Take back a transaction that a kill cut short outside of the write-ahead log; a connection that only reads could not."""
    with contextlib.closing(_connected(file, "rw")) as connection:
        version_of(connection)


def is_unmade(connection: sqlite3.Connection) -> bool:
    """A file that somebody is about to make a database of, or was when it was killed. Raises sqlite3.Error."""
    return application_of(connection) == 0 and is_empty(connection)


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


def connect(file: Path, mode: str) -> sqlite3.Connection:
    """An existing file, in one of SQLite's own modes (`rw`, `ro`); nothing is checked. Raises sqlite3.Error, OSError."""
    with _opening:
        return _connected(file, mode)


class _Connection(sqlite3.Connection):
    """Counted while it is open."""

    identity: tuple[int, int] | None = None

    def close(self) -> None:
        with _opening:
            super().close()
            identity, self.identity = self.identity, None
            if identity is not None:
                _open_here[identity] -= 1
                if not _open_here[identity]:
                    del _open_here[identity]


_opening = threading.RLock()
_open_here: dict[tuple[int, int], int] = {}
"""Files this process has open, by device and inode, and how often: as much a matter of the whole process as SQLite's locks are."""


def _connected(file: Path, mode: str) -> sqlite3.Connection:
    identity = _identity(file)
    connection: Any = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        factory=_Connection,
    )
    connection.identity = identity
    _open_here[identity] = _open_here.get(identity, 0) + 1
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection  # type: ignore[no-any-return]


def _identity(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_dev, status.st_ino


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)

"""One file, two connections, two threads: everything that writes goes through one, everything that reads through the other.

Guarantees: `write` is one transaction, on disk when it returns · a reader sees one state and holds up no writer · opened when first
needed · after a failure the connection is opened anew, so a full disk that has room again is simply used · no write goes to a file
that was deleted or replaced, nor to one that a newer Cherry has taken over meanwhile · a replacement of the file that was cut short
(`cherry.storage.replacing`) is finished before the file is opened.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.replacing import settle
from cherry.storage.sqlite.connecting import is_unmade, open_nothing, open_reader, open_writer, refuse_newer
from cherry.storage.sqlite.errors import is_busy, storage_error
from cherry.storage.worker import Worker

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

DEADLINE_SECONDS = 60.0
_BUSY_SECONDS = 20.0
_PAUSE_SECONDS = 0.01
_OPENINGS = 3


class Database:
    def __init__(self, file: Path) -> None:
        self.file = file
        self._writing = Worker("storage.write")
        self._reading = Worker("storage.read")
        self._writer: _Opened | None = None
        self._reader: _Opened | None = None
        self._closing = False

    async def write(self, what: str, work: Work[T], *, seconds: float = DEADLINE_SECONDS) -> T:
        """Run `work` in one transaction. Raises CherryError(storage.*); what `work` raises undoes all of it."""
        return await self._writing.run(what, seconds, lambda: self.write_now(work))

    async def read(self, what: str, work: Work[T], *, seconds: float = DEADLINE_SECONDS) -> T:
        """Run `work` on one state of the database, an empty one when there is no file yet. Raises CherryError(storage.*)."""
        return await self._reading.run(what, seconds, lambda: self.read_now(work))

    async def close(self) -> None:
        """Ends what still waits for a lock. The database can be used again afterwards: it is then opened anew."""
        self._closing = True
        try:
            await self._reading.run("storage.close", DEADLINE_SECONDS, self._drop_reader)
            await self._writing.run("storage.close", DEADLINE_SECONDS, self._drop_writer)
        finally:
            self._closing = False
            self._reading.stop()
            self._writing.stop()

    def write_now(self, work: Work[T]) -> T:
        """`write` in the calling thread, for upkeep. A database is used this way or the other, and from one thread."""
        return self._patiently(lambda: self._transact(work), self._drop_writer)

    def read_now(self, work: Work[T]) -> T:
        """`read` in the calling thread. `work` may be run more than once."""
        return self._patiently(lambda: self._read(work), self._drop_reader)

    def _patiently(self, attempt: Callable[[], T], drop: Callable[[], None]) -> T:
        """Again while it is locked; readers too meet a lock for a moment, when a log is taken over after a kill."""
        give_up = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return attempt()
            except sqlite3.Error as error:
                if not is_busy(error):
                    drop()
                    raise storage_error(error, self.file) from error
                if self._closing or time.monotonic() >= give_up:
                    why = f"it stayed locked (deadline storage.busy, {_BUSY_SECONDS:g} s)"
                    raise CherryError(storage.BUSY, where=str(self.file), why=why) from error
            time.sleep(_PAUSE_SECONDS)  # in the thread of the database; most locks are waited for inside SQLite

    def close_now(self) -> None:
        """`close` in the calling thread."""
        self._drop_reader()
        self._drop_writer()

    def _transact(self, work: Work[T]) -> T:
        connection = self._opened_writer()
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._refuse_moved()  # again: it may have been replaced while the lock was waited for
            refuse_newer(connection, self.file)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        return result

    def _read(self, work: Work[T]) -> T:
        opened = self._opened_reader()
        return _look_at_nothing(work) if opened is None else self._look(opened.connection, work)

    def _look(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        connection.execute("BEGIN")
        try:
            refuse_newer(connection, self.file)
            return _look_at_nothing(work) if is_unmade(connection) else work(connection)
        finally:
            _roll_back(connection)

    def _opened_writer(self) -> sqlite3.Connection:
        self._refuse_moved()
        if self._writer is None:
            self._writer = self._open(open_writer)
        return self._writer.connection

    def _refuse_moved(self) -> None:
        """Raises CherryError(storage.IO)."""
        if self._writer is not None and self._writer.identity != _identity(self.file):
            self._drop_writer()
            raise _moved(self.file)

    def _open(self, opener: Callable[[Path], sqlite3.Connection]) -> "_Opened":
        """Opened and known to be the file that has the name. Raises CherryError(storage.IO) when it changes again and again."""
        settle(self.file.parent)
        for _ in range(_OPENINGS):
            before = _identity(self.file)
            connection = opener(self.file)
            identity = _identity(self.file)
            if before in {None, identity}:
                return _Opened(connection, identity)
            connection.close()
        raise _moved(self.file)

    def _opened_reader(self) -> "_Opened | None":
        identity = _identity(self.file)
        if identity is None:
            settle(self.file.parent)
            identity = _identity(self.file)
        if self._reader is not None and self._reader.identity != identity:
            self._drop_reader()
        if self._reader is None and identity is not None:
            self._reader = self._open(open_reader)
        return self._reader

    def _drop_writer(self) -> None:
        opened, self._writer = self._writer, None
        _close(opened)

    def _drop_reader(self) -> None:
        opened, self._reader = self._reader, None
        _close(opened)


class _Opened(NamedTuple):
    connection: sqlite3.Connection
    identity: tuple[int, int] | None
    """Device and inode of the file it was opened on."""


def _identity(file: Path) -> tuple[int, int] | None:
    with os_fault(file, "The database cannot be read"):
        try:
            status = os.stat(file)  # noqa: PTH116 — before every use of the database; half as long as Path.stat
        except FileNotFoundError:
            return None
    return status.st_dev, status.st_ino


def _look_at_nothing(work: Work[T]) -> T:
    with contextlib.closing(open_nothing()) as nothing:
        return work(nothing)


def _moved(file: Path) -> CherryError:
    why = "it was deleted or replaced while Cherry ran"
    return CherryError(storage.IO, "The database file is not the one that was opened", where=str(file), why=why)


def _roll_back(connection: sqlite3.Connection) -> None:
    # A failed COMMIT has already rolled back; a broken connection is dropped right after.
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _close(opened: _Opened | None) -> None:
    if opened is not None:
        with contextlib.suppress(sqlite3.Error):
            opened.connection.close()

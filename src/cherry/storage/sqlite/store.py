"""The `Store` on one SQLite file and a folder of blobs beside it."""

from collections.abc import Sequence
from pathlib import Path

from cherry.domain.events import Recorded
from cherry.kernel.clock import Clock, SystemClock
from cherry.storage.blobs import FileBlobs
from cherry.storage.sqlite import care
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.index import SqliteIndex
from cherry.storage.sqlite.ledger import SqliteLedger
from cherry.storage.sqlite.log import SqliteLog
from cherry.storage.upkeep import Report

FILE_NAME = "cherry.db"
BLOBS_NAME = "blobs"


class SqliteStore:
    """Making one opens nothing: the file is opened, and created when missing, by the first call that needs it."""

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._database = Database(folder / FILE_NAME)
        self._log = SqliteLog(self._database, clock)
        self._index = SqliteIndex(self._database, clock)
        self._ledger = SqliteLedger(self._database, clock)
        self._blobs = FileBlobs(folder / BLOBS_NAME)

    @property
    def file(self) -> Path:
        return self._database.file

    @property
    def log(self) -> SqliteLog:
        return self._log

    @property
    def index(self) -> SqliteIndex:
        return self._index

    @property
    def ledger(self) -> SqliteLedger:
        return self._ledger

    @property
    def blobs(self) -> FileBlobs:
        return self._blobs

    async def check(self) -> Report:
        return await care.check(self._database)

    async def rebuild(self) -> int:
        return await care.rebuild(self._database)

    async def adopt(self, session: str, records: Sequence[Recorded]) -> None:
        await self._log.adopt(session, records)

    async def close(self) -> None:
        """Closing twice is no error; a store used after it was closed opens anew."""
        await self._database.close()
        await self._blobs.close()

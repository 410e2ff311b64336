"""Stores for tests: one that forgets, and one that fails where it is told to.

`MemoryStore` passes the same contract tests as the SQLite store. `FaultyStore` stands before any store and lets chosen appends
fail, before or after they are kept: what a full disk, a lost lease or a kill at that moment looks like from above.
"""

from collections.abc import AsyncIterator, Collection, Sequence

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Recorded
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Blobs, Draft, EventLog, Lease, Ledger, SessionIndex, Store

__all__ = ["FaultyStore", "MemoryStore"]


class FaultyStore:
    """A store whose appends fail at the numbers in `at` (from 1, over all sessions); everything else goes through.

    With `kept`, the events are in the log before the error comes: the acknowledgement was lost, not the data.
    """

    def __init__(
        self, inner: Store, *, at: Collection[int], error: CherryError | None = None, kept: bool = False
    ) -> None:
        self._inner = inner
        self._log = _FaultyLog(inner.log, frozenset(at), error or CherryError(storage.NO_SPACE), kept=kept)

    @property
    def log(self) -> EventLog:
        return self._log

    @property
    def index(self) -> SessionIndex:
        return self._inner.index

    @property
    def ledger(self) -> Ledger:
        return self._inner.ledger

    @property
    def blobs(self) -> Blobs:
        return self._inner.blobs

    @property
    def appends(self) -> int:
        """How many appends were tried so far, the failed ones too."""
        return self._log.appends

    async def close(self) -> None:
        await self._inner.close()


class _FaultyLog:
    def __init__(self, inner: EventLog, at: frozenset[int], error: CherryError, *, kept: bool) -> None:
        self._inner = inner
        self._at = at
        self._error = error
        self._kept = kept
        self.appends = 0

    async def create(self, session: str, first: Event) -> Recorded:
        return await self._inner.create(session, first)

    async def acquire(self, session: str, holder: str, *, seconds: float) -> Lease:
        return await self._inner.acquire(session, holder, seconds=seconds)

    async def renew(self, lease: Lease) -> None:
        await self._inner.renew(lease)

    async def release(self, lease: Lease) -> None:
        await self._inner.release(lease)

    async def append(self, lease: Lease, drafts: Sequence[Draft]) -> list[Recorded]:
        self.appends += 1
        if self.appends not in self._at:
            return await self._inner.append(lease, drafts)
        if self._kept:
            await self._inner.append(lease, drafts)
        raise self._error

    def read(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        return self._inner.read(session, after=after)

    async def last_seq(self, session: str) -> int:
        return await self._inner.last_seq(session)

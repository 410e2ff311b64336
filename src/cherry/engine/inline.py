"""Runs work in this process: takes the lease, keeps it alive while the work lasts, gives it back."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from cherry.domain.errors import CherryError, storage
from cherry.kernel.clock import Clock
from cherry.kernel.tasks import cancel_and_wait
from cherry.storage.ports import EventLog, Lease

LEASE_SECONDS = 30.0
RENEWALS_PER_LEASE = 3


class InlineEngine:
    def __init__(self, log: EventLog, clock: Clock, *, holder: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self._log = log
        self._clock = clock
        self._holder = holder
        self._seconds = lease_seconds

    async def run(self, session: str, work: Callable[[Lease], Awaitable[None]]) -> None:
        lease = await self._log.acquire(session, self._holder, seconds=self._seconds)
        task = asyncio.ensure_future(work(lease))
        heartbeat = asyncio.create_task(self._keep(lease))
        try:
            await asyncio.wait({task, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await cancel_and_wait([task])
                heartbeat.result()  # raises why the lease could not be kept
            await task
        finally:
            await cancel_and_wait([task, heartbeat])
            # A disk that fails now must not hide how the work ended; the lease runs out by itself.
            with contextlib.suppress(CherryError):
                await self._log.release(lease)

    async def _keep(self, lease: Lease) -> None:
        """Renew until the lease is lost. A store that is briefly busy is tried again: the lease outlasts several tries."""
        failures = 0
        while True:
            await self._clock.sleep(self._seconds / RENEWALS_PER_LEASE)
            try:
                await self._log.renew(lease)
                failures = 0
            except CherryError as error:
                failures += 1
                if error.kind is storage.STALE_LEASE or failures >= RENEWALS_PER_LEASE:
                    raise

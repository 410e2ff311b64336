"""One thread for blocking work, started when first needed, with a bounded queue and a named deadline on every wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cherry.domain.errors import CherryError, storage
from cherry.kernel.deadlines import DeadlineExceeded, within
from cherry.kernel.waits import waiting

T = TypeVar("T")

QUEUE_LIMIT = 1_000


class Worker:
    """Runs one thing at a time, in the order of asking. Cancelling the wait does not stop what has begun."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._executor: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def run(self, what: str, seconds: float, work: Callable[[], T]) -> T:
        """`what` names the deadline (`storage.append`). Raises CherryError(storage.IO) when it passes, BUSY when too many wait."""
        if self._waiting >= QUEUE_LIMIT:
            raise CherryError(storage.BUSY, why=f"{QUEUE_LIMIT} requests wait already (limit {self._name}.queue)")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._name)

        def declared() -> T:
            # The thread goes on when nobody waits for it any more: a disk that never answers is to be seen.
            with waiting(f"{what}.thread", seconds):
                return work()

        self._waiting += 1
        try:
            return await within(what, seconds, asyncio.get_running_loop().run_in_executor(self._executor, declared))
        except DeadlineExceeded as error:
            raise CherryError(storage.IO, why=str(error)) from error
        finally:
            self._waiting -= 1

    def stop(self) -> None:
        """Lets the running work end by itself and drops what has not begun. The worker can be used again."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

"""The seam between use cases and how durable work is run: in this process, or later by many workers."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from cherry.storage.ports import Lease


class Engine(Protocol):
    async def run(self, session: str, work: Callable[[Lease], Awaitable[None]]) -> None:
        """Do work as the session's one writer.

        Raises CherryError(storage.SESSION_BUSY) when another process works on it, storage.STALE_LEASE when the session was taken
        over meanwhile (the work was cancelled then), and whatever the work raises. Cancelling it cancels the work first.
        """
        ...

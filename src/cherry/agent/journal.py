"""The agent's one way to the log: append, fold, tell watchers, wake whoever waits for an event.

One journal per running turn. It holds the lease; an append after the lease was lost raises CherryError(storage.STALE_LEASE).
Order: an event is on disk before it is folded, and folded before a watcher sees it.
"""

import asyncio
from collections.abc import Callable

from cherry.agent.recall import search_history
from cherry.agent.state import SessionState
from cherry.domain.events import Event, Recorded
from cherry.domain.live import Live
from cherry.kernel.locks import OrderedLock
from cherry.storage.ports import Draft, EventLog, Lease
from cherry.tools.context import Found

Watcher = Callable[[Recorded | Live], None]


class Journal:
    def __init__(self, log: EventLog, lease: Lease, state: SessionState, watcher: Watcher) -> None:
        self.state = state
        self._log = log
        self._lease = lease
        self._watcher = watcher
        self._lock = OrderedLock("journal.append")
        self._changed = asyncio.Event()

    async def append(self, *events: Event, turn: int | None = None) -> list[Recorded]:
        """All of the events or none; durable on return. `turn` defaults to the current one."""
        number = self.state.turn.number if turn is None else turn
        async with self._lock:
            # Shielded: once the write is under way its outcome must be folded, or memory and log would part.
            return await asyncio.shield(self._write([Draft(number, event) for event in events]))

    async def _write(self, drafts: list[Draft]) -> list[Recorded]:
        records = await self._log.append(self._lease, drafts)
        for record in records:
            if record.seq > self.state.last_seq:
                self.state.apply(record)
                self._watcher(record)
        self._changed.set()
        self._changed = asyncio.Event()
        return records

    async def search(self, text: str) -> Found:
        """Words in the whole of the session."""
        return await search_history(self._log, self.state.session, text)

    def emit(self, live: Live) -> None:
        self._watcher(live)

    async def until(self, condition: Callable[[SessionState], bool]) -> None:
        """Return when the folded state meets the condition. No deadline: only ever used to wait for a person, who may interrupt."""
        while not condition(self.state):
            await self._changed.wait()

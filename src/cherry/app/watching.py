"""Who watches a session while it runs.

Delivery: events of the log reach every watcher, in order, always. Live items may be left out when a watcher is slow; nothing is
lost by it, the whole message follows as an event.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from cherry.domain.events import Recorded
from cherry.domain.live import Live, ReasoningStreamed, TextStreamed

MAX_LIVE_WAITING = 2_000


class Watch:
    """A queue between the turn and one face."""

    def __init__(self) -> None:
        self._items: deque[Recorded | Live] = deque()
        self._live_waiting = 0
        self._ready = asyncio.Event()
        self._ended = False

    def put(self, item: Recorded | Live) -> None:
        if not isinstance(item, Recorded):
            if self._joined(item) or self._live_waiting >= MAX_LIVE_WAITING:
                return
            self._live_waiting += 1
        self._items.append(item)
        self._ready.set()

    def end(self) -> None:
        self._ended = True
        self._ready.set()

    def _joined(self, item: Live) -> bool:
        """Text the watcher has not taken yet grows instead of queueing piece by piece."""
        last = self._items[-1] if self._items else None
        if isinstance(item, TextStreamed) and isinstance(last, TextStreamed) and last.step == item.step:
            self._items[-1] = TextStreamed(item.step, last.text + item.text)
            return True
        if isinstance(item, ReasoningStreamed) and isinstance(last, ReasoningStreamed) and last.step == item.step:
            self._items[-1] = ReasoningStreamed(item.step, last.text + item.text)
            return True
        return False

    async def __aiter__(self) -> AsyncIterator[Recorded | Live]:
        while True:
            while self._items:
                item = self._items.popleft()
                if not isinstance(item, Recorded):
                    self._live_waiting -= 1
                yield item
            if self._ended:
                return
            self._ready.clear()
            await self._ready.wait()

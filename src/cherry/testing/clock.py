"""A clock that moves only when told, for code that takes a `cherry.kernel.clock.Clock`.

Boundary: it knows of sleepers on this clock only. Work in threads, on sockets or on `asyncio.sleep` does not stand still,
so `auto=True`, which jumps to the next sleeper as soon as nobody runs, is for code that waits on nothing else.
"""

import asyncio
import heapq
from typing import NamedTuple

_SETTLE_TURNS = 25
"""How often the event loop turns after each move, so that whoever woke can go on to its next wait."""


class _Sleeper(NamedTuple):
    wakes: float
    number: int
    future: asyncio.Future[None]


class FakeClock:
    """Implements `Clock`. Monotonic time starts at 1,000 s; wall time at `now` (default 2025-06-15, 15:06:40 UTC)."""

    def __init__(self, *, now: float = 1_750_000_000.0, auto: bool = False) -> None:
        self._monotonic = 1000.0
        self._wall_ahead = now - self._monotonic
        self._auto = auto
        self._sleepers: list[_Sleeper] = []
        self._count = 0
        self._quiet_turns_left = 0
        self._arrival = asyncio.Event()
        self.slept: list[float] = []
        """Every sleep asked for, in seconds, oldest first: what a retry waited, say."""

    def now(self) -> float:
        return self._monotonic + self._wall_ahead

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._count += 1
        sleeper = _Sleeper(self._monotonic + seconds, self._count, asyncio.get_running_loop().create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._arrival.set()
        if self._auto:
            self._jump_when_quiet()
        await sleeper.future

    @property
    def sleeping(self) -> int:
        """How many wait on this clock."""
        return sum(not sleeper.future.done() for sleeper in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass. Sleepers wake in order, each at its own moment, and may sleep again within the same span."""
        end = self._monotonic + seconds
        await _settle()
        while (wakes := self._next_wake()) is not None and wakes <= end:
            self._wake_until(wakes)
            await _settle()
        self._wake_until(end)
        await _settle()

    def move(self, seconds: float) -> None:
        """Let time pass at once, for code without an event loop; sleepers whose moment came run at their next turn."""
        self._wake_until(self._monotonic + seconds)

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back with a negative number; monotonic time does not notice."""
        self._wall_ahead += seconds

    async def wait_for_sleepers(self, count: int = 1, *, seconds: float = 5.0) -> None:
        """Wait (in real time) until at least `count` sleep on this clock. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while self.sleeping < count:
                self._arrival.clear()
                await self._arrival.wait()

    def _next_wake(self) -> float | None:
        while self._sleepers and self._sleepers[0].future.done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0].wakes if self._sleepers else None

    def _wake_until(self, moment: float) -> None:
        self._monotonic = max(self._monotonic, moment)
        while (wakes := self._next_wake()) is not None and wakes <= self._monotonic:
            heapq.heappop(self._sleepers).future.set_result(None)

    def _jump_when_quiet(self) -> None:
        """Jump once nobody has gone to sleep for some turns of the loop; a new sleeper starts the count again."""
        running = self._quiet_turns_left > 0
        self._quiet_turns_left = _SETTLE_TURNS
        if not running:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._quiet_turns_left -= 1
        if self._quiet_turns_left == 0 and (wakes := self._next_wake()) is not None:
            self._wake_until(wakes)
            self._quiet_turns_left = _SETTLE_TURNS if self._sleepers else 0
        if self._quiet_turns_left:
            asyncio.get_running_loop().call_soon(self._turn)


async def _settle() -> None:
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)

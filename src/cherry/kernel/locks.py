"""Every lock of Cherry, in the one order in which they are taken, each with its deadline.

Whoever holds a lock may only take one that stands below it in `ORDER`; anything else raises `LockOrderError` at once, so two that
wait for each other cannot come about. What is held is known per task: a task or thread started meanwhile counts as holding it too.
Locks between processes are in `cherry.kernel.file_locks`.
"""

import asyncio
import contextvars
import time
from types import TracebackType
from typing import Final, NamedTuple

from cherry.kernel.deadlines import DeadlineExceeded, deadline


class Rank(NamedTuple):
    name: str
    seconds: float
    """How long it is waited for at most; the holder may say less."""
    guards: str


ORDER: Final = (
    Rank("storage.upkeep", 20.0, "one process at a time looks after a data folder"),
    Rank("storage.secrets", 10.0, "one process at a time changes the secret store"),
    Rank("validation.looking", 3600.0, "one look at what was wrong before a change"),
    Rank("validation.command", 3600.0, "one command of validation at a time"),
    Rank("edits.lock", 10.0, "one process at a time writes a change set in a workspace"),
    Rank("sandbox.ending", 20.0, "one ends a command and tidies up after it"),
    Rank("journal.append", 120.0, "events of a turn are written and folded in one order"),
    Rank("storage.blobs", 20.0, "keeping and pruning contents, for a moment each"),
)
"""From the first to be taken to the last. Below them all lie SQLite's own locks, under which nothing is taken."""
_PLACES: Final = {rank.name: place for place, rank in enumerate(ORDER)}


class LockOrderError(RuntimeError):
    """A fault of Cherry's own: it would have been possible to wait for ever."""


class Held:
    """A lock that is held, by whoever runs in this context."""

    def __init__(self, name: str, key: str = "") -> None:
        self.name = name
        self.key = key
        """Tells locks of one name apart: a path."""
        self.since = time.monotonic()
        self.released = False

    def __str__(self) -> str:
        return f"{self.name} {self.key}".rstrip() + f" (held since {time.monotonic() - self.since:.1f} s)"


_held: contextvars.ContextVar[tuple[Held, ...]] = contextvars.ContextVar("locks held", default=())


def held() -> tuple[Held, ...]:
    """What is held here, the first taken first."""
    return tuple(one for one in _held.get() if not one.released)


def rank_of(name: str) -> Rank | None:
    """None for a lock that is not Cherry's own."""
    return ORDER[_PLACES[name]] if name in _PLACES else None


def check_order(name: str, key: str = "") -> None:
    """Raises LockOrderError when something is held that must be taken after this. Locks of one name are taken in order of their keys."""
    place = _PLACES.get(name)
    if place is None:
        return
    for one in held():
        other = _PLACES.get(one.name)
        if other is not None and (other, one.key) >= (place, key):
            raise LockOrderError(
                f"{name} {key}".rstrip() + f" may not be taken while {one} is; the order is in cherry.kernel.locks"
            )


def taken(name: str, key: str = "") -> Held:
    """Note that it is held now; `give_back` ends that."""
    one = Held(name, key)
    _held.set((*held(), one))
    return one


def give_back(one: Held) -> None:
    one.released = True
    _held.set(held())


class OrderedLock:
    """An `asyncio.Lock` with a place in the order, a deadline, and a holder that is named when it passes."""

    def __init__(self, name: str) -> None:
        rank = rank_of(name)
        if rank is None:
            raise ValueError(f"{name} has no place in the order")
        self._rank = rank
        self._lock = asyncio.Lock()
        self._holding: Held | None = None
        self._by = ""

    async def __aenter__(self) -> None:
        check_order(self._rank.name)
        if self._lock.locked():
            await self._wait()
        else:
            await self._lock.acquire()
        self._holding = taken(self._rank.name)
        task = asyncio.current_task()
        self._by = task.get_name() if task else ""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holding is not None:
            give_back(self._holding)
            self._holding = None
        self._lock.release()

    async def _wait(self) -> None:
        try:
            async with deadline(self._rank.name, self._rank.seconds):
                await self._lock.acquire()
        except DeadlineExceeded as passed:
            if passed.name != self._rank.name:
                raise
            error = DeadlineExceeded(self._rank.name, self._rank.seconds)
            error.add_note(f"{self._by} holds {self._holding}")
            raise error from None

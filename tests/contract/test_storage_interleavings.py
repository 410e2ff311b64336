"""Whatever several writers do in whatever order: one log without gaps, every event once, no old fence accepted."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Draft, Lease
from cherry.storage.records import event_id
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore
from cherry.testing.clock import FakeClock

SESSION = "s_1"
SECONDS = 30.0


class Acquire(NamedTuple):
    holder: str


class Append(NamedTuple):
    lease: int
    """Which of all leases that were ever granted."""
    texts: list[str]


class Renew(NamedTuple):
    lease: int


class Release(NamedTuple):
    lease: int


class Pass(NamedTuple):
    seconds: float


class Reopen(NamedTuple):
    pass


LEASES = st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.builds(Acquire, st.sampled_from(["a:1:1", "b:1:1", "c:1:1"])),
        st.builds(Append, LEASES, st.lists(st.sampled_from("uvwxyz"), max_size=3)),
        st.builds(Renew, LEASES),
        st.builds(Release, LEASES),
        st.builds(Pass, st.sampled_from([1.0, 29.0, 31.0])),
        st.builds(Reopen),
    ),
    max_size=30,
)


class World:
    """A store beside the simplest thing that could be right."""

    def __init__(self, store: KeptStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.leases: list[Lease] = []
        self.holder = ""
        self.fence = 0
        self.until = 0.0
        self.texts: list[str] = []

    async def take(self, step: Any) -> None:
        match step:
            case Acquire(holder):
                await self.acquire(holder)
            case Pass(seconds):
                self.clock.move(seconds)
            case Reopen():
                await self.store.close()
            case Append() | Renew() | Release() if self.leases:
                await self.use(step, self.leases[step.lease % len(self.leases)])

    async def acquire(self, holder: str) -> None:
        if self.holder not in {"", holder} and self.clock.now() < self.until:
            await refused(storage.SESSION_BUSY, lambda: self.store.log.acquire(SESSION, holder, seconds=SECONDS))
            return
        lease = await self.store.log.acquire(SESSION, holder, seconds=SECONDS)
        assert lease == Lease(SESSION, holder, self.fence + 1, SECONDS)
        self.holder, self.fence, self.until = holder, lease.fence, self.clock.now() + SECONDS
        self.leases.append(lease)

    async def use(self, step: Append | Renew | Release, lease: Lease) -> None:
        valid = (lease.holder, lease.fence) == (self.holder, self.fence)
        match step:
            case Release():
                await self.store.log.release(lease)
                self.holder = "" if valid else self.holder
            case Renew():
                if not valid:
                    return await refused(storage.STALE_LEASE, lambda: self.store.log.renew(lease))
                await self.store.log.renew(lease)
                self.until = self.clock.now() + SECONDS
            case Append(_, texts):
                drafts = [Draft(1, Notice(text=text)) for text in texts]
                if not valid:
                    return await refused(storage.STALE_LEASE, lambda: self.store.log.append(lease, drafts))
                records = await self.store.log.append(lease, drafts)
                self.texts += [text for text in dict.fromkeys(texts) if text not in self.texts]
                assert [record.seq for record in records] == [self.texts.index(text) + 2 for text in texts]
        return None

    async def compare(self) -> None:
        records = [record async for record in self.store.log.read(SESSION)]
        assert [record.seq for record in records] == list(range(1, len(self.texts) + 2))
        assert [record.event.text for record in records if isinstance(record.event, Notice)] == self.texts
        assert [record.id for record in records] == [event_id(SESSION, record.turn, record.event) for record in records]
        assert (await self.store.index.find(SESSION)).last_seq == len(records)
        assert (await self.store.check()).findings == ()


async def refused(kind: ErrorKind, use: Callable[[], Any]) -> None:
    with pytest.raises(CherryError) as caught:
        await use()
    assert caught.value.kind is kind


@asynccontextmanager
async def memory(clock: FakeClock) -> Any:
    yield MemoryStore(clock=clock)


@asynccontextmanager
async def sqlite(clock: FakeClock) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder), clock=clock)
        yield store
        await store.close()


@pytest.mark.parametrize("made", [memory, sqlite], ids=["memory", "sqlite"])
@settings(max_examples=40, deadline=None, database=None)
@given(steps=STEPS)
def test_any_interleaving_of_writers_keeps_the_log_whole(made: Callable[[FakeClock], Any], steps: list[Any]) -> None:
    async def run() -> None:
        clock = FakeClock()
        async with made(clock) as store:
            await store.log.create(SESSION, SessionStarted(workspace="/w"))
            world = World(store, clock)
            for step in steps:
                await world.take(step)
            await world.compare()

    asyncio.run(run())

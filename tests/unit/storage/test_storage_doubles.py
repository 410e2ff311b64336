"""The stores for tests behave as they promise."""

import pytest

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.storage.ports import Draft, Lease, Store
from cherry.testing.store import FaultyStore, MemoryStore


async def leased(store: Store) -> Lease:
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    return await store.log.acquire("s_1", "a:1:1", seconds=30)


async def test_chosen_appends_fail_and_the_others_go_through() -> None:
    store = FaultyStore(MemoryStore(), at=[2])
    lease = await leased(store)

    await store.log.append(lease, [Draft(1, Notice(text="a"))])
    with pytest.raises(CherryError) as caught:
        await store.log.append(lease, [Draft(1, Notice(text="b"))])
    await store.log.append(lease, [Draft(1, Notice(text="c"))])

    assert caught.value.kind is storage.NO_SPACE
    assert store.appends == 3
    assert await store.log.last_seq("s_1") == 3


async def test_an_acknowledgement_can_be_lost_without_the_event() -> None:
    store = FaultyStore(MemoryStore(), at={1}, error=CherryError(storage.IO), kept=True)
    lease = await leased(store)

    with pytest.raises(CherryError) as caught:
        await store.log.append(lease, [Draft(1, Notice(text="a"))])

    assert caught.value.kind is storage.IO
    assert [record.seq async for record in store.log.read("s_1")] == [1, 2]

"""The event log and its leases: what every store keeps to."""

from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from pathlib import Path

import pytest

from cherry.domain.content import FromAssistant, TextPart
from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import AssistantMessage, Notice, SessionStarted, ToolStarted, UserMessage
from cherry.domain.usage import Cost, Usage
from cherry.storage.holders import holder_id
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Draft, Lease, Store
from cherry.storage.records import event_id
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore
from cherry.testing.clock import FakeClock

SESSION = "s_01jd9yk3hm7r2k9x0q"
ELSEWHERE = "another-machine:17:boot.1"
FAR_AWAY = "a-third-machine:4:boot.9"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[KeptStore]:
    made = MemoryStore(clock=clock) if request.param == "memory" else SqliteStore(tmp_path / "data", clock=clock)
    yield made
    await made.close()


async def leased(store: Store, session: str = SESSION, holder: str = ELSEWHERE) -> Lease:
    await store.log.create(session, SessionStarted(workspace="/home/ada/project"))
    return await store.log.acquire(session, holder, seconds=30)


def note(text: str, *, turn: int = 1) -> Draft:
    return Draft(turn, Notice(text=text, nonce=text))


async def texts(store: Store, *, after: int = 0, session: str = SESSION) -> list[str]:
    return [
        record.event.text async for record in store.log.read(session, after=after) if isinstance(record.event, Notice)
    ]


async def refused(kind: ErrorKind, awaitable: Awaitable[object]) -> None:
    with pytest.raises(CherryError) as caught:
        await awaitable
    assert caught.value.kind is kind


async def test_a_new_log_holds_its_first_event_as_number_one(store: Store, clock: FakeClock) -> None:
    first = SessionStarted(workspace="/home/ada/project", model="openai/gpt-5", title="A start")

    record = await store.log.create(SESSION, first)

    assert (record.seq, record.turn, record.session, record.event) == (1, 0, SESSION, first)
    assert record.at == clock.now()
    assert [record] == [one async for one in store.log.read(SESSION)]


async def test_creating_a_session_twice_keeps_the_first_start(store: Store) -> None:
    once = await store.log.create(SESSION, SessionStarted(workspace="/one"))
    twice = await store.log.create(SESSION, SessionStarted(workspace="/two"))

    assert once == twice
    assert await store.log.last_seq(SESSION) == 1


async def test_appended_events_are_numbered_in_order_and_read_back_equal(store: Store) -> None:
    lease = await leased(store)
    message = UserMessage(message_id="m1", parts=(TextPart(text="Add a test"),))
    answer = AssistantMessage(
        step=1,
        message=FromAssistant(parts=(TextPart(text="Done"),)),
        finish="stop",
        usage=Usage(input_tokens=7, output_tokens=2),
        cost=Cost(usd="0.000123"),
        model="openai/gpt-5",
    )

    records = await store.log.append(lease, [Draft(1, message), Draft(1, answer)])

    assert [record.seq for record in records] == [2, 3]
    assert [record.event for record in records] == [message, answer]
    assert [record async for record in store.log.read(SESSION, after=1)] == records
    assert await store.log.last_seq(SESSION) == 3


async def test_reading_goes_on_after_a_number(store: Store) -> None:
    lease = await leased(store)
    await store.log.append(lease, [note("a"), note("b"), note("c")])

    assert await texts(store, after=2) == ["b", "c"]
    assert await texts(store, after=4) == []
    assert await texts(store, after=99) == []


async def test_a_log_longer_than_a_page_is_read_whole_and_in_order(store: Store) -> None:
    lease = await leased(store)
    wanted = [str(number) for number in range(1_203)]
    await store.log.append(lease, [note(text) for text in wanted])

    assert await texts(store) == wanted


async def test_an_event_repeated_is_not_written_again_and_its_record_comes_back(store: Store, clock: FakeClock) -> None:
    lease = await leased(store)
    first = await store.log.append(lease, [note("a"), note("b")])
    clock.move(60)

    again = await store.log.append(lease, [note("b"), note("c"), note("a"), note("c")])

    assert [again[0], again[2]] == [first[1], first[0]]
    assert again[1] == again[3]
    assert await texts(store) == ["a", "b", "c"]


async def test_the_same_event_in_another_turn_is_another_event(store: Store) -> None:
    lease = await leased(store)

    records = await store.log.append(lease, [note("a", turn=1), note("a", turn=2)])

    assert [record.seq for record in records] == [2, 3]
    assert records[0].id == event_id(SESSION, 1, note("a").event)


async def test_an_append_of_nothing_is_nothing(store: Store) -> None:
    assert await store.log.append(await leased(store), []) == []
    assert await store.log.last_seq(SESSION) == 1


async def test_logs_of_different_sessions_do_not_touch_each_other(store: Store) -> None:
    one, two = await leased(store, "s_one"), await leased(store, "s_two")
    await store.log.append(one, [note("a")])
    await store.log.append(two, [note("b")])

    assert await texts(store, session="s_one") == ["a"]
    assert await texts(store, session="s_two") == ["b"]


async def test_all_events_of_one_append_are_kept_or_none(store: Store) -> None:
    lease = await leased(store)
    arguments: dict[str, object] = {}
    for _ in range(300):
        arguments = {"deeper": arguments}
    unreadable = ToolStarted(call_id="c", tool="fs.read", arguments=arguments, title="", effect="read")

    await refused(storage.BAD_EVENT, store.log.append(lease, [note("a"), Draft(1, unreadable)]))

    assert await store.log.last_seq(SESSION) == 1


async def test_text_that_is_not_valid_unicode_survives(store: Store) -> None:
    lease = await leased(store)
    odd = "caf\udce9\x00\U0010fffd\n\ufeff"
    call = ToolStarted(
        call_id="c", tool="fs.read", arguments={odd: [odd]}, title=odd, effect="read", expects={odd: ("", odd)}
    )

    await store.log.append(lease, [Draft(1, call)])

    assert [record.event async for record in store.log.read(SESSION, after=1)] == [call]


async def test_numbers_without_end_survive(store: Store) -> None:
    lease = await leased(store)
    answer = AssistantMessage(
        step=1,
        message=FromAssistant(parts=()),
        finish="stop",
        usage=Usage(),
        cost=Cost(),
        model="",
        seconds=float("inf"),
    )

    await store.log.append(lease, [Draft(1, answer)])

    assert [record.event async for record in store.log.read(SESSION, after=1)] == [answer]


async def test_an_unknown_session_is_said_to_be_unknown(store: Store) -> None:
    await refused(storage.UNKNOWN_SESSION, store.log.acquire("s_nowhere", ELSEWHERE, seconds=30))
    await refused(storage.UNKNOWN_SESSION, store.log.last_seq("s_nowhere"))
    await refused(storage.UNKNOWN_SESSION, anext(store.log.read("s_nowhere")))


async def test_only_one_holder_gets_the_lease(store: Store) -> None:
    await leased(store)

    await refused(storage.SESSION_BUSY, store.log.acquire(SESSION, FAR_AWAY, seconds=30))


async def test_an_append_with_an_old_fence_is_refused(store: Store, clock: FakeClock) -> None:
    old = await leased(store)
    clock.move(31)
    new = await store.log.acquire(SESSION, FAR_AWAY, seconds=30)

    assert new.fence > old.fence
    await refused(storage.STALE_LEASE, store.log.append(old, [note("late")]))
    await refused(storage.STALE_LEASE, store.log.renew(old))
    await store.log.append(new, [note("in time")])
    assert await texts(store) == ["in time"]


async def test_the_same_holder_gets_its_lease_again_with_a_higher_fence(store: Store) -> None:
    old = await leased(store)
    new = await store.log.acquire(SESSION, ELSEWHERE, seconds=30)

    assert new.fence == old.fence + 1
    await refused(storage.STALE_LEASE, store.log.append(old, [note("a")]))


async def test_a_renewed_lease_holds_from_then_on(store: Store, clock: FakeClock) -> None:
    lease = await leased(store)
    clock.move(29)
    await store.log.renew(lease)
    clock.move(29)

    await refused(storage.SESSION_BUSY, store.log.acquire(SESSION, FAR_AWAY, seconds=30))


async def test_an_expired_lease_that_nobody_took_still_writes(store: Store, clock: FakeClock) -> None:
    lease = await leased(store)
    clock.move(3_600)

    await store.log.append(lease, [note("a")])
    await store.log.renew(lease)

    await refused(storage.SESSION_BUSY, store.log.acquire(SESSION, FAR_AWAY, seconds=30))


async def test_a_released_lease_is_free_and_writes_no_more(store: Store) -> None:
    old = await leased(store)
    await store.log.release(old)

    await refused(storage.STALE_LEASE, store.log.append(old, [note("a")]))
    new = await store.log.acquire(SESSION, FAR_AWAY, seconds=30)
    assert new.fence > old.fence


async def test_giving_back_a_lost_lease_is_no_error_and_takes_nothing_from_the_new_holder(
    store: Store, clock: FakeClock
) -> None:
    old = await leased(store)
    clock.move(31)
    new = await store.log.acquire(SESSION, FAR_AWAY, seconds=30)

    await store.log.release(old)
    await store.log.release(Lease("s_nowhere", ELSEWHERE, 1, 30))

    await store.log.append(new, [note("a")])


async def test_a_clock_set_back_by_years_does_not_lock_a_session_for_years(store: Store, clock: FakeClock) -> None:
    await leased(store)
    clock.jump_wall(-12 * 365 * 86_400)

    assert await store.log.acquire(SESSION, FAR_AWAY, seconds=30)


async def test_no_clock_takes_a_lease_from_a_living_process_of_this_machine(store: Store, clock: FakeClock) -> None:
    await leased(store, holder=holder_id())
    clock.jump_wall(12 * 365 * 86_400)

    await refused(storage.SESSION_BUSY, store.log.acquire(SESSION, FAR_AWAY, seconds=30))


async def test_the_lease_of_a_process_that_is_gone_is_free_at_once(store: Store) -> None:
    host, pid, start = holder_id().split(":")
    await leased(store, holder=f"{host}:{pid}:{start}0")  # the pid lives, but it is another process now

    assert await store.log.acquire(SESSION, FAR_AWAY, seconds=30)


async def test_a_lease_on_a_deleted_session_is_stale(store: Store) -> None:
    lease = await leased(store)
    await store.log.release(lease)
    await store.index.delete(SESSION)

    await refused(storage.STALE_LEASE, store.log.append(lease, [note("a")]))
    await refused(storage.STALE_LEASE, store.log.renew(lease))


async def test_a_closed_store_can_be_used_again(store: Store) -> None:
    lease = await leased(store)
    await store.close()
    await store.log.append(lease, [note("a")])

    assert await texts(store) == ["a"]


async def test_a_session_made_elsewhere_is_taken_in_with_its_numbers_and_times(
    store: KeptStore, clock: FakeClock
) -> None:
    lease = await leased(store)
    asked = UserMessage(message_id="m1", parts=(TextPart(text="apples"),))
    answered = AssistantMessage(
        step=1,
        message=FromAssistant(parts=(TextPart(text="pears"),)),
        finish="stop",
        usage=Usage(input_tokens=7),
        cost=Cost(usd=Decimal("0.5")),
        model="m",
    )
    await store.log.append(lease, [Draft(1, asked), Draft(1, answered)])
    records = [record async for record in store.log.read(SESSION)]
    spent = (await store.ledger.standings(SESSION))["day"].spent
    clock.jump_wall(86_400 * 30)

    await store.adopt("s_copy", records)

    copies = [record async for record in store.log.read("s_copy")]
    assert [(copy.seq, copy.turn, copy.at, copy.event) for copy in copies] == [
        (record.seq, record.turn, record.at, record.event) for record in records
    ]
    assert [copy.id for copy in copies] == [event_id("s_copy", record.turn, record.event) for record in records]
    original, copy = await store.index.find(SESSION), await store.index.find("s_copy")
    assert copy == original.model_copy(update={"id": "s_copy"})
    assert {match.session.id for match in await store.index.search("apples")} == {SESSION, "s_copy"}
    assert spent.usd == Decimal("0.5")
    assert (await store.ledger.standings("s_copy"))["day"].spent.usd == 0  # counted where and when it was spent
    assert (await store.check()).findings == ()
    further = await store.log.acquire("s_copy", ELSEWHERE, seconds=30)
    assert [record.seq for record in await store.log.append(further, [note("on")])] == [4]


async def test_a_session_that_is_there_is_not_taken_in_again(store: KeptStore) -> None:
    await leased(store)
    records = [record async for record in store.log.read(SESSION)]

    await refused(storage.BAD_IMPORT, store.adopt(SESSION, records))
    assert await store.log.last_seq(SESSION) == 1

"""What was spent and what is set aside: what every store keeps to."""

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.calls import Fault
from cherry.domain.content import FromAssistant
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import AssistantMessage, Event, HistoryCompacted, Notice, SessionStarted, StepFailed
from cherry.domain.limits import Allowance, Budgets
from cherry.domain.usage import Cost, Usage
from cherry.storage.holders import holder_id
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import STANDALONE, Amount, Draft, Standing
from cherry.storage.spending import Counts, local_day, spent_by
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore
from cherry.testing.clock import FakeClock

ELSEWHERE = "another-machine:17:boot.1"
DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[KeptStore]:
    made = MemoryStore(clock=clock) if request.param == "memory" else SqliteStore(tmp_path / "data", clock=clock)
    yield made
    await made.close()


def answer(usd: str, tokens: int = 0, step: int = 1) -> AssistantMessage:
    return AssistantMessage(
        step=step,
        message=FromAssistant(parts=()),
        finish="stop",
        usage=Usage(input_tokens=tokens),
        cost=Cost(usd=Decimal(usd)),
        model="p/m",
    )


async def spend(store: KeptStore, session: str, *events: Event, turn: int = 1, past: bool = False) -> None:
    lease = await store.log.acquire(session, ELSEWHERE, seconds=30)
    await store.log.append(lease, [Draft(turn, event, past) for event in events])
    await store.log.release(lease)


async def new(store: KeptStore, session: str, workspace: str = "/w") -> None:
    await store.log.create(session, SessionStarted(workspace=workspace))


async def spent(store: KeptStore, session: str) -> dict[str, tuple[str, int]]:
    standings = await store.ledger.standings(session)
    return {scope: (f"{one.spent.usd:f}", one.spent.tokens) for scope, one in standings.items()}


def budgets(session: str = "", project: str = "", day: str = "") -> Budgets:
    made = {
        name: Allowance(usd=Decimal(usd))
        for name, usd in (("session", session), ("project", project), ("day", day))
        if usd
    }
    return Budgets(**made)


async def test_what_events_cost_counts_for_their_session_its_workspace_and_the_day(store: KeptStore) -> None:
    for id, workspace in (("s_1", "/w"), ("s_2", "/w"), ("s_3", "/caf\udce9")):
        await new(store, id, workspace)
    await spend(store, "s_1", answer("0.1", 10), Notice(text="costs nothing"))
    await spend(store, "s_2", StepFailed(step=1, fault=Fault(code="x", message="x"), cost=Cost(usd=Decimal("0.2"))))
    compacted = HistoryCompacted(
        upto_seq=1, summary="", cost=Cost(usd=Decimal("0.4")), usage=Usage(output_tokens=3, cache_read_tokens=4)
    )
    await spend(store, "s_3", compacted)

    assert {name: usd for name, (usd, _) in (await spent(store, "s_1")).items()} == {
        "session": "0.1",
        "project": "0.3",
        "day": "0.7",
    }
    assert (await spent(store, "s_3"))["project"] == ("0.4", 7)
    assert (await spent(store, "s_2"))["day"][1] == 17


async def test_a_repeated_append_is_counted_once_and_one_that_is_refused_not_at_all(store: KeptStore) -> None:
    await new(store, "s_1")
    await spend(store, "s_1", answer("0.1"))
    await spend(store, "s_1", answer("0.1"), answer("0.2", step=2))
    lost = await store.log.acquire("s_1", ELSEWHERE, seconds=30)
    await store.log.acquire("s_1", ELSEWHERE, seconds=30)
    with pytest.raises(CherryError):
        await store.log.append(lost, [Draft(1, answer("5", step=3))])

    assert (await spent(store, "s_1"))["day"] == ("0.3", 0)


async def test_a_copied_past_is_not_counted_again(store: KeptStore) -> None:
    await new(store, "s_1")
    await spend(store, "s_1", answer("0.1"))
    await new(store, "s_2")
    await spend(store, "s_2", answer("0.1"), past=True)

    assert await spent(store, "s_2") == {"session": ("0", 0), "project": ("0.1", 0), "day": ("0.1", 0)}


async def test_what_a_deleted_session_spent_stays_spent(store: KeptStore) -> None:
    for id in ("s_1", "s_2"):
        await new(store, id)
    await spend(store, "s_1", answer("0.1"))
    await store.index.delete("s_1")
    assert (await spent(store, "s_2"))["project"] == ("0.1", 0)
    await new(store, "s_1")
    assert (await spent(store, "s_1"))["session"] == ("0", 0)


async def test_a_day_begins_anew_at_local_midnight_and_the_rest_is_counted_for_good(
    store: KeptStore, clock: FakeClock
) -> None:
    await new(store, "s_1")
    await spend(store, "s_1", answer("0.1"))
    clock.jump_wall(DAY)
    await spend(store, "s_1", answer("0.2", step=2))

    assert await spent(store, "s_1") == {"session": ("0.3", 0), "project": ("0.3", 0), "day": ("0.2", 0)}


@pytest.mark.parametrize("jump", [DAY, 12 * 365 * DAY])
async def test_a_clock_set_back_gives_no_fresh_budget_and_one_that_was_ahead_does_not_use_up_days_to_come(
    store: KeptStore, clock: FakeClock, jump: float
) -> None:
    await new(store, "s_1")
    await spend(store, "s_1", answer("0.1"))
    clock.jump_wall(jump)
    await spend(store, "s_1", answer("0.2", step=2))
    clock.jump_wall(-jump)
    assert (await spent(store, "s_1"))["day"] == ("0.3", 0)
    await spend(store, "s_1", answer("0.4", step=3))
    assert (await spent(store, "s_1"))["day"] == ("0.7", 0)
    clock.jump_wall(DAY)
    assert (await spent(store, "s_1"))["day"] == ("0", 0)
    clock.jump_wall(jump - DAY)
    assert (await spent(store, "s_1"))["day"] == ("0", 0)


async def test_reserving_brings_days_to_come_back_to_today(store: KeptStore, clock: FakeClock) -> None:
    await new(store, "s_1")
    clock.jump_wall(40 * DAY)
    await spend(store, "s_1", answer("0.2"))
    clock.jump_wall(-40 * DAY)
    short = await store.ledger.reserve(
        "r", "s_1", Amount(Decimal("0.9")), budgets(day="1"), holder=ELSEWHERE, seconds=9
    )
    assert short == "day"
    clock.jump_wall(DAY)
    assert (await spent(store, "s_1"))["day"] == ("0", 0)


@pytest.mark.parametrize(
    ("given_", "short"),
    [
        (budgets(session="0.5"), None),
        (budgets(session="0.4999"), "session"),
        (budgets(project="0.7"), None),
        (budgets(project="0.69"), "project"),
        (budgets(day="1.2"), None),
        (budgets(day="1.19"), "day"),
        (budgets(session="9", project="0.1", day="0.1"), "project"),
        (Budgets(session=Allowance(tokens=50)), None),
        (Budgets(session=Allowance(tokens=49)), "session"),
        (Budgets(), None),
    ],
)
async def test_a_reservation_is_made_only_where_every_budget_holds_it(
    store: KeptStore, given_: Budgets, short: str | None
) -> None:
    for id, workspace in (("s_1", "/w"), ("s_2", "/w"), ("s_3", "/elsewhere")):
        await new(store, id, workspace)
    await spend(store, "s_1", answer("0.1", 10))
    await spend(store, "s_2", answer("0.2", 10))
    await spend(store, "s_3", answer("0.5", 10))
    wanted = Amount(Decimal("0.4"), 40)

    assert await store.ledger.reserve("r", "s_1", wanted, given_, holder=ELSEWHERE, seconds=60) == short
    standing = (await store.ledger.standings("s_1"))["session"]
    assert standing.reserved == (Amount() if short else wanted)


async def test_reservations_of_others_count_until_they_are_released(store: KeptStore) -> None:
    for id in ("s_1", "s_2"):
        await new(store, id)
    one, bound = Amount(Decimal("0.6"), 5), budgets(day="1")
    assert await store.ledger.reserve("r1", "s_1", one, bound, holder=ELSEWHERE, seconds=60) is None
    assert await store.ledger.reserve("r2", "s_2", one, bound, holder=ELSEWHERE, seconds=60) == "day"
    assert await store.ledger.reserve("r1", "s_1", one, bound, holder=ELSEWHERE, seconds=60) is None, "its own id"
    assert (await store.ledger.standings("s_2"))["day"] == Standing(Amount(), one)
    assert (await store.ledger.standings("s_2"))["session"].reserved == Amount()
    await store.ledger.release("r1")
    await store.ledger.release("r1")
    assert await store.ledger.reserve("r2", "s_2", one, bound, holder=ELSEWHERE, seconds=60) is None


async def test_a_reservation_from_another_machine_counts_as_spent_after_its_time(
    store: KeptStore, clock: FakeClock
) -> None:
    await new(store, "s_1")
    one, bound = Amount(Decimal("0.6")), budgets(project="1")
    await store.ledger.reserve("r1", "s_1", one, bound, holder=ELSEWHERE, seconds=60)
    assert await store.ledger.reserve("r2", "s_1", one, bound, holder=ELSEWHERE, seconds=60) == "project"
    clock.move(61)
    assert (await store.ledger.standings("s_1"))["project"] == Standing(one, Amount())
    await store.ledger.settle("s_1")
    assert await store.ledger.reserve("r2", "s_1", one, bound, holder=ELSEWHERE, seconds=60) is None


DEAD = holder_id().replace(f":{os.getpid()}:", ":4194303:")


async def test_what_a_dead_process_had_reserved_is_spent_until_its_session_is_settled(store: KeptStore) -> None:
    for id in ("s_1", "s_2"):
        await new(store, id)
    one, bound = Amount(Decimal("0.6"), 7), budgets(day="1")
    await store.ledger.reserve("r1", "s_1", one, bound, holder=DEAD, seconds=3600)
    assert await spent(store, "s_1") == dict.fromkeys(("session", "project", "day"), ("0.6", 7))
    assert (await spent(store, "s_2"))["session"] == ("0", 0)
    assert await store.ledger.reserve("r2", "s_2", one, bound, holder=holder_id(), seconds=1) == "day"
    await store.ledger.settle("s_2")
    assert (await spent(store, "s_1"))["day"] == ("0.6", 7), "it is not that session's"
    await store.ledger.settle("s_1")
    await store.ledger.settle("s_1")
    assert (await spent(store, "s_1"))["day"] == ("0", 0)
    assert await store.ledger.reserve("r2", "s_2", one, bound, holder=holder_id(), seconds=1) is None


async def test_settling_leaves_the_reservations_of_the_living(store: KeptStore) -> None:
    await new(store, "s_1")
    await store.ledger.reserve("r1", "s_1", Amount(Decimal(1)), Budgets(), holder=holder_id(), seconds=1)
    await store.ledger.settle("s_1")
    assert (await store.ledger.standings("s_1"))["session"].reserved.usd == 1


async def test_what_a_dead_process_had_reserved_yesterday_is_not_of_today(store: KeptStore, clock: FakeClock) -> None:
    await new(store, "s_1")
    await store.ledger.reserve("r1", "s_1", Amount(Decimal("0.6")), Budgets(), holder=DEAD, seconds=3600)
    clock.jump_wall(DAY)
    assert await spent(store, "s_1") == {"session": ("0.6", 0), "project": ("0.6", 0), "day": ("0", 0)}


async def test_a_call_no_event_tells_of_stays_spent_when_it_is_settled(store: KeptStore) -> None:
    await new(store, "s_1")
    await store.ledger.reserve(f"{STANDALONE}_1", "s_1", Amount(Decimal("0.6"), 7), Budgets(), holder=DEAD, seconds=9)
    await store.ledger.settle("s_1")
    assert await spent(store, "s_1") == dict.fromkeys(("session", "project", "day"), ("0.6", 7))


async def test_a_call_without_a_session_is_reserved_and_counted_for_the_day_alone(store: KeptStore) -> None:
    await new(store, "s_1")
    bound = budgets(day="1")
    assert await store.ledger.reserve("r1", "", Amount(Decimal("0.6")), bound, holder=holder_id(), seconds=9) is None
    assert await store.ledger.reserve("r2", "", Amount(Decimal("0.6")), bound, holder=holder_id(), seconds=9) == "day"
    await store.ledger.charge("r1", Amount(Decimal("0.2"), 3))
    assert await spent(store, "s_1") == {"session": ("0", 0), "project": ("0", 0), "day": ("0.2", 3)}
    assert (await store.ledger.standings(""))["day"] == Standing(Amount(Decimal("0.2"), 3))


async def test_a_reservation_of_a_living_process_outlasts_any_clock_and_one_of_a_dead_process_is_spent(
    store: KeptStore, clock: FakeClock
) -> None:
    await new(store, "s_1")
    one, bound = Amount(Decimal("0.6")), budgets(project="1")
    await store.ledger.reserve("r1", "s_1", one, bound, holder=holder_id(), seconds=1)
    clock.jump_wall(12 * 365 * DAY)
    assert await store.ledger.reserve("r2", "s_1", one, bound, holder=holder_id(), seconds=1) == "project"
    await store.ledger.reserve("r1", "s_1", one, bound, holder=DEAD, seconds=3600)
    assert await store.ledger.reserve("r2", "s_1", one, bound, holder=holder_id(), seconds=1) == "project"
    await store.ledger.settle("s_1")
    assert await store.ledger.reserve("r2", "s_1", one, bound, holder=holder_id(), seconds=1) is None


async def test_the_ledger_of_an_unknown_session_is_refused(store: KeptStore) -> None:
    for use in (
        store.ledger.standings("s_9"),
        store.ledger.reserve("r", "s_9", Amount(), Budgets(), holder=ELSEWHERE, seconds=1),
    ):
        with pytest.raises(CherryError) as caught:
            await use
        assert caught.value.kind is storage.UNKNOWN_SESSION


async def test_a_file_not_yet_migrated_has_spent_nothing_for_a_reader(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "databases" / "v1.sql"
    connection = sqlite3.connect(tmp_path / "cherry.db", isolation_level=None)
    connection.executescript(golden.read_text("utf-8"))
    connection.close()
    store = SqliteStore(tmp_path)
    assert (await store.ledger.standings("s_01jd9yk3hm7r2k9x0q"))["project"] == Standing()
    await store.ledger.release("nothing")  # the first write migrates
    assert (await store.ledger.standings("s_01jd9yk3hm7r2k9x0q"))["project"] == Standing()
    await spend(store, "s_01jd9yk3hm7r2k9x0q", answer("0.1"), turn=2)
    assert (await spent(store, "s_01jd9yk3hm7r2k9x0q"))["project"] == ("0.1", 0)
    await store.close()


@given(st.lists(st.decimals(min_value=0, max_value=10_000, places=12), max_size=40))
def test_sums_are_never_below_the_exact_ones_and_off_by_less_than_a_billionth_a_call(costs: list[Decimal]) -> None:
    counted = Counts()
    for cost in costs:
        counted = counted.plus(spent_by(answer(f"{cost:f}")) or Counts())
    assert 0 <= counted.amount.usd - sum(costs, Decimal(0)) <= Decimal("1e-9") * len(costs)


@pytest.mark.parametrize("now", [-1e18, -1.0, 0.0, 1e18, float("nan"), float("inf")])
def test_a_mad_clock_gives_some_day(now: float) -> None:
    assert local_day(now)


def test_the_day_is_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, day in (("UTC+12", "1999-12-31"), ("UTC-14", "2000-01-01")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert local_day(946_684_800.0 + 60) == day
    monkeypatch.undo()
    time.tzset()

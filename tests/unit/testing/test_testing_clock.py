"""The fake clock moves only when told."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.kernel.clock import Clock
from cherry.testing.clock import FakeClock


async def test_time_stands_still_until_it_is_advanced() -> None:
    clock: Clock = FakeClock()
    before = clock.now(), clock.monotonic()
    await asyncio.sleep(0)
    assert (clock.now(), clock.monotonic()) == before


async def test_a_sleeper_wakes_at_its_moment_and_not_before() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(4.999)
    assert not task.done()
    await clock.advance(0.001)
    assert task.done()


async def test_sleepers_wake_in_order_each_at_its_own_moment() -> None:
    clock = FakeClock()
    start = clock.monotonic()
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append((name, clock.monotonic() - start))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 3))
        group.create_task(sleeper("early", 1))
        await clock.advance(10)
    assert woke == [("early", 1), ("late", 3)]


async def test_a_loop_of_sleeps_runs_as_often_as_fits_in_the_span() -> None:
    clock = FakeClock()
    ticks: list[float] = []

    async def loop() -> None:
        while True:
            await clock.sleep(2)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(loop())
    await clock.advance(9)
    task.cancel()
    assert len(ticks) == 4


async def test_the_wall_clock_can_jump_back_while_durations_stay_true() -> None:
    clock = FakeClock(now=1_000_000)
    began = clock.monotonic()
    clock.jump_wall(-3600)
    await clock.advance(10)
    assert clock.now() == 1_000_000 - 3600 + 10
    assert clock.monotonic() - began == 10


async def test_an_automatic_clock_jumps_to_the_next_sleeper() -> None:
    clock = FakeClock(auto=True)
    began = clock.monotonic()
    woke: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append(clock.monotonic() - began)

    await asyncio.gather(sleeper(3600), sleeper(60), sleeper(86_400))
    assert woke == [60, 3600, 86_400]


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.wait_for_sleepers()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleeping == 0
    await clock.advance(10)


async def test_waiting_for_a_sleeper_that_never_comes_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await FakeClock().wait_for_sleepers(seconds=0.01)


async def test_it_remembers_what_was_slept() -> None:
    clock = FakeClock(auto=True)
    await clock.sleep(0)
    await clock.sleep(1.5)
    assert clock.slept == [0, 1.5]


def test_time_can_be_moved_without_an_event_loop() -> None:
    clock = FakeClock(now=50)
    clock.move(2)
    assert clock.now() == 52


@given(st.lists(st.floats(0.001, 100), max_size=8), st.lists(st.floats(0, 100), max_size=8))
def test_after_any_advances_exactly_the_sleepers_whose_moment_came_are_awake(
    sleeps: list[float], steps: list[float]
) -> None:
    async def play() -> None:
        clock = FakeClock()
        start = clock.monotonic()
        tasks = [(start + seconds, asyncio.create_task(clock.sleep(seconds))) for seconds in sleeps]
        await asyncio.sleep(0)
        for step in steps:
            await clock.advance(step)
        for wakes, task in tasks:
            assert task.done() == (wakes <= clock.monotonic())
            task.cancel()

    asyncio.run(play())

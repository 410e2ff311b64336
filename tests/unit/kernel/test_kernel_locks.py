"""Locks in one order: what would stand still is refused, what waits too long says who holds it."""

import asyncio
import contextvars

import pytest

from cherry.kernel.locks import LockOrderError, OrderedLock, check_order, give_back, held, taken
from cherry.kernel.waits import waiting, waits


async def test_locks_may_be_taken_downwards_and_are_given_back() -> None:
    async with OrderedLock("validation.looking"), OrderedLock("journal.append"):
        assert [one.name for one in held()] == ["validation.looking", "journal.append"]
    assert held() == ()


async def test_a_lock_out_of_order_is_refused_by_name_before_anybody_waits() -> None:
    upper, lower = OrderedLock("validation.command"), OrderedLock("journal.append")
    with pytest.raises(
        LockOrderError, match=r"validation\.command may not be taken while journal\.append \(held since"
    ):
        async with lower, upper:
            pass
    async with upper, lower:
        pass  # neither was left taken


async def test_a_lock_taken_twice_is_refused_instead_of_waiting_for_itself() -> None:
    lock = OrderedLock("journal.append")
    async with lock:
        with pytest.raises(LockOrderError):
            await asyncio.wait_for(lock.__aenter__(), 5)


async def test_a_task_started_under_a_lock_holds_it_as_long_as_its_starter_does() -> None:
    go = asyncio.Event()

    async def later() -> tuple[str, ...]:
        names = tuple(one.name for one in held())
        await go.wait()
        return (*names, *(one.name for one in held()))

    async with OrderedLock("validation.looking"):
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    go.set()
    assert await task == ("validation.looking",)


async def test_waiting_for_a_lock_is_a_declared_wait() -> None:
    lock = OrderedLock("journal.append")

    async def second() -> None:
        async with lock:
            pass

    async with lock:
        # In a context of its own: as its starter it would be refused.
        task = asyncio.create_task(second(), context=contextvars.Context())
        while not waits():
            await asyncio.sleep(0)
        (wait,) = waits()
        assert (wait.name, wait.seconds, wait.task) == ("journal.append", 120.0, task)
    await task
    assert waits() == ()


def test_locks_of_one_name_are_taken_in_the_order_of_their_places() -> None:
    one = taken("edits.lock", "/b")
    try:
        check_order("edits.lock", "/c")
        with pytest.raises(LockOrderError, match=r"edits\.lock /a may not be taken while edits\.lock /b"):
            check_order("edits.lock", "/a")
    finally:
        give_back(one)


def test_a_wait_tells_its_name_its_age_and_its_deadline() -> None:
    with waiting("model.first_byte", 60.0, "openai"):
        (wait,) = waits()
        assert str(wait) == "openai since 0 s (model.first_byte, deadline 60 s)"
        assert -60 <= wait.overdue < 0

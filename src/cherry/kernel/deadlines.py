"""Deadlines with a name. Nothing in Cherry waits without one, and the one that was hit says which it was."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from cherry.kernel.waits import waiting

T = TypeVar("T")


class DeadlineExceeded(TimeoutError):
    """A named wait took longer than it may. `name` is dotted (`model.first_byte`), `seconds` is the allowance."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"{name} took longer than {seconds:g} s")
        self.name = name
        self.seconds = seconds


@asynccontextmanager
async def deadline(name: str, seconds: float, detail: str = "") -> AsyncIterator[None]:
    """Cancel the body after `seconds` and raise `DeadlineExceeded` with this name. `detail` says whom or what is waited for.

    A `TimeoutError` raised by the body itself passes through untouched.
    """
    try:
        with waiting(name, seconds, detail):
            async with asyncio.timeout(seconds) as scope:
                yield
    except TimeoutError as error:
        if scope.expired() and not isinstance(error, DeadlineExceeded):
            raise DeadlineExceeded(name, seconds) from None
        raise


async def within(name: str, seconds: float, awaitable: Awaitable[T], detail: str = "") -> T:
    """Await one thing under a named deadline. Raises `DeadlineExceeded`."""
    async with deadline(name, seconds, detail):
        return await awaitable

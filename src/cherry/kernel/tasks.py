"""Small helpers around asyncio tasks: ending them for certain, and iterating with a bound."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until each has ended; their own errors are dropped, they were asked to die."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await it to its end even when cancelled meanwhile; only then is the cancellation raised.

    For short work that must not be left half done.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # it went nowhere and is dropped
        raise

"""Makes a call again that failed for a passing reason: exponential pauses with full jitter, Retry-After obeyed, all bounded."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from cherry.domain.errors import gateway as rows
from cherry.domain.prompts import Answer, Prompt, Retrying, StreamItem
from cherry.domain.usage import Usage
from cherry.gateway.errors import ProviderError
from cherry.gateway.layers.stream import Stream
from cherry.gateway.settings import Retries
from cherry.kernel.clock import Clock
from cherry.kernel.waits import waiting

_EMPTY_ATTEMPTS = 2
"""A model that says nothing twice will not begin to talk; each try costs the whole prompt."""


def retrying(inner: Stream, retries: Retries, *, clock: Clock, random: Callable[[], float]) -> Stream:
    """`random` gives numbers from 0 to 1. Tokens of attempts that failed after being counted are added to the answer's."""

    async def stream(prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        started = clock.monotonic()
        spent = Usage()
        attempt = 1
        while True:
            try:
                async with aclosing(inner(prompt)) as items:
                    async for item in items:
                        yield _with(item, spent)
                return
            except ProviderError as error:
                spent += error.spent
                wait = _pause(error, attempt, retries, random)
                if wait is None or clock.monotonic() - started + wait > retries.total:
                    raise error.after(attempt) from None
                attempt += 1
                yield Retrying(attempt, wait, error.message)
                with waiting("model.retry", wait, prompt.model.provider):
                    await clock.sleep(wait)

    return stream


def _pause(error: ProviderError, attempt: int, retries: Retries, random: Callable[[], float]) -> float | None:
    """Seconds before the next attempt; None when there must be none."""
    attempts = min(retries.attempts, _EMPTY_ATTEMPTS) if error.kind is rows.EMPTY_ANSWER else retries.attempts
    if not error.passing or attempt >= attempts:
        return None
    pause = random() * min(retries.longest_wait, retries.first_wait * 2.0 ** (attempt - 1))
    if error.retry_after is None:
        return pause
    # Never before it was asked for, and not all clients at once.
    asked = error.retry_after + pause
    return min(asked, retries.longest_wait) if error.retry_after <= retries.longest_wait else None


def _with(item: StreamItem, spent: Usage) -> StreamItem:
    if not isinstance(item, Answer) or not spent.total_tokens:
        return item
    return item.model_copy(update={"usage": item.usage + spent})

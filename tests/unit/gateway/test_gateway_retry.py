"""Retrying and pricing, on a clock that only the tests move."""

from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.content import FromAssistant, TextPart
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError, ErrorKind
from cherry.domain.prompts import Answer, ModelRef, Prompt, Retrying, StreamItem, TextDelta
from cherry.domain.usage import Cost, Usage
from cherry.gateway.errors import ProviderError
from cherry.gateway.layers.pricing import pricing
from cherry.gateway.layers.retry import _pause, retrying
from cherry.gateway.layers.stream import Stream
from cherry.gateway.prices import Prices
from cherry.gateway.settings import PriceSetting, Retries
from cherry.testing.clock import FakeClock

PROMPT = Prompt(ModelRef("p", "m"), "", ())
ANSWER = Answer(
    message=FromAssistant(parts=(TextPart(text="Hi"),)),
    finish="stop",
    usage=Usage(input_tokens=10, output_tokens=1),
    cost=Cost(known=False),
    model="m",
)


class Scripted:
    """Fails with these errors in turn, then answers. Each attempt streams a word first."""

    def __init__(self, *failures: CherryError) -> None:
        self.failures = list(failures)
        self.calls = 0
        self.closed = 0

    async def stream(self, prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        self.calls += 1
        try:
            yield TextDelta("half")
            if self.failures:
                raise self.failures.pop(0)
            yield ANSWER
        finally:
            self.closed += 1


async def items(stream: Stream) -> list[StreamItem]:
    return [item async for item in stream(PROMPT)]


def failing(kind: ErrorKind = rows.OVERLOADED, **more: object) -> ProviderError:
    return ProviderError(kind, **more)  # type: ignore[arg-type]  # spread settings


def clocked() -> FakeClock:
    return FakeClock(auto=True)


async def test_a_passing_failure_is_tried_again_and_the_half_answer_taken_back() -> None:
    clock, inner = clocked(), Scripted(failing(why="busy"))
    seen = await items(retrying(inner.stream, Retries(), clock=clock, random=lambda: 0.5))
    again = Retrying(2, 0.5, "The provider is overloaded or failing: busy.")
    assert seen == [TextDelta("half"), again, TextDelta("half"), ANSWER]
    assert clock.slept == [0.5]


async def test_pauses_double_up_to_their_bound() -> None:
    clock, inner = clocked(), Scripted(*(failing() for _ in range(5)))
    retries = Retries(attempts=6, first_wait=1, longest_wait=5)
    await items(retrying(inner.stream, retries, clock=clock, random=lambda: 1.0))
    assert clock.slept == [1, 2, 4, 5, 5]


@given(st.floats(0, 1), st.integers(1, 8))
def test_a_pause_is_drawn_from_nothing_to_its_bound(drawn: float, attempt: int) -> None:
    from_nothing = Retries(attempts=9, first_wait=1, longest_wait=10)
    wait = _pause(failing(), attempt, from_nothing, lambda: drawn)
    assert 0 <= wait <= min(10, 2 ** (attempt - 1))


@pytest.mark.parametrize(
    "kind", [rows.AUTH, rows.QUOTA, rows.BAD_REQUEST, rows.CONTEXT_TOO_LONG, rows.MODEL_NOT_FOUND, rows.TLS]
)
async def test_a_permanent_error_is_never_tried_again(kind: ErrorKind) -> None:
    inner = Scripted(failing(kind))
    with pytest.raises(CherryError) as caught:
        await items(retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.0))
    assert (caught.value.kind, inner.calls) == (kind, 1)


async def test_an_error_that_is_no_providers_passes_through() -> None:
    inner = Scripted(CherryError(rows.NO_PROVIDER))
    with pytest.raises(CherryError, match="No model provider"):
        await items(retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.0))
    assert inner.calls == 1


async def test_attempts_are_bounded_and_the_last_error_says_how_many_there_were() -> None:
    inner = Scripted(*(failing(why="busy") for _ in range(9)))
    with pytest.raises(CherryError, match="busy \\(tried 3 times\\)"):
        await items(retrying(inner.stream, Retries(attempts=3), clock=clocked(), random=lambda: 0.0))
    assert inner.calls == 3


async def test_no_attempt_starts_after_the_total() -> None:
    clock, inner = clocked(), Scripted(*(failing() for _ in range(9)))
    retries = Retries(attempts=9, first_wait=40, longest_wait=40, total=100)
    with pytest.raises(CherryError):
        await items(retrying(inner.stream, retries, clock=clock, random=lambda: 1.0))
    assert clock.slept == [40, 40]


async def test_a_clock_that_jumps_does_not_end_the_attempts() -> None:
    clock, inner = clocked(), Scripted(failing(), failing())

    def jumping() -> float:
        clock.jump_wall(-1e9)
        return 0.1

    assert (await items(retrying(inner.stream, Retries(), clock=clock, random=jumping)))[-1] == ANSWER


async def test_a_provider_is_not_asked_again_before_it_said() -> None:
    clock, inner = clocked(), Scripted(failing(rows.RATE_LIMIT, retry_after=20.0))
    await items(retrying(inner.stream, Retries(), clock=clock, random=lambda: 0.5))
    assert clock.slept == [20.5]


async def test_a_provider_that_asks_for_too_long_a_pause_ends_the_call() -> None:
    inner = Scripted(failing(rows.RATE_LIMIT, retry_after=3600.0))
    with pytest.raises(CherryError):
        await items(retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.5))
    assert inner.calls == 1


async def test_a_model_that_says_nothing_is_asked_once_more_only() -> None:
    inner = Scripted(*(failing(rows.EMPTY_ANSWER) for _ in range(5)))
    with pytest.raises(CherryError):
        await items(retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.0))
    assert inner.calls == 2


async def test_tokens_of_failed_attempts_are_paid_for() -> None:
    inner = Scripted(failing(spent=Usage(input_tokens=7)), failing(spent=Usage(output_tokens=2)))
    seen = await items(retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.0))
    assert isinstance(seen[-1], Answer)
    assert seen[-1].usage == Usage(input_tokens=17, output_tokens=3)


async def test_closing_the_stream_closes_the_call_at_once() -> None:
    inner = Scripted()
    stream = retrying(inner.stream, Retries(), clock=clocked(), random=lambda: 0.0)(PROMPT)
    await anext(stream)
    await stream.aclose()
    assert inner.closed == 1


async def test_an_answer_is_priced_by_the_model_asked_for_else_by_the_one_that_answered() -> None:
    prices = Prices({"p/m": PriceSetting(input=Decimal(1), output=Decimal(2))}, now=lambda: 0.0)
    priced = (await items(pricing(Scripted().stream, prices)))[-1]
    assert isinstance(priced, Answer)
    assert priced.cost == Cost(usd=Decimal("0.000012"))
    prices = Prices({"other": PriceSetting(input=Decimal(1), output=Decimal(2))}, now=lambda: 0.0)
    (priced,) = [item for item in await items(pricing(Scripted().stream, prices)) if isinstance(item, Answer)]
    assert priced.cost == Cost(known=False)

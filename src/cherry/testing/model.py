"""A gateway without a network: streams the answers of a script and raises the errors its faults become.

Boundary: it stands in for the whole gateway, so what reaches the agent is what the real one would let through after its
own retries; give `retries` to see `Retrying` items as well. Time passes on the clock given.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from typing import Any, NamedTuple, assert_never

from cherry.domain import errors
from cherry.domain.content import Message
from cherry.domain.errors import CherryError, ErrorKind
from cherry.domain.prompts import Answer, Delta, ModelRef, Prompt, Retrying, StreamItem
from cherry.domain.usage import Cost, Usage
from cherry.gateway.port import ModelFacts
from cherry.kernel.clock import Clock, SystemClock
from cherry.testing.conversions import deltas_of, message_of, seen_request, usage_of
from cherry.testing.faults import (
    CutMidStream,
    Drop,
    ErrorInStream,
    Fault,
    Garbage,
    Hang,
    HangMidStream,
    PingForever,
    RefusalKind,
    Refuse,
    SlowDrip,
    Status,
)
from cherry.testing.replies import Reason, Reply, token_count
from cherry.testing.scripts import Script, Step, Words, as_script

_MILLION = Decimal(1_000_000)
_DEFAULT_OUTPUT = 4096
_NOT_SENT: Any = {"results": {"__all__": {"view"}}}
"""What is for people only."""

_KINDS: dict[RefusalKind, ErrorKind] = {
    "wrong_key": errors.gateway.AUTH,
    "no_credit": errors.gateway.QUOTA,
    "no_permission": errors.gateway.AUTH,
    "model_not_found": errors.gateway.MODEL_NOT_FOUND,
    "context_too_long": errors.gateway.CONTEXT_TOO_LONG,
    "content_refused": errors.gateway.REFUSED_CONTENT,
    "bad_request": errors.gateway.BAD_REQUEST,
    "no_tools": errors.gateway.NO_TOOLS,
    "rate_limited": errors.gateway.RATE_LIMIT,
    "quota_used_up": errors.gateway.QUOTA,
    "server_error": errors.gateway.OVERLOADED,
    "unavailable": errors.gateway.OVERLOADED,
    "overloaded": errors.gateway.OVERLOADED,
}


class Price(NamedTuple):
    """US dollars per million tokens."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    cache_read: Decimal = Decimal(0)
    cache_write: Decimal = Decimal(0)

    def of(self, usage: Usage) -> Cost:
        usd = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        ) / _MILLION
        return Cost(usd=usd)


FREE = Price()


class ScriptedGateway:
    """Implements `cherry.gateway.port.Gateway`.

    `price` None makes every cost unknown. `deadline_seconds` is how long a hanging provider is waited for, on `clock`.
    With `retries`, errors that may be retried use up the next answer of the script instead of being raised.
    """

    def __init__(
        self,
        script: Script | Words = "Hello.",
        *,
        price: Price | None = FREE,
        facts: ModelFacts | None = None,
        models: tuple[str, ...] = ("openai/test",),
        clock: Clock | None = None,
        deadline_seconds: float = 60.0,
        retries: int = 0,
    ) -> None:
        self._player = as_script(script).play()
        self._price = price
        self._facts = facts or ModelFacts(128_000, 16_384, images=True, tools=True, priced=price is not None)
        self._models = models
        self._clock = clock or SystemClock()
        self._deadline = deadline_seconds
        self._retries = retries
        self._counted: dict[int, tuple[Message, int]] = {}
        self.prompts: list[Prompt] = []
        """Every prompt, oldest first; a retried one once."""
        self.answers: list[Answer] = []
        """Every whole answer that was given."""
        self.abandoned = 0
        """Streams that were closed or cancelled before their end."""
        self.closed = False

    async def stream(self, prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        """Raises ScriptUsedUp when there is no answer left."""
        self.prompts.append(prompt)
        number = len(self.prompts)
        ended = False
        try:
            async with aclosing(self._attempts(prompt, number)) as items:
                async for item in items:
                    if isinstance(item, Answer):
                        ended = True
                        self.answers.append(item)
                    yield item
        except (GeneratorExit, asyncio.CancelledError):
            self.abandoned += not ended
            raise

    def facts(self, model: ModelRef) -> ModelFacts:
        return self._facts

    def count_tokens(self, prompt: Prompt) -> int:
        """Four bytes to a token, each message and each tool with its structure."""
        tools = sum(token_count(f"{tool.name}{tool.description}{tool.parameters}") for tool in prompt.tools)
        return token_count(prompt.system) + tools + sum(map(self._count_message, prompt.messages))

    def price_ceiling(self, prompt: Prompt, prompt_tokens: int) -> Cost:
        output = prompt.max_output_tokens or self._facts.max_output or _DEFAULT_OUTPUT
        return self._cost(Usage(input_tokens=prompt_tokens, output_tokens=output))

    async def available(self) -> list[ModelRef]:
        return [model for text in self._models if (model := ModelRef.parse(text))]

    async def close(self) -> None:
        self.closed = True

    async def _attempts(self, prompt: Prompt, number: int) -> AsyncGenerator[StreamItem, None]:
        attempt = 1
        while True:
            step = self._player.next(seen_request(prompt, number))
            try:
                async with aclosing(self._attempt(prompt, step, number)) as items:
                    async for item in items:
                        yield item
            except CherryError as error:
                if error.kind is errors.gateway.NO_TOOLS:  # as the gateway learns it
                    self._facts = self._facts._replace(tools=False)
                if error.kind.effect != "retry" or attempt > self._retries:
                    raise
                attempt += 1
                wait = _retry_wait(step, attempt)
                yield Retrying(attempt, wait, error.message)
                await self._clock.sleep(wait)
            else:
                return

    async def _attempt(self, prompt: Prompt, step: Step, number: int) -> AsyncGenerator[StreamItem, None]:
        if not isinstance(step, Reply | SlowDrip):
            async with aclosing(self._fail(prompt, step)) as deltas:
                async for delta in deltas:
                    yield delta
            return
        reply = step if isinstance(step, Reply) else step.reply
        started = self._clock.monotonic()
        if reply.delay:
            await self._clock.sleep(reply.delay)
        first_byte = self._clock.monotonic() - started
        for place, delta in enumerate(deltas_of(prompt, reply)):
            if reply.pause and place:
                await self._clock.sleep(reply.pause)
            yield delta
        if not reply.end_marker:
            raise _error(errors.gateway.CUT_STREAM, prompt, "the stream ended without saying that it is finished")
        if not any(not isinstance(part, Reason) for part in reply.parts):
            raise _error(errors.gateway.EMPTY_ANSWER, prompt)
        answer = self._answer(prompt, reply, number)
        seconds = self._clock.monotonic() - started
        yield answer.model_copy(update={"seconds": seconds, "first_byte_seconds": first_byte})

    async def _fail(self, prompt: Prompt, fault: Fault) -> AsyncGenerator[Delta, None]:
        match fault:
            case Refuse():
                raise _error(_KINDS[fault.kind], prompt, fault.kind.replace("_", " "))
            case Status():
                raise _error(_kind_of_status(fault.code), prompt, f"status {fault.code}")
            case Drop():
                raise _error(errors.gateway.UNREACHABLE, prompt, "the connection closed without an answer")
            case Garbage():
                raise _error(errors.gateway.GARBAGE, prompt, fault.kind.replace("_", " "))
            case Hang() | PingForever():
                await self._clock.sleep(self._deadline)
                raise _error(errors.gateway.TIMEOUT, prompt, f"model.first_byte took longer than {self._deadline:g} s")
            case HangMidStream() | CutMidStream() | ErrorInStream():
                for delta in list(deltas_of(prompt, fault.reply))[: fault.after]:
                    yield delta
            case SlowDrip():
                raise AssertionError("a slow answer is an answer")
            case _:
                assert_never(fault)
        if isinstance(fault, HangMidStream):
            await self._clock.sleep(self._deadline)
            raise _error(errors.gateway.TIMEOUT, prompt, f"model.between_bytes took longer than {self._deadline:g} s")
        if isinstance(fault, ErrorInStream):
            raise _error(_KINDS[fault.kind], prompt, fault.kind.replace("_", " "))
        raise _error(errors.gateway.CUT_STREAM, prompt, "the connection broke in the middle of the answer")

    def _answer(self, prompt: Prompt, reply: Reply, number: int) -> Answer:
        counted = self.count_tokens(prompt)
        usage = usage_of(reply.counted(counted * 4))
        return Answer(
            message=message_of(prompt, reply, number),
            finish=reply.finished_as,
            usage=usage,
            cost=self._cost(usage),
            model=prompt.model.model,
        )

    def _cost(self, usage: Usage) -> Cost:
        return Cost(known=False) if self._price is None else self._price.of(usage)

    def _count_message(self, message: Message) -> int:
        # Kept by identity: messages are immutable and holding them keeps their identity from being reused.
        known = self._counted.get(id(message))
        if known is None:
            known = self._counted[id(message)] = (message, token_count(message.model_dump_json(exclude=_NOT_SENT)))
        return known[1]


def _error(kind: ErrorKind, prompt: Prompt, why: str = "") -> CherryError:
    return CherryError(kind, where=str(prompt.model), why=why)


def _kind_of_status(code: int) -> ErrorKind:
    known = {
        401: errors.gateway.AUTH,
        402: errors.gateway.QUOTA,
        403: errors.gateway.AUTH,
        404: errors.gateway.MODEL_NOT_FOUND,
        429: errors.gateway.RATE_LIMIT,
    }
    if code >= 500:
        return errors.gateway.OVERLOADED
    return known.get(code, errors.gateway.BAD_REQUEST if code >= 400 else errors.gateway.GARBAGE)


def _retry_wait(step: Step, attempt: int) -> float:
    if isinstance(step, Refuse) and isinstance(step.retry_after, int | float):
        return float(step.retry_after)
    return float(2 ** (attempt - 2))

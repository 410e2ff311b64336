"""One model call: the prompt within the window and the budget, the stream to watchers, the whole answer to the log."""

import asyncio
import contextlib
from collections.abc import Sequence

from cherry.agent.budget import Reserved, cost_of_failure
from cherry.agent.journal import Journal
from cherry.agent.spending import Spending
from cherry.agent.window import Window
from cherry.agent.workbench import Workbench
from cherry.domain.content import AssistantPart, CallPart, FromAssistant, TextPart
from cherry.domain.errors import CherryError, gateway, run
from cherry.domain.events import AnswerStreamed, AssistantMessage, StepFailed, StepStarted
from cherry.domain.live import CallStreamed, ReasoningStreamed, StreamReset, TextStreamed, Working
from cherry.domain.prompts import Answer, CallDelta, Delta, ModelRef, Prompt, ReasoningDelta, Retrying, TextDelta
from cherry.domain.usage import Cost, Usage
from cherry.gateway.port import Gateway
from cherry.kernel.ids import derived_id

MAX_REFUSALS = 6
"""Tries with another prompt when the provider refuses one as too long or its tools."""


KEPT_EVERY_SECONDS = 1.0
"""Of an answer that is being streamed, no more than this is lost by a kill."""


class Answering:
    def __init__(self, journal: Journal, *, bench: Workbench, gateway: Gateway) -> None:
        self._journal = journal
        self._state = journal.state
        self._bench = bench
        self._gateway = gateway
        self._spending = Spending(journal, gateway=gateway, accounts=bench.accounts)
        self._window = Window(journal, bench=bench, gateway=gateway, spending=self._spending)

    async def step(self) -> None:
        """Make one model call and log its answer. Raises CherryError when there is none or a limit forbids it."""
        limits, turn = self._state.turn.limits, self._state.turn
        made = turn.steps - turn.steps_before
        if made >= limits.max_steps:
            raise CherryError(run.STEP_LIMIT, f"The turn has made {made} model calls, its step limit")
        too_long = in_words = False
        for attempt in range(1, MAX_REFUSALS + 1):
            prompt, tokens = await self._window.prompt(model_of(turn.model), refused=too_long)
            try:
                return await self._call(prompt, tokens)
            except CherryError as error:
                # A refusal is in the log now and has taught what comes next: a smaller window, tools told in words.
                if error.kind is gateway.CONTEXT_TOO_LONG and attempt < MAX_REFUSALS:
                    too_long = True
                elif error.kind is gateway.NO_TOOLS and not in_words:
                    in_words = True
                else:
                    raise
        raise AssertionError("unreachable")

    async def _call(self, prompt: Prompt, tokens: int) -> None:
        turn = self._state.turn
        async with self._spending.reserved(prompt, tokens) as reserved:
            step = turn.steps + 1
            started = StepStarted(
                step=step,
                attempt=turn.attempts.get(step, 0) + 1,
                model=turn.model,
                prompt_tokens=tokens,
                output_tokens=reserved.prompt.max_output_tokens or 0,
                reserved=reserved.ceiling,
            )
            await self._journal.append(started)
            self._journal.emit(Working(f"Waiting for {prompt.model}"))
            answer = await self._answer(reserved, started)
            await self._journal.append(
                AssistantMessage(
                    step=step,
                    message=self._with_unique_ids(answer.message, step),
                    finish=answer.finish,
                    usage=answer.usage,
                    cost=answer.cost,
                    model=answer.model,
                    seconds=answer.seconds,
                    first_byte_seconds=answer.first_byte_seconds,
                )
            )

    async def _answer(self, reserved: Reserved, started: StepStarted) -> Answer:
        """The whole answer; one that fails or is interrupted is logged with what came of it."""
        partial: list[str] = []
        try:
            return await self._stream(reserved.prompt, started, partial)
        except CherryError as error:
            if error.kind is run.NO_PROGRESS:  # it was us who broke it off
                await self._broken_off(reserved, started, partial, error)
                raise
            cost = cost_of_failure(error, reserved.ceiling, streamed=bool(partial))
            usage = self._used_so_far(started, partial) if partial else Usage()
            await self._journal.append(_failed(started, error, partial, usage, cost))
            raise
        except asyncio.CancelledError:
            interrupted = CherryError(run.INTERRUPTED, "The answer was interrupted")
            with contextlib.suppress(CherryError):  # a full disk must not hide the interrupt
                await self._broken_off(reserved, started, partial, interrupted)
            raise

    async def _broken_off(
        self, reserved: Reserved, started: StepStarted, partial: Sequence[str], error: CherryError
    ) -> None:
        """The provider was asked and is not heard to the end: what came so far was paid for, and is kept."""
        usage = self._used_so_far(started, partial)
        so_far = reserved.prompt._replace(max_output_tokens=max(1, usage.output_tokens))
        cost = self._gateway.price_ceiling(so_far, started.prompt_tokens)
        await self._journal.append(_failed(started, error, partial, usage, cost))

    def _used_so_far(self, started: StepStarted, partial: Sequence[str]) -> Usage:
        said = Prompt(model_of(started.model), "", (FromAssistant(parts=(TextPart(text="".join(partial)),)),))
        output = self._gateway.count_tokens(said) if partial else 0
        return Usage(input_tokens=started.prompt_tokens, output_tokens=output, estimated=True)

    async def _stream(self, prompt: Prompt, started: StepStarted, partial: list[str]) -> Answer:
        keeping = _Keeping(self._journal, started)
        async for item in self._gateway.stream(prompt):
            if isinstance(item, Answer):
                return item
            self._show(item, started.step, partial)
            await keeping.keep(partial)
        raise CherryError(gateway.CUT_STREAM)

    def _show(self, delta: Delta, step: int, partial: list[str]) -> None:
        match delta:
            case TextDelta(text=text):
                partial.append(text)
                self._journal.emit(TextStreamed(step, text))
            case ReasoningDelta(text=text):
                self._journal.emit(ReasoningStreamed(step, text))
            case CallDelta(tool=tool, bytes_so_far=size):
                self._journal.emit(CallStreamed(step, tool, size))
            case Retrying(attempt=attempt, wait_seconds=wait, reason=reason):
                partial.clear()
                self._journal.emit(StreamReset(step, attempt, wait, reason))

    def _with_unique_ids(self, message: FromAssistant, step: int) -> FromAssistant:
        """Some servers number calls from 0 again in every answer; results are matched by id over the whole session."""
        used = set(self._state.call_ids)
        parts: list[AssistantPart] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, CallPart):
                if not part.call.id or part.call.id in used:
                    fresh = derived_id("call", self._state.session, self._state.turn.number, step, index)
                    part = CallPart(call=part.call.model_copy(update={"id": fresh}))
                used.add(part.call.id)
            parts.append(part)
        return FromAssistant(parts=tuple(parts))


class _Keeping:
    """Puts what has come of an answer on disk about once a second."""

    def __init__(self, journal: Journal, started: StepStarted) -> None:
        self._journal = journal
        self._started = started
        self._time = asyncio.get_running_loop().time
        self._last = self._time()
        self._pieces = 0
        self._kept = 0
        """Characters of the first `_pieces`."""
        self._part = 0

    async def keep(self, partial: Sequence[str]) -> None:
        if len(partial) < self._pieces:  # the gateway began anew
            self._pieces = self._kept = 0
        now = self._time()
        if now - self._last < KEPT_EVERY_SECONDS or len(partial) == self._pieces:
            return
        text = "".join(partial[self._pieces :])
        self._part += 1
        step, attempt = self._started.step, self._started.attempt
        with contextlib.suppress(CherryError):  # the answer itself may still find room
            await self._journal.append(
                AnswerStreamed(step=step, attempt=attempt, part=self._part, begins=self._kept, text=text)
            )
        self._pieces, self._kept, self._last = len(partial), self._kept + len(text), self._time()


def model_of(text: str) -> ModelRef:
    model = ModelRef.parse(text)
    if model is None:
        raise CherryError(gateway.UNKNOWN_MODEL, f"{text!r} does not name a model as provider/model")
    return model


def _failed(started: StepStarted, error: CherryError, partial: Sequence[str], usage: Usage, cost: Cost) -> StepFailed:
    return StepFailed(
        step=started.step,
        attempt=started.attempt,
        fault=error.fault(),
        partial="".join(partial),
        usage=usage,
        cost=cost,
    )

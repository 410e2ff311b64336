"""One model call: the prompt within the window and the budget, the stream to watchers, the whole answer to the log."""

from cherry.agent.budget import reserve
from cherry.agent.compaction import compact, summary_message
from cherry.agent.journal import Journal
from cherry.agent.workbench import Workbench
from cherry.domain.content import AssistantPart, CallPart, FromAssistant, Message
from cherry.domain.errors import CherryError, gateway, run
from cherry.domain.events import AssistantMessage, StepFailed, StepStarted
from cherry.domain.live import CallStreamed, ReasoningStreamed, StreamReset, TextStreamed, Working
from cherry.domain.prompts import Answer, CallDelta, Delta, ModelRef, Prompt, ReasoningDelta, Retrying, TextDelta
from cherry.domain.usage import Cost
from cherry.gateway.port import Gateway
from cherry.kernel.ids import derived_id

DEFAULT_OUTPUT_TOKENS = 16_000
ASSUMED_WINDOW = 128_000
"""Tokens, for models whose window is not known."""
WINDOW_SHARE = 0.8
"""The prompt is compacted before it takes more than this share of what the window leaves it."""
MAX_COMPACTIONS = 3
"""Tries to make one prompt fit."""


class Answering:
    def __init__(self, journal: Journal, *, bench: Workbench, gateway: Gateway) -> None:
        self._journal = journal
        self._state = journal.state
        self._bench = bench
        self._gateway = gateway

    async def step(self) -> None:
        """Make one model call and log its answer. Raises CherryError when there is none or a limit forbids it."""
        limits, turn = self._state.turn.limits, self._state.turn
        made = turn.steps - turn.steps_before
        if made >= limits.max_steps:
            raise CherryError(run.STEP_LIMIT, f"The turn has made {made} model calls, its step limit")
        for round_ in range(1, MAX_COMPACTIONS + 1):
            prompt, tokens = await self._fitting_prompt()
            try:
                return await self._call(prompt, tokens)
            except CherryError as error:
                if error.kind is not gateway.CONTEXT_TOO_LONG or round_ == MAX_COMPACTIONS:
                    raise
                # The provider counts differently than we do: make the window smaller and try again.
                if not await self._compact(keep=max(2, len(self._state.messages) // (2 * round_))):
                    raise
        raise AssertionError("unreachable")

    async def _fitting_prompt(self) -> tuple[Prompt, int]:
        for _ in range(MAX_COMPACTIONS):
            prompt = self._prompt()
            tokens = self._gateway.count_tokens(prompt)
            if tokens <= self._room(prompt) or not await self._compact(keep=max(2, len(prompt.messages) // 3)):
                return prompt, tokens
        prompt = self._prompt()
        return prompt, self._gateway.count_tokens(prompt)

    def _room(self, prompt: Prompt) -> int:
        window = self._gateway.facts(prompt.model).context_window or ASSUMED_WINDOW
        return int((window - min(prompt.max_output_tokens or 0, window // 4)) * WINDOW_SHARE)

    def _prompt(self) -> Prompt:
        state = self._state
        model = model_of(state.turn.model)
        facts = self._gateway.facts(model)
        window = facts.context_window or ASSUMED_WINDOW
        messages: tuple[Message, ...] = state.messages
        if state.summary:
            messages = (summary_message(state.summary), *messages)
        return Prompt(
            model=model,
            system=self._bench.prompts.system(state.context or ""),
            messages=messages,
            tools=self._bench.toolbox.offered(),
            max_output_tokens=min(facts.max_output or DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS, window // 2),
            cache_key=state.session,
        )

    async def _compact(self, *, keep: int) -> bool:
        self._journal.emit(Working("Summarising the earlier part of the session"))
        model = model_of(self._bench.summary_model or self._state.turn.model)
        event = await compact(self._state, self._gateway, model=model, keep=keep)
        if event is None:
            return False
        await self._journal.append(event)
        return True

    async def _call(self, prompt: Prompt, tokens: int) -> None:
        turn = self._state.turn
        reserved = reserve(prompt, tokens, limits=turn.limits, spent=turn.cost, used=turn.usage, gateway=self._gateway)
        step = turn.steps + 1
        attempt = turn.attempts.get(step, 0) + 1
        await self._journal.append(
            StepStarted(step=step, attempt=attempt, model=turn.model, prompt_tokens=tokens, reserved=reserved.ceiling)
        )
        self._journal.emit(Working(f"Waiting for {prompt.model}"))
        partial: list[str] = []
        try:
            answer = await self._stream(reserved.prompt, step, partial)
        except CherryError as error:
            cost = _cost_of_failure(error, reserved.ceiling, streamed=bool(partial))
            await self._journal.append(
                StepFailed(step=step, attempt=attempt, fault=error.fault(), partial="".join(partial), cost=cost)
            )
            raise
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

    async def _stream(self, prompt: Prompt, step: int, partial: list[str]) -> Answer:
        async for item in self._gateway.stream(prompt):
            if isinstance(item, Answer):
                return item
            self._show(item, step, partial)
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


def model_of(text: str) -> ModelRef:
    model = ModelRef.parse(text)
    if model is None:
        raise CherryError(gateway.UNKNOWN_MODEL, f"{text!r} does not name a model as provider/model")
    return model


def _cost_of_failure(error: CherryError, ceiling: Cost, *, streamed: bool) -> Cost:
    """A stream that broke off was paid for as far as it went; how far the provider does not say, so the reservation counts."""
    return ceiling if streamed or error.kind in (gateway.CUT_STREAM, gateway.ANSWER_TOO_LONG) else Cost()

"""The gateway as the agent hears it: between the loop, which knows calls and results, and models that put them into words.

To a model without calls, tools and results are told in words. Of any model's whole answer the actions in its text become calls. An
answer that repeats itself without end is ended. Everything else passes through; prompts that are not a turn's are left alone.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence

from cherry.agent.actions import Actions, read_actions
from cherry.agent.repeating import RepetitionWatch
from cherry.context.in_words import InWords
from cherry.domain.content import FromAssistant, FromTools, Message
from cherry.domain.errors import CherryError, run
from cherry.domain.prompts import Answer, ModelRef, Prompt, ReasoningDelta, Retrying, StreamItem, TextDelta
from cherry.domain.usage import Cost
from cherry.gateway.port import Gateway, ModelFacts

_LONG = 50_000
"""Characters of text that are read in a thread."""


class Listening:
    """Implements `cherry.gateway.port.Gateway` over another one, for one turn."""

    def __init__(self, gateway: Gateway, tools: Sequence[str]) -> None:
        """`tools`: the dotted names of the tools that calls may name."""
        self._gateway = gateway
        self._tools = tuple(tools)
        self._words = InWords()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        """Raises CherryError(run.NO_PROGRESS) when the answer repeats itself, and what the gateway raises."""
        items = self._gateway.stream(self._as_heard(prompt))
        watches = _Watches()
        try:
            async for item in items:
                if prompt.purpose != "turn":
                    yield item
                elif isinstance(item, Answer):
                    yield await self._understood(item, prompt)
                else:
                    yield item
                    watches.see(item)
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    def facts(self, model: ModelRef) -> ModelFacts:
        return self._gateway.facts(model)

    def count_tokens(self, prompt: Prompt) -> int:
        return self._gateway.count_tokens(self._as_heard(prompt))

    def price_ceiling(self, prompt: Prompt, prompt_tokens: int) -> Cost:
        return self._gateway.price_ceiling(self._as_heard(prompt), prompt_tokens)

    async def available(self) -> list[ModelRef]:
        return await self._gateway.available()

    async def close(self) -> None:
        await self._gateway.close()

    async def actions(self, message: FromAssistant, model: ModelRef, heard: Sequence[Message]) -> Actions:
        """What the text of an answer holds. `heard`: the conversation before; a call that a tool's output held is none of the model's."""

        def foreign() -> Iterator[str]:  # looked through only when there is an action to compare with
            return (result.text for said in heard if isinstance(said, FromTools) for result in said.results)

        def read() -> Actions:
            return read_actions(message, native=self._calls_natively(model), tools=self._tools, foreign=foreign)

        return await asyncio.to_thread(read) if len(message.text) > _LONG else read()

    async def _understood(self, answer: Answer, prompt: Prompt) -> Answer:
        if answer.finish not in ("stop", "calls"):
            return answer  # not whole: half an action is none
        actions = await self.actions(answer.message, prompt.model, prompt.messages)
        return answer if actions.message is answer.message else answer.model_copy(update={"message": actions.message})

    def _as_heard(self, prompt: Prompt) -> Prompt:
        return prompt if self._calls_natively(prompt.model) else self._words.rewrite(prompt)

    def _calls_natively(self, model: ModelRef) -> bool:
        """What is not known to be without calls is asked to call."""
        return self._gateway.facts(model).tools is not False


class _Watches:
    """Over the text and the thoughts of one answer."""

    def __init__(self) -> None:
        self._text, self._thoughts = RepetitionWatch(), RepetitionWatch()

    def see(self, item: StreamItem) -> None:
        """Raises CherryError(run.NO_PROGRESS)."""
        found = ""
        match item:
            case TextDelta(text=text):
                found = self._text.feed(text)
            case ReasoningDelta(text=text):
                found = self._thoughts.feed(text)
            case Retrying():
                self._text, self._thoughts = RepetitionWatch(), RepetitionWatch()
            case _:
                pass
        if found:
            raise CherryError(run.NO_PROGRESS, "The answer repeats itself without end and was stopped", why=found)

"""One model call as a stream; every layer and every provider has this one shape."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from cherry.domain.prompts import ModelRef, Prompt, StreamItem
from cherry.domain.usage import Cost


class ModelFacts(NamedTuple):
    """What is known of a model. Unknown is None, never a guess."""

    context_window: int | None = None
    """Tokens, prompt and answer together."""
    max_output: int | None = None
    images: bool | None = None
    tools: bool | None = None
    priced: bool = False


class Gateway(Protocol):
    def stream(self, prompt: Prompt) -> AsyncIterator[StreamItem]:
        """Deltas, then exactly one `Answer` as the last item.

        Raises CherryError of `cherry.domain.errors.gateway` when there is no whole answer. Closing the iterator ends the call.
        """
        ...

    def facts(self, model: ModelRef) -> ModelFacts: ...

    def count_tokens(self, prompt: Prompt) -> int:
        """Estimate of what the provider will count for this prompt. Incremental: messages seen before cost nothing."""
        ...

    def price_ceiling(self, prompt: Prompt, prompt_tokens: int) -> Cost:
        """The most this call can cost: the prompt uncached, the answer as long as it may be."""
        ...

    async def available(self) -> list[ModelRef]:
        """Models that can be called now, asked of each configured provider; providers that do not answer are left out."""
        ...

    async def close(self) -> None: ...

"""Writes the cost of a call into its answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cherry.domain.prompts import Answer, ModelRef, Prompt, StreamItem
from cherry.gateway.layers.stream import Stream
from cherry.gateway.prices import Prices


def pricing(inner: Stream, prices: Prices) -> Stream:
    """By the model that was asked for; by the one that answered where only that has a price."""

    async def stream(prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        async with aclosing(inner(prompt)) as items:
            async for item in items:
                yield _priced(item, prompt.model, prices) if isinstance(item, Answer) else item

    return stream


def _priced(answer: Answer, model: ModelRef, prices: Prices) -> Answer:
    cost = prices.cost(model, answer.usage)
    if not cost.known and answer.model:
        cost = prices.cost(ModelRef(model.provider, answer.model), answer.usage)
    return answer.model_copy(update={"cost": cost})

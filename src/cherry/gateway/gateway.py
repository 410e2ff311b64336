"""The gateway: providers, wires and layers put together behind the port.

    recording ( pricing ( retrying ( one call of an endpoint ) ) )      or      replaying

Deadlines are kept where the waiting is, in the transport. Importing this imports no HTTP, and making one opens nothing: the
first call does.
"""

import random as random_module
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError
from cherry.domain.prompts import Answer, ModelRef, Prompt, StreamItem
from cherry.domain.usage import Cost, Usage
from cherry.gateway.endpoint import CallFacts, Endpoint, merged_facts
from cherry.gateway.layers.pricing import pricing
from cherry.gateway.layers.recording import recording, replaying
from cherry.gateway.layers.retry import retrying
from cherry.gateway.layers.stream import Stream
from cherry.gateway.port import ModelFacts
from cherry.gateway.prices import Prices
from cherry.gateway.providers.discovery import Choice, choose_default, find, models_of, resolve
from cherry.gateway.providers.provider import KeyProblem, Provider, set_up
from cherry.gateway.settings import GatewaySettings
from cherry.gateway.tokens import TokenCounter
from cherry.gateway.transport import LazyTransport, Transport
from cherry.kernel.clock import Clock, SystemClock


class ModelGateway:
    """Implements `cherry.gateway.port.Gateway`. One per process; safe to use from many tasks of one event loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        transport: Transport | None = None,
        random: Callable[[], float] = random_module.random,
        redact: Callable[[str], str] = str,
        unreadable: KeyProblem = lambda name: None,
    ) -> None:
        """`environ` is read for keys, addresses, proxies and certificates. `redact` takes secrets out of recordings."""
        self.settings = settings
        self.providers: Sequence[Provider] = set_up(environ, settings, unreadable=unreadable)
        self._environ = environ
        self._clock = clock or SystemClock()
        self._transport = transport or LazyTransport(environ)
        self._tokens = TokenCounter()
        self._endpoints: dict[str, Endpoint] = {}
        self._prices = Prices(settings.prices, now=self._clock.now, lists=_price_lists(self.providers))
        self._choice: Choice | None = None
        self._chain = self._layers(random, redact)

    def stream(self, prompt: Prompt) -> AsyncIterator[StreamItem]:
        """See the port. Raises also NO_PROVIDER and UNKNOWN_MODEL."""
        return self._chain(prompt)

    def facts(self, model: ModelRef) -> ModelFacts:
        provider = find(model.provider, self.providers)
        known = self._prices.known(model).facts
        if provider is None:
            return known
        learned = self._endpoint(provider).learned.get(model.model, ModelFacts())
        return merged_facts(learned, known, provider)

    def count_tokens(self, prompt: Prompt) -> int:
        return self._tokens.count(prompt)

    def price_ceiling(self, prompt: Prompt, prompt_tokens: int) -> Cost:
        output = self._max_output(prompt) or self.facts(prompt.model).max_output
        return self._prices.ceiling(prompt.model, prompt_tokens, output)

    async def available(self) -> list[ModelRef]:
        if self.settings.replay:
            return []  # a replay touches no network
        asked = [
            provider
            for provider in self.providers
            if provider.usable and (provider.chosen_by or provider.spec.local_port)
        ]
        listed = await models_of(asked, self._list_models)
        refs = [
            ModelRef(provider.name, model)
            for provider, models in listed
            for model in dict.fromkeys((*provider.settings.models, *sorted(models)))
        ]
        return list(dict.fromkeys(refs))

    async def close(self) -> None:
        await self._transport.close()

    async def default_model(self) -> Choice | None:
        """What is used when nobody names a model: the setting, CHERRY_MODEL, else what is found; None when nothing is.

        Looks at this machine's ports only when nothing is set up at all, for at most 0.3 s. Raises UNKNOWN_MODEL,
        and what is wrong with a provider that was set up when there is no other.
        """
        if named := self.settings.model:
            return Choice(self.resolve(named), "it is set as gateway.model")
        if named := self._environ.get("CHERRY_MODEL", "").strip():
            return Choice(self.resolve(named), "CHERRY_MODEL is set")
        if self.settings.replay:
            return Choice(ModelRef("recording", self.settings.replay.stem), "a recording is replayed")
        if self._choice is None:
            self._choice = await choose_default(self.providers, self._list_models)
        return self._choice

    def resolve(self, name: str) -> ModelRef:
        """What a user's word for a model means: `provider/model`, or a model alone. Raises UNKNOWN_MODEL."""
        if self.settings.replay:
            return ModelRef.parse(name) or ModelRef("recording", name)
        return resolve(name, self.providers, self._prices.has)

    def _layers(self, random: Callable[[], float], redact: Callable[[str], str]) -> Stream:
        settings = self.settings
        if settings.replay:
            return replaying(settings.replay, clock=self._clock, pace=settings.replay_pace)
        stream = retrying(self._call, settings.retries, clock=self._clock, random=random)
        stream = pricing(stream, self._prices)
        return recording(stream, settings.record, clock=self._clock, redact=redact) if settings.record else stream

    async def _call(self, prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        """One attempt. What the provider reports teaches the counter; what it does not is counted here."""
        facts = CallFacts(self._prices.known(prompt.model), self._max_output(prompt), self._tokens.count(prompt))
        async with aclosing(self._endpoint(self._provider(prompt.model)).stream(prompt, facts)) as items:
            async for item in items:
                yield self._counted(item, prompt, facts) if isinstance(item, Answer) else item

    def _counted(self, answer: Answer, prompt: Prompt, facts: CallFacts) -> Answer:
        if answer.usage.total_tokens:
            self._tokens.learn(prompt, answer.usage.prompt_tokens)
            return answer
        said = "".join(
            part.call.model_dump_json() if part.type == "call" else part.text for part in answer.message.parts
        )
        output = self._tokens.text(said, prompt.model)
        usage = Usage(input_tokens=facts.prompt_tokens, output_tokens=output, estimated=True)
        return answer.model_copy(update={"usage": usage})

    def _max_output(self, prompt: Prompt) -> int | None:
        """The bound that is sent: the prompt's own, else the one the provider's API needs; never more than the model can."""
        provider = find(prompt.model.provider, self.providers)
        wanted = prompt.max_output_tokens or (provider.spec.default_max_output if provider else None)
        most = self._prices.known(prompt.model).facts.max_output
        return min(wanted, most) if wanted and most else wanted

    def _provider(self, model: ModelRef) -> Provider:
        provider = find(model.provider, self.providers)
        if provider is None:
            names = ", ".join(each.name for each in self.providers)
            raise CherryError(
                rows.UNKNOWN_MODEL, f"There is no provider {model.provider}", why=f"providers are {names}"
            )
        return provider

    def _endpoint(self, provider: Provider) -> Endpoint:
        endpoint = self._endpoints.get(provider.name)
        if endpoint is None:
            endpoint = self._endpoints[provider.name] = Endpoint(
                provider,
                self._transport,
                deadlines=self.settings.deadlines,
                max_answer_bytes=self.settings.max_answer_bytes,
                clock=self._clock,
            )
        return endpoint

    async def _list_models(self, provider: Provider, seconds: float) -> list[str]:
        return await self._endpoint(provider).models(seconds)


def _price_lists(providers: Sequence[Provider]) -> Mapping[str, str]:
    named = ((provider.name, provider.settings.prices_of or provider.spec.prices_of) for provider in providers)
    return {name: prices_of for name, prices_of in named if prices_of}

"""One provider's calls: prompt → request → bytes → items. The only place where wires, transport and errors meet.

One attempt, no retry, no price: those are layers above. What it learns about models on the way (`learned`) others may read.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, NamedTuple

import orjson

from cherry.domain.errors import gateway as rows
from cherry.domain.prompts import Answer, Prompt, StreamItem
from cherry.domain.usage import Cost, Usage
from cherry.gateway import errors
from cherry.gateway.errors import Origin, ProviderError
from cherry.gateway.port import ModelFacts
from cherry.gateway.prices import Known
from cherry.gateway.providers.provider import Provider
from cherry.gateway.settings import Deadlines, WireName
from cherry.gateway.transport import Request, Response, Transport, TransportError
from cherry.gateway.wire.anthropic import AnthropicMessages
from cherry.gateway.wire.base import WholeAnswer, Wire
from cherry.gateway.wire.decoder import Decoder
from cherry.gateway.wire.encoding import Options
from cherry.gateway.wire.json import Json, count, items, obj, text
from cherry.gateway.wire.ollama import OllamaChat
from cherry.gateway.wire.openai_chat import OpenAIChat
from cherry.gateway.wire.openai_responses import OpenAIResponses
from cherry.kernel.clock import Clock
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.kernel.text import one_line, visible

_WIRES: Final[dict[WireName, Callable[[], Wire]]] = {
    "openai-chat": OpenAIChat,
    "openai-responses": OpenAIResponses,
    "anthropic": AnthropicMessages,
    "ollama": OllamaChat,
}
_MAX_ERROR_BODY: Final = 1 << 16
_MAX_LIST_BODY: Final = 8 << 20
_RAW_FACTOR: Final = 64
"""A stream wraps each few letters into an event of a few hundred bytes."""
_SMALLEST_WINDOW: Final = 16_384
_LARGEST_WINDOW: Final = 1 << 20
_ROOM_FOR_ANSWER: Final = 4096
_MARGIN: Final = 1.25
"""For the error of the estimate."""
_MAX_NAME: Final = 200
_QUESTION_SECONDS: Final = 10.0


class CallFacts(NamedTuple):
    """What the gateway knows about a call that the provider's own data does not say."""

    known: Known
    max_output: int | None
    prompt_tokens: int
    """Estimate."""


class Endpoint:
    """Calls to one provider."""

    def __init__(
        self, provider: Provider, transport: Transport, *, deadlines: Deadlines, max_answer_bytes: int, clock: Clock
    ) -> None:
        self.provider = provider
        self.learned: dict[str, ModelFacts] = {}
        self._transport = transport
        self._deadlines = deadlines
        self._limit = max_answer_bytes
        self._clock = clock
        self._wire = _WIRES[provider.wire]()
        self._send_reasoning = True
        self._windows: dict[str, int] = {}

    async def stream(self, prompt: Prompt, facts: CallFacts) -> AsyncGenerator[StreamItem, None]:
        """Deltas, then the Answer, whose cost is not yet filled in. Raises ProviderError, or the provider's own problem."""
        if self.provider.problem:
            raise self.provider.problem
        origin = self._origin(self._wire.path(), prompt.model.model)
        options = await self._options(prompt, facts)
        try:
            async with aclosing(self._call(prompt, options, origin)) as answer:
                async for item in answer:
                    yield item
            return
        except ProviderError as error:
            if error.kind is rows.NO_TOOLS:
                known = self.learned.get(prompt.model.model, ModelFacts())
                self.learned[prompt.model.model] = known._replace(tools=False)
            if not self._send_reasoning or not errors.refuses_reasoning(error):
                raise
        # Sealed thoughts of another account or key are refused as a whole request: go on without them, for good.
        self._send_reasoning = False
        async with aclosing(self._call(prompt, options._replace(reasoning=False), origin)) as answer:
            async for item in answer:
                yield item

    async def models(self, seconds: float) -> list[str]:
        """What the provider lists, in its order; empty when it does not answer in time or not properly."""
        if self.provider.problem:
            return []
        path = {"ollama": "/api/tags", "anthropic": "/v1/models?limit=1000"}.get(self.provider.wire, "/models")
        try:
            listed = await self._json(Request("GET", self._url(path), self._headers()), self._short(seconds))
        except (ProviderError, TransportError, DeadlineExceeded):
            return []
        entries = [obj(entry) for entry in (*items(listed.get("data")), *items(listed.get("models")))]
        for entry in entries:
            self._learn_from_listing(entry)
        names = dict.fromkeys(filter(None, map(_listed_name, entries)))
        hidden = self.provider.spec.not_for_chat
        return [name for name in names if not any(part in name.lower() for part in hidden)]

    async def _call(self, prompt: Prompt, options: Options, origin: Origin) -> AsyncGenerator[StreamItem, None]:
        started = self._clock.monotonic()
        headers = (("content-type", "application/json"), *self._wire.headers(), *self._headers())
        request = Request("POST", origin.url, headers, self._wire.encode(prompt, options))
        reader = self._wire.reader(prompt, options, origin, self._limit)
        decoder = Decoder(reader, self._wire.framing(), origin, self._limit)
        first_byte, size = 0.0, 0
        refusal = None
        try:
            async with self._transport.open(request, self._deadlines) as response:
                if not _good(response):
                    refusal = await self._refusal(response, origin)
                while not refusal and not decoder.done and (chunk := await response.read()):
                    first_byte = first_byte or self._clock.monotonic()
                    size += len(chunk)
                    if size > self._limit * _RAW_FACTOR:
                        raise errors.too_long(origin, self._limit)
                    for item in decoder.feed(chunk):
                        yield item
            for item in decoder.end():
                yield item
        except TransportError as error:
            failure = errors.from_transport(error, origin)
            failure.spent = reader.usage or Usage()
            raise failure from None
        except DeadlineExceeded as error:
            raise errors.from_deadline(error, origin, spent=reader.usage) from None
        if refusal:
            raise refusal
        whole = decoder.answer()
        _check_not_empty(whole, origin)
        now = self._clock.monotonic()
        yield Answer(
            message=whole.message,
            finish=whole.finish,
            # Not reported: the gateway counts, see there.
            usage=whole.usage or Usage(estimated=True),
            cost=Cost(known=False),
            model=one_line(visible(whole.model), _MAX_NAME) or prompt.model.model,
            seconds=now - started,
            first_byte_seconds=(first_byte or now) - started,
        )

    async def _refusal(self, response: Response, origin: Origin) -> ProviderError:
        body = await _body(response, _MAX_ERROR_BODY)
        return errors.from_response(response.status, response.headers, body, origin, now=self._clock.now())

    async def _options(self, prompt: Prompt, facts: CallFacts) -> Options:
        settings, known = self.provider.settings, facts.known
        images = known.facts.images if settings.images is None else settings.images
        return Options(
            provider=self.provider.name,
            images=images is not False,
            reasoning=self._send_reasoning,
            reasoning_model=bool(known.reasoning),
            sampling=known.sampling,
            max_output=facts.max_output,
            context_window=await self._window(prompt, facts) if self.provider.wire == "ollama" else None,
            quirks=self.provider.quirks,
            body=settings.body,
        )

    async def _window(self, prompt: Prompt, facts: CallFacts) -> int:
        """Room for the prompt and an answer: a power of two, so that the server seldom loads the model anew; never shrinking."""
        if self.provider.settings.context_window:
            return self.provider.settings.context_window
        model = prompt.model.model
        if model not in self.learned:
            await self._ask_ollama(model)
        most = self.learned.get(model, ModelFacts()).context_window or _LARGEST_WINDOW
        needed = round(facts.prompt_tokens * _MARGIN) + max(facts.max_output or 0, _ROOM_FOR_ANSWER)
        window = max(_SMALLEST_WINDOW, 1 << (needed - 1).bit_length(), self._windows.get(model, 0))
        self._windows[model] = min(window, most)
        return self._windows[model]

    async def _ask_ollama(self, model: str) -> None:
        """What Ollama knows of a model. Silence is no failure: the call that follows will say what is wrong."""
        body = orjson.dumps({"model": model})
        request = Request(
            "POST", self._url("/api/show"), (("content-type", "application/json"), *self._headers()), body
        )
        try:
            shown = await self._json(request, self._short(_QUESTION_SECONDS))
        except (ProviderError, TransportError, DeadlineExceeded):
            return
        windows = [
            count(value) for key, value in obj(shown.get("model_info")).items() if key.endswith(".context_length")
        ]
        abilities = items(shown.get("capabilities"))
        self.learned[model] = ModelFacts(
            context_window=windows[0] if windows else None,
            images="vision" in abilities if abilities else None,
            tools="tools" in abilities if abilities else None,
        )

    async def _json(self, request: Request, deadlines: Deadlines) -> Json:
        """The answer to a small question. Raises ProviderError, TransportError, DeadlineExceeded."""
        origin = self._origin("", "")._replace(url=request.url)
        async with self._transport.open(request, deadlines) as response:
            if not _good(response):
                raise await self._refusal(response, origin)
            body = await _body(response, _MAX_LIST_BODY)
        try:
            return obj(orjson.loads(body))
        except orjson.JSONDecodeError:
            raise errors.page_instead_of_api(origin, body) from None

    def _short(self, seconds: float) -> Deadlines:
        return self._deadlines.model_copy(update={"connect": seconds, "first_byte": seconds, "total": seconds})

    def _learn_from_listing(self, entry: Json) -> None:
        """vLLM, llama.cpp and routers tell the window with the model."""
        meta = obj(entry.get("meta"))
        told = (entry.get("max_model_len"), entry.get("context_length"), meta.get("n_ctx"), meta.get("n_ctx_train"))
        window = next((count(value) for value in told if count(value)), None)
        if (name := _listed_name(entry)) and window:
            self.learned.setdefault(name, ModelFacts(context_window=window))

    def _origin(self, path: str, model: str) -> Origin:
        provider = self.provider
        return Origin(provider.name, model, self._url(path), provider.key.reveal(), provider.key_env)

    def _url(self, path: str) -> str:
        return self.provider.base_url + path

    def _headers(self) -> tuple[tuple[str, str], ...]:
        own = tuple((name.lower(), value) for name, value in self.provider.settings.headers.items())
        key = self.provider.key.reveal()
        if not key or self.provider.auth == "none":
            return own
        if self.provider.auth == "x-api-key":
            return (("x-api-key", key), *own)
        return (("authorization", f"Bearer {key}"), *own)


def merged_facts(learned: ModelFacts, known: ModelFacts, provider: Provider) -> ModelFacts:
    """Facts of a model from all who know something: the configuration, the server, the data."""
    settings = provider.settings
    return ModelFacts(
        context_window=settings.context_window or learned.context_window or known.context_window,
        max_output=known.max_output,
        images=next((told for told in (settings.images, learned.images, known.images) if told is not None), None),
        tools=learned.tools if learned.tools is not None else known.tools,
        priced=known.priced,
    )


def _check_not_empty(whole: WholeAnswer, origin: Origin) -> None:
    if not whole.empty or whole.finish == "length":
        return
    if whole.finish == "filtered":
        raise errors.refused(origin, whole.refusal or "the answer was filtered", spent=whole.usage)
    where = f"{origin.provider}/{origin.model}"
    raise ProviderError(rows.EMPTY_ANSWER, where=where, spent=whole.usage)


def _listed_name(entry: Json) -> str:
    return text(entry.get("id")) or text(entry.get("model")) or text(entry.get("name"))


def _good(response: Response) -> bool:
    return 200 <= response.status < 300


async def _body(response: Response, limit: int) -> bytes:
    """The beginning of a body; what breaks off is taken as far as it came, the status says enough."""
    chunks: list[bytes] = []
    try:
        while sum(map(len, chunks)) < limit and (chunk := await response.read()):
            chunks.append(chunk)
    except (TransportError, DeadlineExceeded):
        pass
    return b"".join(chunks)[:limit]

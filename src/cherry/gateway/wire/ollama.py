"""Ollama's own /api/chat: JSON lines, and the one way to say how large the window must be.

Its OpenAI-compatible route silently drops the beginning of a prompt that is longer than the server's default window; here
`num_ctx` asks for room and `truncate: false` turns what still does not fit into an error. Whole when `done` with its reason came.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, ImagePart, Message
from cherry.domain.prompts import Delta, FinishReason, Prompt
from cherry.domain.usage import Usage
from cherry.gateway.errors import Origin
from cherry.gateway.wire.base import Reader, WholeAnswer
from cherry.gateway.wire.encoding import (
    Encoded,
    MessageEncoder,
    Options,
    call_arguments,
    image_base64,
    joined,
    own_reasoning,
    result_text,
    user_text,
)
from cherry.gateway.wire.framing import Framing, JsonLines
from cherry.gateway.wire.json import Json, count, dump, items, obj, text
from cherry.gateway.wire.names import ToolNames, allowed_id
from cherry.gateway.wire.openai_chat import function_tool
from cherry.gateway.wire.parts import AnswerParts

_FINISHES: Final[dict[str, FinishReason]] = {"length": "length"}


class OllamaChat:
    def __init__(self) -> None:
        self._messages = MessageEncoder(_encoded)

    def path(self) -> str:
        return "/api/chat"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("accept", "application/x-ndjson"),)

    def framing(self) -> Framing:
        return JsonLines()

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        blocks = [block for entry in self._messages.sequence(prompt, options) for block in entry.blocks]
        if prompt.system:
            blocks.insert(0, dump({"role": "system", "content": prompt.system}))
        body: dict[str, Any] = {"model": prompt.model.model, "messages": joined(blocks), "stream": True}
        if prompt.tools:
            names = self._messages.names(prompt.tools)
            body["tools"] = [
                function_tool(names.to_wire(tool.name), tool.description, tool.parameters) for tool in prompt.tools
            ]
        body |= {"truncate": False, "shift": False}
        if settings := _settings(prompt, options):
            body["options"] = settings
        return orjson.dumps(body | dict(options.body))

    def reader(self, prompt: Prompt, options: Options, origin: Origin, limit: int) -> Reader:
        return _OllamaReader(AnswerParts(prompt, self._messages.names(prompt.tools), limit), options)


def _settings(prompt: Prompt, options: Options) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if options.context_window:
        settings["num_ctx"] = options.context_window
    if options.max_output:
        settings["num_predict"] = options.max_output
    if prompt.temperature is not None:
        settings["temperature"] = prompt.temperature
    return settings


def _encoded(message: Message, names: ToolNames, options: Options) -> Encoded:
    if isinstance(message, FromUser):
        return Encoded("user", _user(message, options))
    if isinstance(message, FromTools):
        results = tuple(dump(_result(result.call_id, result_text(result))) for result in message.results)
        return Encoded("tools", results, results=tuple(result.call_id for result in message.results))
    return _assistant(message, names, options)


def _user(message: FromUser, options: Options) -> tuple[bytes, ...]:
    entry: dict[str, Any] = {"role": "user"}
    images = [part for part in message.parts if isinstance(part, ImagePart) and options.images]
    words = [user_text(part) for part in message.parts if part not in images]
    entry["content"] = "\n\n".join(filter(None, words))
    if images:
        entry["images"] = [image_base64(image) for image in images]
    return (dump(entry),) if entry["content"] or images else ()


def _result(call_id: str, words: str) -> Json:
    return {"role": "tool", "tool_call_id": allowed_id(call_id), "content": words}


def _assistant(message: FromAssistant, names: ToolNames, options: Options) -> Encoded:
    calls = [part.call for part in message.parts if isinstance(part, CallPart)]
    words = message.text
    if not words.strip() and not calls:
        return Encoded("assistant", ())
    entry: dict[str, Any] = {"role": "assistant", "content": words}
    if thinking := own_reasoning(message, options):
        entry["thinking"] = thinking
    if calls:
        entry["tool_calls"] = [
            {
                "id": allowed_id(call.id),
                "function": {"name": names.to_wire(call.tool), "arguments": call_arguments(call)},
            }
            for call in calls
        ]
    return Encoded("assistant", (dump(entry),), calls=tuple(call.id for call in calls))


class _OllamaReader:
    def __init__(self, parts: AnswerParts, options: Options) -> None:
        self._parts = parts
        self._options = options
        self._began = ""
        self._model = ""
        self._finish = ""
        self._calls = 0
        self.usage: Usage | None = None

    @property
    def written(self) -> str:
        return self._parts.written

    def marker(self, data: bytes) -> bool:
        return False

    def event(self, name: str, payload: Json) -> Iterator[Delta]:
        self._model = text(payload.get("model")) or self._model
        self._began = self._began or text(payload.get("created_at"))
        message = obj(payload.get("message"))
        yield from self._parts.reasoning(0, text(message.get("thinking")))
        yield from self._parts.text(0, text(message.get("content")))
        for call in map(obj, items(message.get("tool_calls"))):
            yield from self._call(call)
        if payload.get("done") is True:
            self._finish = text(payload.get("done_reason")) or "stop"
            self._take_usage(payload)

    def whole(self, payload: Json) -> Iterator[Delta]:
        yield from self.event("", payload)

    def answer(self) -> WholeAnswer | None:
        if not self._finish:
            return None
        finish = _FINISHES.get(self._finish) or ("calls" if self._parts.has_calls else "stop")
        message = self._parts.message(
            answer_id=self._began, provider=self._options.provider, cut_off=finish == "length"
        )
        return WholeAnswer(message, finish, self.usage, self._model, self._parts.empty)

    def _call(self, call: Json) -> Iterator[Delta]:
        """Calls come whole, each in a message of its own or several in one."""
        function = obj(call.get("function"))
        self._calls += 1
        yield from self._parts.begin_call(self._calls, text(call.get("id")), text(function.get("name")))
        yield from self._parts.whole_arguments(self._calls, function.get("arguments"))

    def _take_usage(self, payload: Json) -> None:
        # The count of a prompt that was wholly in the server's memory is left out by some versions: then nothing is known.
        if payload.get("prompt_eval_count") is not None:
            sent, made = count(payload.get("prompt_eval_count")), count(payload.get("eval_count"))
            self.usage = Usage(input_tokens=sent, output_tokens=made)

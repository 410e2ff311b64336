"""OpenAI chat completions, and the many servers that speak it: DeepSeek, Qwen, LM Studio, llama.cpp, vLLM.

Whole when a finish reason and `[DONE]` came. The dialects differ in small ways, which `Quirks` holds for writing; reading
takes every one of them.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, ImagePart, Message
from cherry.domain.prompts import Delta, FinishReason, Prompt
from cherry.domain.usage import Usage
from cherry.gateway import errors
from cherry.gateway.errors import Origin
from cherry.gateway.wire.base import Reader, WholeAnswer
from cherry.gateway.wire.encoding import (
    Encoded,
    MessageEncoder,
    Options,
    arguments_text,
    image_base64,
    joined,
    own_reasoning,
    result_text,
    user_text,
)
from cherry.gateway.wire.framing import Framing, ServerSentEvents
from cherry.gateway.wire.json import EMPTY, Json, count, dump, items, obj, text
from cherry.gateway.wire.names import ToolNames, allowed_id
from cherry.gateway.wire.parts import AnswerParts

_FINISHES: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "tool_calls": "calls",
    "function_call": "calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "filtered",
}
_BROKE_OFF: Final = frozenset({"error", "insufficient_system_resource", "abort"})
"""Finish reasons by which servers say that they failed."""


class OpenAIChat:
    def __init__(self) -> None:
        self._messages = MessageEncoder(_encoded)

    def path(self) -> str:
        return "/chat/completions"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("accept", "text/event-stream"),)

    def framing(self) -> Framing:
        return ServerSentEvents()

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        blocks = [block for entry in self._messages.sequence(prompt, options) for block in entry.blocks]
        if prompt.system:
            blocks.insert(0, dump({"role": "system", "content": prompt.system}))
        quirks = options.quirks
        body: dict[str, Any] = {"model": prompt.model.model, "messages": joined(blocks), "stream": True}
        if quirks.usage_option:
            body["stream_options"] = {"include_usage": True}
        if prompt.tools:
            names = self._messages.names(prompt.tools)
            body["tools"] = [
                function_tool(names.to_wire(tool.name), tool.description, tool.parameters) for tool in prompt.tools
            ]
        if options.max_output:
            body["max_completion_tokens" if quirks.new_max_tokens else "max_tokens"] = options.max_output
        if prompt.temperature is not None and options.sampling:
            body["temperature"] = prompt.temperature
        if quirks.cache_key and prompt.cache_key:
            body["prompt_cache_key"] = prompt.cache_key
        return orjson.dumps(body | dict(options.body))

    def reader(self, prompt: Prompt, options: Options, origin: Origin, limit: int) -> Reader:
        parts = AnswerParts(prompt, self._messages.names(prompt.tools), limit)
        return _ChatReader(parts, options, origin)


def function_tool(name: str, description: str, parameters: Json) -> Json:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _encoded(message: Message, names: ToolNames, options: Options) -> Encoded:
    if isinstance(message, FromUser):
        return Encoded("user", _user(message, options))
    if isinstance(message, FromTools):
        results = tuple(dump(_result(result.call_id, result_text(result))) for result in message.results)
        return Encoded("tools", results, results=tuple(result.call_id for result in message.results))
    return _assistant(message, names, options)


def _user(message: FromUser, options: Options) -> tuple[bytes, ...]:
    content: list[Json] = []
    for part in message.parts:
        if isinstance(part, ImagePart) and options.images:
            url = f"data:{part.media_type};base64,{image_base64(part)}"
            content.append({"type": "image_url", "image_url": {"url": url}})
        elif words := user_text(part):
            content.append({"type": "text", "text": words})
    if not content:
        return ()
    # Only text: a plain string, which every server takes.
    plain = "\n\n".join(part["text"] for part in content) if all("text" in part for part in content) else None
    return (dump({"role": "user", "content": plain or content}),)


def _result(call_id: str, words: str) -> Json:
    return {"role": "tool", "tool_call_id": allowed_id(call_id), "content": words}


def _assistant(message: FromAssistant, names: ToolNames, options: Options) -> Encoded:
    calls = [part.call for part in message.parts if isinstance(part, CallPart)]
    words = message.text
    if not words.strip() and not calls:
        return Encoded("assistant", ())
    entry: dict[str, Any] = {"role": "assistant", "content": words or None}
    reasoning = own_reasoning(message, options) if options.quirks.reasoning_back else ""
    if reasoning or (calls and options.quirks.reasoning_required):
        entry["reasoning_content"] = reasoning
    if calls:
        entry["tool_calls"] = [
            {
                "id": allowed_id(call.id),
                "type": "function",
                "function": {"name": names.to_wire(call.tool), "arguments": arguments_text(call)},
            }
            for call in calls
        ]
    return Encoded("assistant", (dump(entry),), calls=tuple(call.id for call in calls))


class _ChatReader:
    """Follows the chunks of one answer. The first choice only: Cherry asks for one."""

    def __init__(self, parts: AnswerParts, options: Options, origin: Origin) -> None:
        self._parts = parts
        self._options = options
        self._origin = origin
        self._finish = ""
        self._ended = False
        self._id = ""
        self._model = ""
        self._refused = False
        self._count_of_calls = 0
        self._last_call = 0
        self._numbers: dict[int | None, int] = {}
        """Index on the wire → number of the call it means now, from 1."""
        self._ids: dict[str, int] = {}
        self.usage: Usage | None = None

    @property
    def written(self) -> str:
        return self._parts.written

    def marker(self, data: bytes) -> bool:
        if data.strip() != b"[DONE]":
            return False
        self._ended = True
        return True

    def event(self, name: str, payload: Json) -> Iterator[Delta]:
        self._take_facts(payload)
        choices = (obj(choice) for choice in items(payload.get("choices")))
        choice = next((choice for choice in choices if not count(choice.get("index"))), EMPTY)
        yield from self._message(obj(choice.get("delta")) or obj(choice.get("message")))
        self._take_finish(text(choice.get("finish_reason")))

    def whole(self, payload: Json) -> Iterator[Delta]:
        yield from self.event("", payload)
        self._ended = True

    def answer(self) -> WholeAnswer | None:
        ended = self._ended or not self._options.quirks.end_marker
        if not ended or not self._finish:
            return None
        finish = self._finish_reason()
        message = self._parts.message(answer_id=self._id, provider=self._options.provider, cut_off=finish == "length")
        return WholeAnswer(message, finish, self.usage, self._model, self._parts.empty)

    def _take_facts(self, payload: Json) -> None:
        self._id = self._id or text(payload.get("id"))
        self._model = self._model or text(payload.get("model"))
        reported = obj(payload.get("usage")) or obj(obj(payload.get("x_groq")).get("usage"))
        if reported:
            self.usage = chat_usage(reported)

    def _take_finish(self, reason: str) -> None:
        if reason in _BROKE_OFF:
            words = f"the provider ended the answer with “{reason}”"
            raise errors.from_payload(
                {"error": {"message": words, "type": "server_error"}}, self._origin, spent=self.usage
            )
        self._finish = reason or self._finish

    def _finish_reason(self) -> FinishReason:
        finish = "filtered" if self._refused else _FINISHES.get(self._finish, "stop")
        if finish in ("stop", "calls"):
            return "calls" if self._parts.has_calls else "stop"
        return finish

    def _message(self, delta: Json) -> Iterator[Delta]:
        yield from self._parts.reasoning(0, text(delta.get("reasoning_content")) or text(delta.get("reasoning")))
        yield from self._content(delta.get("content"))
        if refusal := text(delta.get("refusal")):
            self._refused = True
            yield from self._parts.text(0, refusal)
        for call in items(delta.get("tool_calls")):
            yield from self._tool_call(obj(call))
        if function := obj(delta.get("function_call")):
            yield from self._tool_call({"index": 0, "function": function})

    def _content(self, content: object) -> Iterator[Delta]:
        """Text, or a list of parts as some servers send it."""
        yield from self._parts.text(0, text(content))
        for entry in map(obj, items(content)):
            if text(entry.get("type")) == "thinking":
                thought = entry.get("thinking")
                inner = [text(obj(part).get("text")) for part in items(thought)]
                yield from self._parts.reasoning(0, text(thought) or "".join(inner))
            else:
                yield from self._parts.text(0, text(entry.get("text")))

    def _tool_call(self, call: Json) -> Iterator[Delta]:
        function = obj(call.get("function"))
        call_id, name = text(call.get("id")), text(function.get("name"))
        index = call.get("index")
        number = self._number(index if isinstance(index, int) else None, call_id, name)
        if call_id or name:
            yield from self._parts.begin_call(number, call_id, name)
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            yield from self._parts.arguments(number, arguments)
        elif arguments is not None:
            yield from self._parts.whole_arguments(number, arguments)

    def _number(self, index: int | None, call_id: str, name: str) -> int:
        """Which call a fragment belongs to. Servers leave the index out, or send all parallel calls under the same one."""
        number = self._last_call if index is None else self._numbers.get(index, 0)
        if index is None and call_id:
            number = self._ids.get(call_id, 0)
        if not number or self._begins_another(number, call_id, name):
            number = self._count_of_calls = self._count_of_calls + 1
        self._last_call = number
        self._numbers[index] = number
        self._ids[call_id] = number
        return number

    def _begins_another(self, number: int, call_id: str, name: str) -> bool:
        """Whether a fragment for this call says that it is a new one: another id, another name, or the old one is whole."""
        if not call_id and not name:
            return False
        known = self._parts.call_so_far(number)
        if call_id and known.id and call_id != known.id:
            return True
        return bool(name and known.name) and (name != known.name or known.whole)


def chat_usage(reported: Json) -> Usage:
    """Counts without overlap. `prompt_tokens` includes what came from the cache and what was written to it."""
    prompt, output = count(reported.get("prompt_tokens")), count(reported.get("completion_tokens"))
    sent, made = obj(reported.get("prompt_tokens_details")), obj(reported.get("completion_tokens_details"))
    read = count(sent.get("cached_tokens")) or count(reported.get("prompt_cache_hit_tokens"))
    read = min(read, prompt)
    written = min(count(sent.get("cache_write_tokens")), prompt - read)
    reasoning = count(made.get("reasoning_tokens"))
    if reasoning and count(reported.get("total_tokens")) == prompt + output + reasoning:
        output += reasoning  # a provider that counts reasoning beside the answer instead of in it
    return Usage(
        input_tokens=prompt - read - written,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(reasoning, output),
    )

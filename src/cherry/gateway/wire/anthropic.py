"""Anthropic messages. Whole when a stop reason and `message_stop` came.

Cache marks stand at the end of the tools, the system prompt and the last two messages of the user's side: what was sent in
the step before is then read from the cache, and what is new is written to it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import orjson

from cherry.domain.content import (
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
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
    own_form,
    result_text,
    user_text,
)
from cherry.gateway.wire.framing import Framing, ServerSentEvents
from cherry.gateway.wire.json import Json, count, dump, items, obj, text
from cherry.gateway.wire.names import ToolNames, allowed_id
from cherry.gateway.wire.parts import AnswerParts

VERSION: Final = "2023-06-01"
DEFAULT_MAX_OUTPUT: Final = 32_000
"""The API wants a bound; where none is given this one is sent, or the model's own if that is smaller."""

_CACHE: Final = {"type": "ephemeral"}
_CACHE_MARK: Final = b',"cache_control":' + orjson.dumps(_CACHE) + b"}"
_MARKED_MESSAGES: Final = 2
_FINISHES: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filtered",
}


class AnthropicMessages:
    def __init__(self) -> None:
        self._messages = MessageEncoder(_encoded)

    def path(self) -> str:
        return "/v1/messages"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("anthropic-version", VERSION), ("accept", "text/event-stream"))

    def framing(self) -> Framing:
        return ServerSentEvents()

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        body: dict[str, Any] = {"model": prompt.model.model}
        body["max_tokens"] = options.max_output or DEFAULT_MAX_OUTPUT
        if prompt.tools:
            body["tools"] = self._tools(prompt)
        if prompt.system:
            body["system"] = [{"type": "text", "text": prompt.system, "cache_control": _CACHE}]
        body["messages"] = joined(_alternating(self._messages.sequence(prompt, options)))
        body["stream"] = True
        if prompt.temperature is not None and options.sampling:
            body["temperature"] = min(prompt.temperature, 1.0)
        return orjson.dumps(body | dict(options.body))

    def reader(self, prompt: Prompt, options: Options, origin: Origin, limit: int) -> Reader:
        parts = AnswerParts(prompt, self._messages.names(prompt.tools), limit)
        return _MessagesReader(parts, options)

    def _tools(self, prompt: Prompt) -> list[dict[str, Any]]:
        names = self._messages.names(prompt.tools)
        tools: list[dict[str, Any]] = [
            {"name": names.to_wire(tool.name), "description": tool.description, "input_schema": tool.parameters}
            for tool in prompt.tools
        ]
        tools[-1]["cache_control"] = _CACHE
        return tools


def _alternating(entries: Sequence[Encoded]) -> list[bytes]:
    """Messages of user and assistant in turn, beginning and ending with the user's side, the last ones marked for caching."""
    turns = [
        (is_assistant, [block for entry in group for block in entry.blocks])
        for is_assistant, group in groupby(entries, lambda entry: entry.role == "assistant")
    ]
    if not turns or turns[0][0]:
        turns.insert(0, (False, [_text_block("(The conversation begins earlier.)")]))
    if turns[-1][0]:
        # An answer to be continued is not taken by newer models; a request to go on is.
        turns.append((False, [_text_block("Go on.")]))
    for blocks in [blocks for is_assistant, blocks in turns if not is_assistant][-_MARKED_MESSAGES:]:
        blocks[-1] = blocks[-1][:-1] + _CACHE_MARK
    return [_turn(b"assistant" if is_assistant else b"user", blocks) for is_assistant, blocks in turns]


def _turn(role: bytes, blocks: Sequence[bytes]) -> bytes:
    return b'{"role":"' + role + b'","content":[' + b",".join(blocks) + b"]}"


def _text_block(words: str) -> bytes:
    return dump({"type": "text", "text": words})


def _encoded(message: Message, names: ToolNames, options: Options) -> Encoded:
    if isinstance(message, FromUser):
        return Encoded("user", tuple(_user(message, options)))
    if isinstance(message, FromTools):
        return _results(message)
    return _assistant(message, names, options)


def _user(message: FromUser, options: Options) -> Iterator[bytes]:
    for part in message.parts:
        if isinstance(part, ImagePart) and options.images:
            source = {"type": "base64", "media_type": part.media_type, "data": image_base64(part)}
            yield orjson.dumps({"type": "image", "source": source})
        elif (words := user_text(part)).strip():
            yield _text_block(words)


def _results(message: FromTools) -> Encoded:
    blocks = []
    for result in message.results:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": allowed_id(result.call_id)}
        words = result_text(result)
        block["content"] = words if words.strip() else "(blank)"
        if not result.ok:
            block["is_error"] = True
        blocks.append(dump(block))
    return Encoded("tools", tuple(blocks), results=tuple(result.call_id for result in message.results))


def _assistant(message: FromAssistant, names: ToolNames, options: Options) -> Encoded:
    blocks: list[Json] = []
    for part in message.parts:
        if isinstance(part, ReasoningPart):
            if form := own_form(part, options):
                blocks.append(form)
        elif isinstance(part, TextPart):
            # Trailing space at the end of an assistant's text is refused.
            if words := part.text.rstrip():
                blocks.append({"type": "text", "text": words})
        else:
            call = part.call
            blocks.append(
                {
                    "type": "tool_use",
                    "id": allowed_id(call.id),
                    "name": names.to_wire(call.tool),
                    "input": call_arguments(call),
                }
            )
    while blocks and text(blocks[-1].get("type")).endswith("thinking"):
        blocks.pop()  # an answer may not end with a thought
    calls = tuple(call.id for call in message.calls)
    return Encoded("assistant", tuple(map(dump, blocks)), calls=calls)


class _MessagesReader:
    """Follows the content blocks of one message, told apart by their index."""

    def __init__(self, parts: AnswerParts, options: Options) -> None:
        self._parts = parts
        self._options = options
        self._id = ""
        self._model = ""
        self._finish = ""
        self._ended = False
        self._explanation = ""
        self._thoughts: dict[int, dict[str, str]] = {}
        """Index → thinking block so far."""
        self._reported: dict[str, Any] = {}
        self.usage: Usage | None = None

    @property
    def written(self) -> str:
        return self._parts.written

    def marker(self, data: bytes) -> bool:
        return data.strip() == b"[DONE]"  # not part of this API, sent by some who imitate it

    def event(self, name: str, payload: Json) -> Iterator[Delta]:
        index = count(payload.get("index"))
        match text(payload.get("type")) or name:
            case "message_start":
                self._take_facts(obj(payload.get("message")))
            case "content_block_start":
                yield from self._begun(index, obj(payload.get("content_block")))
            case "content_block_delta":
                yield from self._delta(index, obj(payload.get("delta")))
            case "content_block_stop":
                self._seal(index)
            case "message_delta":
                self._take_facts(payload)
                self._take_stop(obj(payload.get("delta")))
            case "message_stop":
                self._ended = True

    def whole(self, payload: Json) -> Iterator[Delta]:
        self._take_facts(payload)
        for index, block in enumerate(map(obj, items(payload.get("content")))):
            yield from self._begun(index, block)
            self._seal(index)
        self._take_stop(payload)
        self._ended = True

    def answer(self) -> WholeAnswer | None:
        if not self._ended or not self._finish:
            return None
        finish = _FINISHES.get(self._finish, "stop")
        if finish in ("stop", "calls"):
            finish = "calls" if self._parts.has_calls else "stop"
        message = self._parts.message(answer_id=self._id, provider=self._options.provider, cut_off=finish == "length")
        return WholeAnswer(message, finish, self.usage, self._model, self._parts.empty, self._explanation)

    def _take_facts(self, part: Json) -> None:
        self._id = self._id or text(part.get("id"))
        self._model = text(part.get("model")) or self._model
        reported = obj(part.get("usage"))
        # Counts are cumulative and not all of them are repeated: the last one of each name holds.
        self._reported |= {name: value for name, value in reported.items() if value is not None}
        if reported:
            self.usage = messages_usage(self._reported)

    def _take_stop(self, part: Json) -> None:
        self._finish = text(part.get("stop_reason")) or self._finish
        self._explanation = text(obj(part.get("stop_details")).get("explanation")) or self._explanation

    def _begun(self, index: int, block: Json) -> Iterator[Delta]:
        match text(block.get("type")):
            case "text":
                yield from self._parts.text(index, text(block.get("text")))
            case "thinking":
                self._thoughts[index] = {"thinking": "", "signature": text(block.get("signature"))}
                yield from self._think(index, text(block.get("thinking")))
            case "redacted_thinking":
                self._parts.seal(index, orjson.dumps(block).decode())
            case "tool_use":
                yield from self._parts.begin_call(index, text(block.get("id")), text(block.get("name")))
                if given := block.get("input"):
                    yield from self._parts.whole_arguments(index, given)

    def _delta(self, index: int, delta: Json) -> Iterator[Delta]:
        match text(delta.get("type")):
            case "text_delta":
                yield from self._parts.text(index, text(delta.get("text")))
            case "thinking_delta":
                yield from self._think(index, text(delta.get("thinking")))
            case "signature_delta":
                self._thought(index)["signature"] += text(delta.get("signature"))
            case "input_json_delta":
                yield from self._parts.arguments(index, text(delta.get("partial_json")))

    def _think(self, index: int, words: str) -> Iterator[Delta]:
        self._thought(index)["thinking"] += words
        yield from self._parts.reasoning(index, words)

    def _thought(self, index: int) -> dict[str, str]:
        return self._thoughts.setdefault(index, {"thinking": "", "signature": ""})

    def _seal(self, index: int) -> None:
        """Only signed thoughts can be sent back."""
        if (thought := self._thoughts.pop(index, None)) and thought["signature"]:
            self._parts.seal(index, orjson.dumps({"type": "thinking", **thought}).decode())


def messages_usage(reported: Json) -> Usage:
    output = count(reported.get("output_tokens"))
    thinking = count(obj(reported.get("output_tokens_details")).get("thinking_tokens"))
    return Usage(
        input_tokens=count(reported.get("input_tokens")),
        output_tokens=output,
        cache_read_tokens=count(reported.get("cache_read_input_tokens")),
        cache_write_tokens=count(reported.get("cache_creation_input_tokens")),
        reasoning_tokens=min(thinking, output),
    )

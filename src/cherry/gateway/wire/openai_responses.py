"""OpenAI responses, stateless: nothing is stored at the provider, reasoning travels encrypted with the conversation.

Whole when `response.completed` (or `response.incomplete`, with its reason) came.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from cherry.domain.content import (
    CallPart,
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
    own_form,
    result_text,
    user_text,
)
from cherry.gateway.wire.framing import Framing, ServerSentEvents
from cherry.gateway.wire.json import Json, count, dump, items, obj, text
from cherry.gateway.wire.names import ToolNames, allowed_id
from cherry.gateway.wire.parts import AnswerParts

_INCOMPLETE: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "filtered"}
_KEPT_OF_REASONING: Final = ("type", "id", "summary", "content", "encrypted_content")
"""What is sent back of a reasoning item; the API refuses its `status`."""


class OpenAIResponses:
    def __init__(self) -> None:
        self._messages = MessageEncoder(_encoded)

    def path(self) -> str:
        return "/responses"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("accept", "text/event-stream"),)

    def framing(self) -> Framing:
        return ServerSentEvents()

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        blocks = [block for entry in self._messages.sequence(prompt, options) for block in entry.blocks]
        body: dict[str, Any] = {"model": prompt.model.model}
        if prompt.system:
            body["instructions"] = prompt.system
        body |= {"input": joined(blocks), "stream": True, "store": False}
        if prompt.tools:
            names = self._messages.names(prompt.tools)
            body["tools"] = [
                {
                    "type": "function",
                    "name": names.to_wire(tool.name),
                    "description": tool.description,
                    "parameters": tool.parameters,
                    # The default here is strict, which refuses schemas with optional fields.
                    "strict": False,
                }
                for tool in prompt.tools
            ]
        if options.reasoning_model:
            body["include"] = ["reasoning.encrypted_content"]
        if options.max_output:
            body["max_output_tokens"] = options.max_output
        if prompt.temperature is not None and options.sampling:
            body["temperature"] = prompt.temperature
        if options.quirks.cache_key and prompt.cache_key:
            body["prompt_cache_key"] = prompt.cache_key
        return orjson.dumps(body | dict(options.body))

    def reader(self, prompt: Prompt, options: Options, origin: Origin, limit: int) -> Reader:
        parts = AnswerParts(prompt, self._messages.names(prompt.tools), limit)
        return _ResponsesReader(parts, options, origin)


def _encoded(message: Message, names: ToolNames, options: Options) -> Encoded:
    if isinstance(message, FromUser):
        return Encoded("user", _user(message, options))
    if isinstance(message, FromTools):
        outputs = tuple(dump(_output(result.call_id, result_text(result))) for result in message.results)
        return Encoded("tools", outputs, results=tuple(result.call_id for result in message.results))
    return _assistant(message, names, options)


def _user(message: FromUser, options: Options) -> tuple[bytes, ...]:
    content: list[Json] = []
    for part in message.parts:
        if isinstance(part, ImagePart) and options.images:
            content.append({"type": "input_image", "image_url": f"data:{part.media_type};base64,{image_base64(part)}"})
        elif words := user_text(part):
            content.append({"type": "input_text", "text": words})
    return (dump({"role": "user", "content": content}),) if content else ()


def _output(call_id: str, words: str) -> Json:
    return {"type": "function_call_output", "call_id": allowed_id(call_id), "output": words}


def _assistant(message: FromAssistant, names: ToolNames, options: Options) -> Encoded:
    entries: list[Json] = []
    waiting: list[Json] = []
    """Reasoning is only taken directly before what it led to."""
    phase = ""
    for part in message.parts:
        if isinstance(part, ReasoningPart):
            form = own_form(part, options)
            phase = text(form.get("phase")) or phase
            waiting += [form] if form.get("type") == "reasoning" else []
            continue
        if isinstance(part, TextPart):
            if not part.text.strip():
                continue
            entry: dict[str, Any] = {"type": "message", "role": "assistant"}
            entry["content"] = [{"type": "output_text", "text": part.text}]
            if phase:
                entry["phase"], phase = phase, ""
        else:
            entry = _call(part, names)
        entries += [*waiting, entry]
        waiting = []
    calls = tuple(call.id for call in message.calls)
    return Encoded("assistant", tuple(map(dump, entries)), calls=calls)


def _call(part: CallPart, names: ToolNames) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": allowed_id(part.call.id),
        "name": names.to_wire(part.call.tool),
        "arguments": arguments_text(part.call),
    }


class _ResponsesReader:
    """Follows the events of one response. Output items are told apart by their place in the output."""

    def __init__(self, parts: AnswerParts, options: Options, origin: Origin) -> None:
        self._parts = parts
        self._options = options
        self._origin = origin
        self._id = ""
        self._model = ""
        self._finish: FinishReason | None = None
        self._refusal = ""
        self.usage: Usage | None = None

    @property
    def written(self) -> str:
        return self._parts.written

    def marker(self, data: bytes) -> bool:
        return data.strip() == b"[DONE]"  # not part of this API, sent by some who imitate it

    def event(self, name: str, payload: Json) -> Iterator[Delta]:
        place = count(payload.get("output_index"))
        match text(payload.get("type")) or name:
            case "response.created" | "response.in_progress":
                self._take_facts(obj(payload.get("response")))
            case "response.output_item.added":
                yield from self._begun(place, obj(payload.get("item")))
            case "response.output_text.delta":
                yield from self._parts.text(_part(payload), text(payload.get("delta")))
            case "response.refusal.delta":
                self._refusal += text(payload.get("delta"))
                yield from self._parts.text(_part(payload), text(payload.get("delta")))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield from self._parts.reasoning(place, text(payload.get("delta")))
            case "response.reasoning_summary_part.added" if count(payload.get("summary_index")):
                yield from self._parts.reasoning(place, "\n\n")
            case "response.function_call_arguments.delta":
                yield from self._parts.arguments(place, text(payload.get("delta")))
            case "response.function_call_arguments.done":
                yield from self._parts.whole_arguments(place, payload.get("arguments"))
            case "response.output_item.done":
                yield from self._done(place, obj(payload.get("item")))
            case "response.completed":
                yield from self._concluded(obj(payload.get("response")), "completed")
            case "response.incomplete":
                yield from self._concluded(obj(payload.get("response")), "incomplete")
            case "response.failed":
                failed = obj(payload.get("response"))
                self._take_facts(failed)
                raise errors.from_payload({"error": failed.get("error")}, self._origin, spent=self.usage)
            case "error":
                raise errors.from_payload(payload, self._origin, spent=self.usage)

    def whole(self, payload: Json) -> Iterator[Delta]:
        yield from self._concluded(payload, text(payload.get("status")))

    def _concluded(self, response: Json, status: str) -> Iterator[Delta]:
        """The response object itself: in the last event, or alone when the server does not stream."""
        self._take_facts(response)
        if status == "failed":
            raise errors.from_payload(response, self._origin, spent=self.usage)
        for place, item in enumerate(map(obj, items(response.get("output")))):
            yield from self._done(place, item)
        reason = text(obj(response.get("incomplete_details")).get("reason"))
        if status == "incomplete":
            self._finish = _INCOMPLETE.get(reason, "length")
        elif status == "completed":
            self._finish = "calls" if self._parts.has_calls else "stop"

    def answer(self) -> WholeAnswer | None:
        if self._finish is None:
            return None
        finish: FinishReason = "filtered" if self._refusal else self._finish
        message = self._parts.message(answer_id=self._id, provider=self._options.provider, cut_off=finish == "length")
        return WholeAnswer(message, finish, self.usage, self._model, self._parts.empty, self._refusal)

    def _take_facts(self, response: Json) -> None:
        self._id = self._id or text(response.get("id"))
        self._model = text(response.get("model")) or self._model
        if reported := obj(response.get("usage")):
            self.usage = responses_usage(reported)

    def _begun(self, place: int, item: Json) -> Iterator[Delta]:
        match text(item.get("type")):
            case "function_call":
                yield from self._parts.begin_call(place, _call_id(item), text(item.get("name")))
            case "message":
                # Its place is before the text, also when it comes only at the end.
                self._parts.seal(("phase", place), "")
                self._keep_phase(place, item)

    def _done(self, place: int, item: Json) -> Iterator[Delta]:
        """A finished item is the authority on its content; what had not come in pieces is given out now."""
        match text(item.get("type")):
            case "function_call":
                yield from self._begun(place, item)
                yield from self._parts.whole_arguments(place, item.get("arguments"))
            case "message":
                self._keep_phase(place, item)
                for number, part in enumerate(map(obj, items(item.get("content")))):
                    if text(part.get("type")) == "refusal":
                        self._refusal = text(part.get("refusal"))
                    words = text(part.get("text")) or text(part.get("refusal"))
                    yield from self._parts.replace_text((place, number), words)
            case "reasoning":
                yield from self._reasoned(place, item)

    def _reasoned(self, place: int, item: Json) -> Iterator[Delta]:
        summary = [text(obj(part).get("text")) for part in items(item.get("summary"))]
        thoughts = summary or [text(obj(part).get("text")) for part in items(item.get("content"))]
        yield from self._parts.replace_reasoning(place, "\n\n".join(filter(None, thoughts)))
        if item.get("encrypted_content"):
            kept = {name: item[name] for name in _KEPT_OF_REASONING if item.get(name) is not None}
            self._parts.seal(place, orjson.dumps(kept).decode())

    def _keep_phase(self, place: int, item: Json) -> None:
        """Whether a message is a comment on the way or the final answer; the model wants to be told again later."""
        if phase := text(item.get("phase")):
            self._parts.seal(("phase", place), orjson.dumps({"type": "message", "phase": phase}).decode())


def _part(payload: Json) -> tuple[int, int]:
    return count(payload.get("output_index")), count(payload.get("content_index"))


def _call_id(item: Json) -> str:
    return text(item.get("call_id")) or text(item.get("id"))


def responses_usage(reported: Json) -> Usage:
    """Counts without overlap. `input_tokens` includes what came from the cache and what was written to it."""
    sent, made = obj(reported.get("input_tokens_details")), obj(reported.get("output_tokens_details"))
    whole, output = count(reported.get("input_tokens")), count(reported.get("output_tokens"))
    read = min(count(sent.get("cached_tokens")), whole)
    written = min(count(sent.get("cache_write_tokens")), whole - read)
    return Usage(
        input_tokens=whole - read - written,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(count(made.get("reasoning_tokens")), output),
    )

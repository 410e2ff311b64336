"""What the encoders of all wires share: each message is encoded once, and the order rules every provider has are met.

Rules kept here: results come directly after the message that called, one per call, in the order of the calls; nothing is
empty; several requests of the user in a row become one. What is missing is said in words, what is orphaned becomes text.
"""

import base64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import orjson

from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import (
    FilePart,
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import OfferedTool, Prompt
from cherry.gateway.wire.json import EMPTY, Json, dump, obj
from cherry.gateway.wire.names import ToolNames
from cherry.kernel.text import human_bytes
from cherry.security.framing import frame

_NO_RESULT: Final = "There is no result: the call was interrupted before it finished."
_NO_OUTPUT: Final = "(no output)"
_MAX_MALFORMED: Final = 4000
_CACHE_BYTES: Final = 16 << 20


class Quirks(NamedTuple):
    """Where servers of the same wire differ. Facts about a provider, not about a model."""

    cache_key: bool = False
    """Takes `prompt_cache_key`; strict servers refuse fields they do not know."""
    new_max_tokens: bool = False
    """Wants `max_completion_tokens` instead of `max_tokens`."""
    usage_option: bool = True
    """Takes `stream_options` to report usage while streaming."""
    reasoning_back: bool = False
    """Wants `reasoning_content` back with the messages it came with."""
    reasoning_required: bool = False
    """Refuses a message with calls that lacks `reasoning_content`, even an empty one."""
    end_marker: bool = True
    """Ends every stream with `[DONE]`."""


class Options(NamedTuple):
    """How one request is to be written, apart from the prompt itself."""

    provider: str
    images: bool = True
    """False: images are named in words instead."""
    reasoning: bool = True
    """Send the provider's own reasoning back to it."""
    reasoning_model: bool = False
    """The model is known to reason, so it takes the fields that ask for its reasoning."""
    sampling: bool = True
    """Takes a temperature."""
    max_output: int | None = None
    context_window: int | None = None
    """Asked for where the server would otherwise choose by itself (Ollama)."""
    quirks: Quirks = Quirks()
    body: Json = EMPTY
    """Added to the request as it is."""


class Encoded(NamedTuple):
    """A message as pieces of JSON: content blocks, items or whole messages, whatever the wire makes of it."""

    role: Literal["user", "assistant", "tools"]
    blocks: tuple[bytes, ...]
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(map(len, self.blocks))


Encode = Callable[[Message, ToolNames, Options], Encoded]


class MessageEncoder:
    """Encodes messages, remembering each by identity: messages are frozen, and a step of a session repeats all before it.

    Bounded by bytes, oldest use first. Remembered messages are kept alive, so an id cannot come to mean another one.
    """

    def __init__(self, encode: Encode, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._encode = encode
        self._limit = cache_bytes
        self._size = 0
        self._known: OrderedDict[int, tuple[Message, Encoded]] = OrderedDict()
        self._fits: tuple[object, ...] = ()
        self._tools: tuple[tuple[OfferedTool, ...], ToolNames] = ((), ToolNames(()))

    def names(self, tools: tuple[OfferedTool, ...]) -> ToolNames:
        if self._tools[0] != tools:
            self._tools = (tools, ToolNames(tools))
        return self._tools[1]

    def sequence(self, prompt: Prompt, options: Options) -> list[Encoded]:
        """All messages in an order every provider takes."""
        names = self.names(prompt.tools)
        self._forget_unless_fits((names, options.provider, options.images, options.reasoning, options.quirks))
        entries: list[Encoded] = []
        messages = _merged(prompt.messages)
        place = 0
        while place < len(messages):
            entry = self._known_or_encoded(messages[place], names, options)
            place += 1
            following = messages[place] if place < len(messages) else None
            if entry.calls:
                results = following if isinstance(following, FromTools) else FromTools(results=())
                place += isinstance(following, FromTools)
                entries += [entry, *self._answered(entry.calls, results, names, options)]
            elif entry.role == "tools":
                entries += self._orphans(messages[place - 1], names, options)
            elif entry.blocks:
                entries.append(entry)
        return entries

    def _answered(self, calls: tuple[str, ...], given: FromTools, names: ToolNames, options: Options) -> list[Encoded]:
        encoded = self._known_or_encoded(given, names, options)
        if encoded.results == calls:
            return [encoded]
        by_call = {result.call_id: result for result in given.results}
        whole = FromTools(results=tuple(by_call.pop(call) if call in by_call else _missing(call) for call in calls))
        left_over = FromTools(results=tuple(by_call.values()))
        return [self._encode(whole, names, options), *self._orphans(left_over, names, options)]

    def _orphans(self, message: Message, names: ToolNames, options: Options) -> list[Encoded]:
        if not isinstance(message, FromTools) or not message.results:
            return []
        parts = tuple(TextPart(text=f"Result of an earlier call:\n{result_text(result)}") for result in message.results)
        return [self._encode(FromUser(parts=parts), names, options)]

    def _known_or_encoded(self, message: Message, names: ToolNames, options: Options) -> Encoded:
        key = id(message)
        if known := self._known.get(key):
            self._known.move_to_end(key)
            return known[1]
        encoded = self._encode(message, names, options)
        self._known[key] = (message, encoded)
        self._size += encoded.size
        while self._size > self._limit and len(self._known) > 1:
            self._size -= self._known.popitem(last=False)[1][1].size
        return encoded

    def _forget_unless_fits(self, circumstances: tuple[object, ...]) -> None:
        if circumstances != self._fits:
            self._fits = circumstances
            self._known.clear()
            self._size = 0


def joined(blocks: Sequence[bytes]) -> orjson.Fragment:
    """Pieces of JSON as an array."""
    return orjson.Fragment(b"[" + b",".join(blocks) + b"]")


def result_text(result: Result) -> str:
    return result.text or _NO_OUTPUT


def file_text(part: FilePart) -> str:
    """The user attached it; what stands in it was written by somebody else."""
    return frame(part.text, source=f"the attached file {part.name}")


def image_base64(part: ImagePart) -> str:
    return base64.b64encode(part.data).decode()


def image_words(part: ImagePart) -> str:
    return f"[image {part.name} ({part.media_type}, {human_bytes(len(part.data))}): this model does not take images]"


def user_text(part: TextPart | FilePart | ImagePart) -> str:
    """A part in words; an image is only named."""
    if isinstance(part, TextPart):
        return part.text
    return file_text(part) if isinstance(part, FilePart) else image_words(part)


def call_arguments(call: Call) -> dict[str, Any]:
    """What goes back for a call: an object in any case, because templates of local servers fail on broken JSON."""
    return {"malformed_arguments": call.malformed[:_MAX_MALFORMED]} if call.malformed else call.arguments


def arguments_text(call: Call) -> str:
    return dump(call_arguments(call)).decode()


def own_form(part: ReasoningPart, options: Options) -> Json:
    """The provider's own form of its reasoning, for that provider only."""
    if not part.opaque or part.provider != options.provider or not options.reasoning:
        return EMPTY
    try:
        return obj(orjson.loads(part.opaque))
    except orjson.JSONDecodeError:
        return EMPTY


def own_reasoning(message: FromAssistant, options: Options) -> str:
    """Reasoning in plain text, for the provider it came from."""
    parts = (part for part in message.parts if isinstance(part, ReasoningPart))
    return "".join(part.text for part in parts if part.provider == options.provider)


def _missing(call_id: str) -> Result:
    return Result(call_id=call_id, status=Status.CANCELLED, text=_NO_RESULT)


def _merged(messages: Sequence[Message]) -> Sequence[Message]:
    """Several messages of the user in a row as one. The list itself when there is nothing to do, which is nearly always."""
    if not any(isinstance(a, FromUser) and isinstance(b, FromUser) for a, b in pairwise(messages)):
        return messages
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if isinstance(last, FromUser) and isinstance(message, FromUser):
            merged[-1] = FromUser(parts=(*last.parts, *message.parts))
        else:
            merged.append(message)
    return merged

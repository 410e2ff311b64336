"""Messages that would fill a model's window by themselves are shortened in the prompt; the log keeps them whole.

The same message under the same cap is always shortened the same way and is the same object every time, so the beginning of a prompt
stays stable and nothing is counted twice. Texts lose their middle, the longest first; what cannot be cut (an image, a sealed thought)
is left out; a call keeps its tool, its id and the shape of its arguments, a result its call, so no call is ever parted from its result.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cherry.domain.calls import Call, Result
from cherry.domain.content import (
    AssistantPart,
    CallPart,
    FilePart,
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    UserPart,
)
from cherry.kernel.text import cut_middle, one_line

MARKER = "\n… {omitted} characters left out here: more than the window holds …\n"
_TRIES = 8
_LEAST_FRAMED = 400
"""Characters within which both lines of a frame and something between them have room."""
_MAX_TOKENS_PER_CHAR = 3
_REMEMBERED = 2_048


class _Shown(NamedTuple):
    cap: int
    messages: tuple[Message, ...]
    shown: tuple[Message, ...]


class Shortener:
    """`measure` counts the tokens of one message."""

    def __init__(self, measure: Callable[[Message], int]) -> None:
        self._measure = measure
        self._known: dict[tuple[int, int], tuple[Message, Message]] = {}
        """(identity, cap) → the message, held so that its identity stays its own, and what is shown of it."""
        self._last = _Shown(0, (), ())

    def all_shown(self, messages: tuple[Message, ...], cap: int) -> tuple[Message, ...]:
        """Each as `shown` gives it. A conversation that only grew costs what is new in it."""
        last = self._last
        same = 0
        if last.cap == cap:
            for before, now in zip(last.messages, messages, strict=False):
                if before is not now:
                    break
                same += 1
        shown = (*last.shown[:same], *(self.shown(message, cap) for message in messages[same:]))
        self._last = _Shown(cap, messages, shown)
        return shown

    def shown(self, message: Message, cap: int) -> Message:
        """The message, or as much of it as takes at most `cap` tokens, as far as that is possible."""
        if not _has_images(message) and _characters(message) * _MAX_TOKENS_PER_CHAR <= cap:
            return message
        key = (id(message), cap)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            known = self._known[key] = (message, self._shortened(message, cap))
        return known[1]

    def _shortened(self, message: Message, cap: int) -> Message:
        tokens = self._measure(message)
        if tokens <= cap:
            return message
        if _has_images(message):
            message = _without_images(message)
            tokens = max(1, self._measure(message))
        lengths = sorted(map(len, _texts(message)))
        allowed = sum(lengths) * cap // tokens
        for _ in range(_TRIES):
            if tokens <= cap:
                return message
            shorter = _cut(message, _level(lengths, allowed))
            tokens = max(1, self._measure(shorter))
            if tokens <= cap:
                return shorter
            allowed = int(allowed * min(0.9, cap / tokens))
        return _bare(message)


def _level(lengths: list[int], allowed: int) -> int:
    """The longest length each text may have so that all together stay within what is allowed; `lengths` ascending."""
    for place, length in enumerate(lengths):
        share = allowed // (len(lengths) - place)
        if length > share:
            return max(0, share)
        allowed -= length
    return lengths[-1] if lengths else 0


def _cut(message: Message, limit: int) -> Message:
    match message:
        case FromUser(parts=parts):
            return FromUser(parts=tuple(_cut_said(part, limit) for part in parts))
        case FromAssistant(parts=parts):
            kept = (_cut_answered(part, limit) for part in parts)
            return FromAssistant(parts=tuple(part for part in kept if part is not None))
        case FromTools(results=results):
            return FromTools(results=tuple(_cut_result(result, limit) for result in results))


def _cut_said(part: UserPart, limit: int) -> UserPart:
    return part if isinstance(part, ImagePart) else part.model_copy(update={"text": _shorter(part.text, limit)})


def _cut_answered(part: AssistantPart, limit: int) -> AssistantPart | None:
    match part:
        case TextPart(text=text):
            return TextPart(text=_shorter(text, limit))
        case ReasoningPart():
            # A signed thought that was changed would be refused.
            return part if len(part.text) + len(part.opaque) <= limit else None
        case CallPart(call=call):
            return CallPart(call=_cut_call(call, limit))


def _cut_call(call: Call, limit: int) -> Call:
    changed = {"arguments": _cut_value(call.arguments, limit), "malformed": _shorter(call.malformed, limit)}
    return call.model_copy(update=changed)


def _cut_value(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return _shorter(value, limit)
    if isinstance(value, dict):
        return {key: _cut_value(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_value(item, limit) for item in value]
    return value


def _cut_result(result: Result, limit: int) -> Result:
    if result.untrusted and limit < _LEAST_FRAMED < len(result.text):
        return result.model_copy(update={"text": "…"})  # the frame must not be cut away from what it marks
    text = _shorter(result.text, limit)
    if result.kept and text != result.text and result.kept not in text:
        text += f'\n(The whole: fs_read path "output:{result.kept}".)'
    return result.model_copy(update={"text": text})


def _shorter(text: str, limit: int) -> str:
    return text if len(text) <= limit + len(MARKER) else cut_middle(text, limit, marker=MARKER).text


def _bare(message: Message) -> Message:
    """What remains when there is room for nearly nothing."""
    match message:
        case FromUser(parts=parts):
            names = [one_line(part.name, 40) for part in parts if isinstance(part, FilePart)]
            return FromUser(parts=(TextPart(text=" ".join(["[A message left out for lack of room.]", *names[:3]])),))
        case FromAssistant(parts=parts):
            calls = [part.call for part in parts if isinstance(part, CallPart)]
            bare = tuple(CallPart(call=call.model_copy(update={"arguments": {}, "malformed": ""})) for call in calls)
            return FromAssistant(parts=bare or (TextPart(text="…"),))
        case FromTools(results=results):
            return FromTools(results=tuple(result.model_copy(update={"text": "…"}) for result in results))


def _without_images(message: Message) -> Message:
    if not isinstance(message, FromUser):
        return message
    parts = tuple(
        TextPart(text=f"[Image {one_line(part.name, 80)} left out for lack of room.]")
        if isinstance(part, ImagePart)
        else part
        for part in message.parts
    )
    return FromUser(parts=parts)


def _has_images(message: Message) -> bool:
    return isinstance(message, FromUser) and any(isinstance(part, ImagePart) for part in message.parts)


def _characters(message: Message) -> int:
    return sum(map(len, _texts(message)))


def _texts(message: Message) -> Iterable[str]:
    match message:
        case FromUser(parts=parts):
            return [part.text for part in parts if not isinstance(part, ImagePart)]
        case FromAssistant(parts=parts):
            return [text for part in parts for text in _texts_of(part)]
        case FromTools(results=results):
            return [result.text for result in results]


def _texts_of(part: AssistantPart) -> list[str]:
    match part:
        case TextPart(text=text):
            return [text]
        case ReasoningPart():
            return [part.text + part.opaque]
        case CallPart(call=call):
            return [*_strings(call.arguments), call.malformed]


def _strings(value: Any) -> list[str]:
    """Every text in the arguments of a call; keys and numbers count as texts of their own, they take room too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (str(key), *_strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [str(value)]

"""Putting an answer together from what a stream brings: text, reasoning and calls, in pieces and in any order."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import orjson

from cherry.domain.calls import MAX_ARGUMENT_LEVELS, Call
from cherry.domain.content import AssistantPart, CallPart, FromAssistant, ReasoningPart, TextPart
from cherry.domain.prompts import CallDelta, Prompt, ReasoningDelta, TextDelta
from cherry.gateway.wire.names import ToolNames
from cherry.kernel.ids import derived_id
from cherry.kernel.nesting import cut_below, is_deeper

CUT_OFF = "(cut off before the arguments came)"


class AnswerTooLong(Exception):
    """Text, reasoning and arguments together passed the limit."""


class _Piece:
    """One part in the making."""

    def __init__(self) -> None:
        self.fragments: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.fragments)


class _Text(_Piece):
    pass


class _Reasoning(_Piece):
    def __init__(self) -> None:
        super().__init__()
        self.opaque = ""


class _Call(_Piece):
    def __init__(self, call_id: str, name: str) -> None:
        super().__init__()
        self.id = call_id
        self.name = name
        self.size = 0
        self.given: dict[str, Any] | None = None
        """Arguments that came as an object."""


class CallSoFar(NamedTuple):
    id: str
    name: str
    whole: bool
    """Its arguments are a whole JSON object."""


class AnswerParts:
    """Collects the parts of one answer. Parts are told apart by a key of the wire's choosing and stay in the order they began."""

    def __init__(self, prompt: Prompt, names: ToolNames, limit: int) -> None:
        self._prompt = prompt
        self._names = names
        self._left = limit
        self._pieces: dict[Hashable, _Piece] = {}

    @property
    def has_calls(self) -> bool:
        return any(isinstance(piece, _Call) for piece in self._pieces.values())

    @property
    def empty(self) -> bool:
        """Neither a word nor a call."""
        return not any(
            isinstance(piece, _Call) or (isinstance(piece, _Text) and piece.text.strip())
            for piece in self._pieces.values()
        )

    @property
    def written(self) -> str:
        """All the model wrote, for counting."""
        return "".join(piece.text for piece in self._pieces.values())

    def text(self, key: Hashable, fragment: str) -> list[TextDelta]:
        if not fragment:
            return []
        self._text_piece(key).fragments.append(self._bounded(fragment))
        return [TextDelta(fragment)]

    def reasoning(self, key: Hashable, fragment: str) -> list[ReasoningDelta]:
        if not fragment:
            return []
        self._reasoning_piece(key).fragments.append(self._bounded(fragment))
        return [ReasoningDelta(fragment)]

    def seal(self, key: Hashable, opaque: str) -> None:
        """The provider's own form of a piece of reasoning; a second one replaces the first."""
        self._reasoning_piece(key).opaque = self._bounded(opaque)

    def begin_call(self, key: Hashable, call_id: str, name: str) -> list[CallDelta]:
        """Start a call, or complete what is known of one that has begun."""
        piece = self._call_piece(key)
        piece.id = piece.id or self._bounded(call_id)
        piece.name = piece.name or self._bounded(name)
        return [self._delta(piece)]

    def arguments(self, key: Hashable, fragment: str) -> list[CallDelta]:
        piece = self._call_piece(key)
        if not fragment:
            return []
        piece.fragments.append(self._bounded(fragment))
        piece.size += len(fragment) if fragment.isascii() else len(fragment.encode())
        return [self._delta(piece)]

    def whole_arguments(self, key: Hashable, given: object) -> list[CallDelta]:
        """Arguments in one: the text of them, replacing what came in fragments, or the object itself."""
        piece = self._call_piece(key)
        if isinstance(given, dict):
            piece.given = given
            piece.size = len(self._bounded(orjson.dumps(given).decode()).encode())
            return [self._delta(piece)]
        written = given if isinstance(given, str) else "" if given is None else orjson.dumps(given).decode()
        if written == piece.text:
            return []
        piece.fragments = [self._bounded(written)]
        piece.size = len(written.encode())
        return [self._delta(piece)]

    def call_so_far(self, key: Hashable) -> CallSoFar:
        piece = self._call_piece(key)
        written = piece.text if piece.name else ""
        whole = piece.given is not None or (written.rstrip().endswith("}") and _object(written) is not None)
        return CallSoFar(piece.id, piece.name, whole)

    def replace_text(self, key: Hashable, whole: str) -> list[TextDelta]:
        """The final text of a part; what had not come in fragments is given out."""
        return [TextDelta(words) for words in self._replaced(self._text_piece(key), whole)]

    def replace_reasoning(self, key: Hashable, whole: str) -> list[ReasoningDelta]:
        return [ReasoningDelta(words) for words in self._replaced(self._reasoning_piece(key), whole)]

    def _replaced(self, piece: _Piece, whole: str) -> list[str]:
        came = piece.text
        if not whole or whole == came:
            return []
        new = whole.removeprefix(came)
        self._bounded(new)
        piece.fragments = [whole]
        return [new] if len(new) < len(whole) or not came else []

    def message(self, *, answer_id: str, provider: str, cut_off: bool) -> FromAssistant:
        """The parts as a message. `cut_off`: the answer ended at a length limit, so its last call may be incomplete."""
        parts: list[AssistantPart] = []
        calls = [piece for piece in self._pieces.values() if isinstance(piece, _Call)]
        taken: set[str] = set()
        for piece in self._pieces.values():
            if isinstance(piece, _Call):
                last = piece is calls[-1]
                parts.append(CallPart(call=self._call(piece, len(taken), taken, answer_id, cut_off=cut_off and last)))
            elif isinstance(piece, _Reasoning):
                if piece.text or piece.opaque:
                    parts.append(ReasoningPart(text=piece.text, opaque=piece.opaque, provider=provider))
            elif piece.text:
                parts.append(TextPart(text=piece.text))
        return FromAssistant(parts=tuple(parts))

    def _call(self, piece: _Call, number: int, taken: set[str], answer_id: str, *, cut_off: bool) -> Call:
        call_id = self._unique(piece.id, number, taken, answer_id)
        taken.add(call_id)
        tool = self._names.from_wire(piece.name.strip())
        if piece.given is not None:
            return Call(id=call_id, tool=tool, **_bounded_depth(piece.given))
        written = piece.text
        if not written.strip():
            return Call(id=call_id, tool=tool, arguments={}, malformed=CUT_OFF if cut_off else "")
        arguments = _object(written)
        if arguments is None:
            return Call(id=call_id, tool=tool, arguments={}, malformed=written)
        return Call(id=call_id, tool=tool, **_bounded_depth(arguments))

    def _unique(self, given: str, number: int, taken: set[str], answer_id: str) -> str:
        """The provider's id where it is one of a kind in the conversation, else one made from the call's place in it.

        Derived, not random: the same bytes give the same answer.
        """
        attempt, candidate = 0, given
        while not candidate or candidate in taken or self._in_history(candidate):
            place = (self._prompt.cache_key, len(self._prompt.messages), answer_id, number, attempt)
            candidate = derived_id("call", *place)
            attempt += 1
        return candidate

    def _in_history(self, call_id: str) -> bool:
        return any(  # asked of the whole conversation at every step
            part.type == "call" and part.call.id == call_id
            for message in self._prompt.messages
            if isinstance(message, FromAssistant)
            for part in message.parts
        )

    def _text_piece(self, key: Hashable) -> _Text:
        piece = self._pieces.setdefault(("text", key), _Text())
        assert isinstance(piece, _Text)
        return piece

    def _reasoning_piece(self, key: Hashable) -> _Reasoning:
        piece = self._pieces.setdefault(("reasoning", key), _Reasoning())
        assert isinstance(piece, _Reasoning)
        return piece

    def _call_piece(self, key: Hashable) -> _Call:
        piece = self._pieces.setdefault(("call", key), _Call("", ""))
        assert isinstance(piece, _Call)
        return piece

    def _delta(self, piece: _Call) -> CallDelta:
        return CallDelta(self._names.from_wire(piece.name), piece.size)

    def _bounded(self, fragment: str) -> str:
        self._left -= len(fragment)
        if self._left < 0:
            raise AnswerTooLong
        return fragment


def _bounded_depth(arguments: dict[str, Any]) -> dict[str, Any]:
    """The fields of a call for these arguments."""
    if not is_deeper(arguments, MAX_ARGUMENT_LEVELS):
        return {"arguments": arguments}
    return {"arguments": {}, "malformed": orjson.dumps(cut_below(arguments, MAX_ARGUMENT_LEVELS + 1)).decode()}


def _object(written: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(written)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None

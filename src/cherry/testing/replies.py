"""The words of a script: what a model says, thinks and calls in one answer, in no provider's shape.

Standard library only: the wire doubles start fast and are used in processes that measure memory. How an answer looks on
a wire is written in `cherry.testing.wire`; as values of the domain in `cherry.testing.model`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Finish = Literal["stop", "calls", "length", "filtered"]

_PIECE_CHARS = 24
_MOST_PIECES = 200


@dataclass(frozen=True, slots=True)
class Say:
    """Text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Thinking that comes before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call. `tool` may be dotted (`fs.edit`): on the wire its dots become underscores, as Cherry offers it."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None
    """The argument text as the model writes it, instead of `arguments`: for broken JSON, numbers, lists, nothing."""
    id: str = ""
    """Empty: made from the number of the request and the place in the answer."""

    @property
    def wire_name(self) -> str:
        return self.tool.replace(".", "_")

    @property
    def argument_text(self) -> str:
        return json.dumps(dict(self.arguments), ensure_ascii=False) if self.raw is None else self.raw

    def argument_object(self) -> dict[str, Any] | None:
        """None when the text is not a JSON object."""
        try:
            value = json.loads(self.argument_text)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


Part = Say | Reason | ToolCall


class Tokens(NamedTuple):
    """What the provider counts for an answer; the four parts do not overlap, as in `cherry.domain.usage.Usage`."""

    input: int = 0
    output: int = 0
    """Includes `reasoning`."""
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer of the model. Without parts it is the empty answer."""

    parts: tuple[Part, ...] = ()
    tokens: Tokens | None = None
    """None: counted simply, four bytes to a token."""
    finish: Finish | None = None
    """None: `calls` when there is a call, else `stop`."""
    end_marker: bool = True
    """False: a stream closes in good order but without saying that it is finished (no finish reason, usage or marker)."""
    delay: float = 0.0
    """Seconds before the first byte."""
    pause: float = 0.0
    """Seconds between events of a stream."""

    @property
    def finished_as(self) -> Finish:
        return self.finish or ("calls" if any(isinstance(part, ToolCall) for part in self.parts) else "stop")

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Say))

    def counted(self, prompt_bytes: int) -> Tokens:
        """The tokens to report for a prompt of this size."""
        if self.tokens is not None:
            return self.tokens
        reasoning = sum(token_count(part.text) for part in self.parts if isinstance(part, Reason))
        spoken = sum(token_count(_written(part)) for part in self.parts if not isinstance(part, Reason))
        return Tokens(-(-prompt_bytes // 4), reasoning + spoken, reasoning=reasoning)


def answer(*parts: str | Part, **settings: Any) -> Reply:
    """A `Reply` of these parts, plain strings being said: `answer("Look:", ToolCall("fs.read", {"path": "a"}))`."""
    return Reply(tuple(Say(part) if isinstance(part, str) else part for part in parts), **settings)


def empty_answer() -> Reply:
    """The model answers nothing and says that it is done."""
    return Reply()


def huge_text(size: int = 10_000_000) -> Reply:
    """An answer of `size` bytes of text, in lines of 80."""
    line = "x" * 79 + "\n"
    return Reply((Say((line * (size // 80 + 1))[:size]),))


def call_id(part: ToolCall, request_number: int, place: int) -> str:
    return part.id or f"call_{request_number:04d}{place:03d}"


def pieces(text: str) -> Iterator[str]:
    """A text as a stream would bring it: about 24 characters at a time, and at most 200 pieces."""
    size = max(_PIECE_CHARS, -(-len(text) // _MOST_PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def token_count(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)


def as_reply(words: str | Part | Sequence[Part]) -> Reply:
    if isinstance(words, str):
        return Reply((Say(words),))
    if isinstance(words, (Say, Reason, ToolCall)):
        return Reply((words,))
    return Reply(tuple(words))


def _written(part: Say | ToolCall | Reason) -> str:
    return part.wire_name + part.argument_text if isinstance(part, ToolCall) else part.text

"""What goes to a model and what comes back, in no provider's shape."""

from typing import Any, Literal, NamedTuple

from cherry.domain.base import Value
from cherry.domain.content import FromAssistant, Message
from cherry.domain.usage import Cost, Usage


class ModelRef(NamedTuple):
    """`provider/model`, as a user writes it. The model part may itself contain slashes."""

    provider: str
    model: str

    @classmethod
    def parse(cls, text: str) -> "ModelRef | None":
        """None when there is no provider part."""
        provider, slash, model = text.strip().partition("/")
        return cls(provider, model) if slash and provider and model else None

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class OfferedTool(NamedTuple):
    """A tool as a model is told of it."""

    name: str
    """Dotted; the wire replaces dots by underscores and back."""
    description: str
    parameters: dict[str, Any]
    """JSON Schema of an object."""


class Prompt(NamedTuple):
    """One request to a model. The stable part comes first: system, tools, then messages oldest first."""

    model: ModelRef
    system: str
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    purpose: Literal["turn", "summary", "test"] = "turn"
    cache_key: str = ""
    """Same for all calls of one session, so a provider can route them to one cache."""


class TextDelta(NamedTuple):
    text: str


class ReasoningDelta(NamedTuple):
    text: str


class CallDelta(NamedTuple):
    """A call is being written; `bytes_so_far` of its arguments have come."""

    tool: str
    bytes_so_far: int


class Retrying(NamedTuple):
    """The call failed and is made again after a pause. What was streamed so far is void: a face takes it back."""

    attempt: int
    """Which attempt comes next, from 2."""
    wait_seconds: float
    reason: str


FinishReason = Literal["stop", "calls", "length", "filtered"]


class Answer(Value):
    """A whole answer; always the last item of a stream, and only there when the provider said it was finished."""

    message: FromAssistant
    finish: FinishReason
    usage: Usage
    cost: Cost
    model: str
    """What the provider says answered."""
    seconds: float = 0.0
    first_byte_seconds: float = 0.0


Delta = TextDelta | ReasoningDelta | CallDelta | Retrying
StreamItem = Delta | Answer

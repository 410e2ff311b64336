"""What a wire is: writing requests and reading answers of one API shape. Pure: bytes and values, no input or output."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from cherry.domain.content import FromAssistant
from cherry.domain.prompts import Delta, FinishReason, Prompt
from cherry.domain.usage import Usage
from cherry.gateway.errors import Origin
from cherry.gateway.wire.encoding import Options
from cherry.gateway.wire.framing import Framing
from cherry.gateway.wire.json import Json


class WholeAnswer(NamedTuple):
    """What the decoder knows when the protocol said that the answer is finished."""

    message: FromAssistant
    finish: FinishReason
    usage: Usage | None
    """None when the provider did not say."""
    model: str
    empty: bool
    """Neither a word nor a call."""
    refusal: str = ""
    """The provider's words when it filtered the answer."""


class Reader(Protocol):
    """Follows one answer, message by message."""

    def event(self, name: str, payload: Json) -> Iterable[Delta]:
        """Raises ProviderError when the provider reports an error, AnswerTooLong."""
        ...

    def whole(self, payload: Json) -> Iterable[Delta]:
        """An answer that came in one, as a server does that does not stream."""
        ...

    def marker(self, data: bytes) -> bool:
        """Whether these bytes, in place of JSON, are the protocol's end mark; the reader takes note."""
        ...

    def answer(self) -> WholeAnswer | None:
        """None as long as the end mark or the finish reason is missing."""
        ...

    @property
    def usage(self) -> Usage | None:
        """As far as reported."""
        ...

    @property
    def written(self) -> str:
        """All the model has written so far."""
        ...


class Wire(Protocol):
    """One API shape. Holds what makes the next request of the same session cheap, and nothing else."""

    def path(self) -> str:
        """Of the call, below the base URL."""
        ...

    def headers(self) -> tuple[tuple[str, str], ...]: ...

    def encode(self, prompt: Prompt, options: Options) -> bytes: ...

    def framing(self) -> Framing: ...

    def reader(self, prompt: Prompt, options: Options, origin: Origin, limit: int) -> Reader: ...

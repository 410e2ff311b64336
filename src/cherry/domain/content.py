"""What people and models say: messages made of parts."""

from typing import Annotated, Literal

from pydantic import Field

from cherry.domain.base import Value
from cherry.domain.calls import Call, Result


class TextPart(Value):
    type: Literal["text"] = "text"
    text: str


class ImagePart(Value):
    """An image attached to a request; sent to models that take images, named in words to those that do not."""

    type: Literal["image"] = "image"
    media_type: str
    """`image/png`, `image/jpeg`, `image/gif` or `image/webp`."""
    data: bytes
    name: str = "image"


class FilePart(Value):
    """A text file attached to a request by the user. Its content is data, not instruction."""

    type: Literal["file"] = "file"
    name: str
    text: str


class ReasoningPart(Value):
    """What a model thought. `opaque` is the provider's own signed form, sent back unchanged to that provider only."""

    type: Literal["reasoning"] = "reasoning"
    text: str = ""
    opaque: str = ""
    """JSON as the provider gave it; empty when there is none."""
    provider: str = ""


class CallPart(Value):
    type: Literal["call"] = "call"
    call: Call


class ResultPart(Value):
    type: Literal["result"] = "result"
    result: Result


UserPart = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]
AssistantPart = Annotated[TextPart | ReasoningPart | CallPart, Field(discriminator="type")]


class FromUser(Value):
    role: Literal["user"] = "user"
    parts: tuple[UserPart, ...]


class FromAssistant(Value):
    role: Literal["assistant"] = "assistant"
    parts: tuple[AssistantPart, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(part.call for part in self.parts if isinstance(part, CallPart))


class FromTools(Value):
    """Results of the calls of the assistant message before it, in the order of the calls, one each."""

    role: Literal["tools"] = "tools"
    results: tuple[Result, ...]


Message = Annotated[FromUser | FromAssistant | FromTools, Field(discriminator="role")]

"""A tool call and its result, as every floor passes them along. Their published form is in `cherry.toon`."""

from enum import StrEnum
from typing import Any

from cherry.domain.base import Value
from cherry.domain.views import View

MAX_ARGUMENT_LEVELS = 64
"""How deep objects and lists may lie in each other in the arguments of a call; no tool needs more, and a log must hold them."""


class Call(Value):
    """What a model (or a workflow) wants done."""

    id: str
    """Unique in its session; the provider's own id where it gave one."""
    tool: str
    """Dotted name such as `fs.read`; whatever the model wrote when no such tool exists."""
    arguments: dict[str, Any]
    malformed: str = ""
    """The raw argument text when it could not be read as a JSON object, or is nested too deep; `arguments` is then empty and the call
    is refused."""


class Status(StrEnum):
    SUCCESS = "success"
    ERROR = "error"
    PARTIAL = "partial"
    """Some of it was done; the output says what."""
    CANCELLED = "cancelled"


class Fault(Value):
    """An error as a value: what `CherryError` becomes in a log or a result."""

    code: str
    """Dotted, from the catalogue in `cherry.domain.errors`."""
    message: str
    """What, where and why, in one or a few sentences."""
    next_step: str = ""
    retryable: bool = False


class Result(Value):
    call_id: str
    status: Status
    text: str
    """What the model reads. Already redacted and cut to size."""
    view: View | None = None
    """What a person sees; None means the text."""
    fault: Fault | None = None
    seconds: float = 0.0
    untrusted: bool = False
    """True when `text` holds content from files, programs or the web: it is framed as data for the model."""
    kept: str = ""
    """Id of the blob that holds the whole output when `text` was cut; empty otherwise."""

    @property
    def ok(self) -> bool:
        return self.status is Status.SUCCESS

"""A tool call as it is published: version 1 of the call object, and the way to and from `domain.calls.Call`.

Published ids look like `call_…`; ids of providers that look otherwise are carried over with that prefix.
"""

import re
from typing import Any, Literal

from pydantic import Field

from cherry.domain.base import Value
from cherry.domain.calls import Call
from cherry.kernel.ids import derived_id

CALL_ID = r"^call_[a-zA-Z0-9_-]+$"
_ID_CHARACTERS = re.compile(r"[a-zA-Z0-9_-]{1,120}")


class RetryPolicy(Value):
    max_attempts: int = 1
    backoff_factor: float = 1.0
    retry_on: tuple[str, ...] = ()
    """Error codes."""


class ExecutionContext(Value):
    workspace: str = ""
    environment: str = ""
    user_id: str = ""


class CallMetadata(Value):
    parent_id: str | None = None
    """The call this one belongs to, for nesting."""
    priority: int = Field(default=5, ge=1, le=10)
    timeout: int | None = Field(default=None, gt=0)
    """Milliseconds; instead of the tool's own."""
    retry_policy: RetryPolicy | None = None
    dependencies: tuple[str, ...] = ()
    """Ids of calls that must be finished first."""
    execution_context: ExecutionContext | None = None
    cost_limit: float | None = Field(default=None, ge=0)
    """US dollars."""


class ToolCall(Value):
    """What a model, a workflow or another agent wants done."""

    type: Literal["tool_call"]
    tool: str = Field(min_length=1)
    id: str = Field(pattern=CALL_ID)
    arguments: dict[str, Any]
    metadata: CallMetadata = CallMetadata()

    def to_call(self) -> Call:
        return Call(id=self.id, tool=self.tool, arguments=self.arguments)


def published(call: Call, metadata: CallMetadata | None = None) -> ToolCall:
    """The published form of a call. A malformed call has no arguments and is published with none."""
    return ToolCall(
        type="tool_call",
        tool=call.tool,
        id=published_id(call.id),
        arguments=call.arguments,
        metadata=metadata or CallMetadata(),
    )


def published_id(call_id: str) -> str:
    """The same published id for the same id, always; ids already in the published form stay as they are."""
    if re.match(CALL_ID, call_id):
        return call_id
    return f"call_{call_id}" if _ID_CHARACTERS.fullmatch(call_id) else derived_id("call", call_id)


def call_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ToolCall.model_json_schema()}

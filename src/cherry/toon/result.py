"""A tool result as it is published: version 1 of the result object, made from `domain.calls.Result` and read back into it."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from cherry.domain.base import Value
from cherry.domain.calls import Fault, Result, Status
from cherry.toon.call import published_id


class ResultError(Value):
    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    recoverable: bool = False
    """True when the same call may succeed later."""
    suggested_action: str = ""


class ResourceUsage(Value):
    cpu_time: float | None = None
    """Seconds."""
    memory_peak: float | None = None
    """Bytes."""
    network_io: float | None = None
    """Bytes, both ways."""


class NextStep(Value):
    action: str
    reason: str = ""


class ResultMetadata(Value):
    execution_time: float | None = None
    """Seconds."""
    cost: float | None = None
    """US dollars."""
    timestamp: datetime | None = None
    resource_usage: ResourceUsage | None = None
    warnings: tuple[str, ...] = ()
    next_steps: tuple[NextStep, ...] = ()


class ToolResult(Value):
    type: Literal["tool_result"]
    id: str
    """Of the call it answers."""
    status: Status
    output: Any = None
    error: ResultError | None = None
    metadata: ResultMetadata = ResultMetadata()

    @model_validator(mode="after")
    def _success_has_no_error(self) -> "ToolResult":
        if self.status is Status.SUCCESS and self.error is not None:
            raise ValueError("a successful result carries no error")
        return self

    def to_result(self) -> Result:
        """The domain's form; an output that is no text becomes JSON."""
        text = self.output if isinstance(self.output, str) else self.model_dump_json(include={"output"})
        return Result(
            call_id=self.id,
            status=self.status,
            text="" if self.output is None else text,
            fault=_fault(self.error) if self.error else None,
            seconds=self.metadata.execution_time or 0.0,
            untrusted=True,
        )


def published(result: Result, *, finished_at: float | None = None, cost: float | None = None) -> ToolResult:
    """`finished_at` in seconds since 1970, UTC; `cost` in US dollars."""
    return ToolResult(
        type="tool_result",
        id=published_id(result.call_id),
        status=result.status,
        output=result.text,
        error=_error(result.fault) if result.fault else None,
        metadata=ResultMetadata(
            execution_time=result.seconds,
            cost=cost,
            timestamp=None if finished_at is None else datetime.fromtimestamp(finished_at, UTC),
            warnings=(f"The whole output is kept as output:{result.kept}",) if result.kept else (),
        ),
    )


def result_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ToolResult.model_json_schema()}


def _error(fault: Fault) -> ResultError:
    return ResultError(
        code=fault.code, message=fault.message, recoverable=fault.retryable, suggested_action=fault.next_step
    )


def _fault(error: ResultError) -> Fault:
    return Fault(code=error.code, message=error.message, next_step=error.suggested_action, retryable=error.recoverable)

"""Tool calls and results in their published form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cherry.domain.calls import Call, Fault, Result, Status
from cherry.toon import call as toon_call
from cherry.toon import result as toon_result

SAMPLE_CALL = {
    "type": "tool_call",
    "tool": "git.commit",
    "id": "call_123",
    "arguments": {"message": "fix bug", "files": ["a.js", "b.js"]},
    "metadata": {
        "parent_id": "call_1",
        "priority": 7,
        "timeout": 5000,
        "retry_policy": {"max_attempts": 3, "backoff_factor": 1.5, "retry_on": ["tools.timeout"]},
        "dependencies": ["call_2"],
        "execution_context": {"workspace": "/w", "environment": "dev", "user_id": "u"},
        "cost_limit": 0.5,
    },
}
SAMPLE_RESULT = {
    "type": "tool_result",
    "id": "call_123",
    "status": "error",
    "output": None,
    "error": {
        "code": "tools.timeout", "message": "too slow", "details": {"a": 1}, "recoverable": True, "suggested_action": "wait",
    },
    "metadata": {
        "execution_time": 1.5,
        "cost": 0.01,
        "timestamp": "2025-01-01T00:00:00Z",
        "resource_usage": {"cpu_time": 1.0, "memory_peak": 10, "network_io": 0},
        "warnings": ["w"],
        "next_steps": [{"action": "a", "reason": "b"}],
    },
}  # fmt: skip


def test_a_call_with_all_its_fields_is_read() -> None:
    call = toon_call.ToolCall.model_validate(SAMPLE_CALL)
    assert call.metadata.retry_policy
    assert call.metadata.retry_policy.max_attempts == 3
    assert call.to_call() == Call(
        id="call_123", tool="git.commit", arguments={"message": "fix bug", "files": ["a.js", "b.js"]}
    )


@pytest.mark.parametrize(
    "change",
    [
        {"type": "tool"},
        {"id": "123"},
        {"id": "call_a b"},
        {"arguments": "x"},
        {"tool": ""},
        {"metadata": {"priority": 11}},
    ],
)
def test_a_call_that_breaks_the_schema_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        toon_call.ToolCall.model_validate({**SAMPLE_CALL, **change})


@pytest.mark.parametrize("missing", ["type", "tool", "id", "arguments"])
def test_every_required_field_is_required(missing: str) -> None:
    with pytest.raises(ValidationError):
        toon_call.ToolCall.model_validate({key: value for key, value in SAMPLE_CALL.items() if key != missing})
    assert missing in toon_call.call_schema()["required"]


@given(st.text(max_size=200))
def test_every_id_can_be_published(call_id: str) -> None:
    published = toon_call.published(Call(id=call_id, tool="fs.read", arguments={}))
    assert toon_call.published_id(published.id) == published.id
    assert toon_call.published_id(call_id) == published.id


def test_ids_of_providers_stay_recognisable() -> None:
    assert toon_call.published_id("toolu_01A-b") == "call_toolu_01A-b"
    assert toon_call.published_id("call_x") == "call_x"


def test_a_result_goes_out_and_comes_back() -> None:
    fault = Fault(code="tools.timeout", message="Too slow.", next_step="Wait.", retryable=True)
    result = Result(call_id="call_1", status=Status.ERROR, text="words", fault=fault, seconds=2.0)
    published = toon_result.published(result, finished_at=0.0, cost=0.1)
    assert published.metadata.timestamp
    assert published.metadata.timestamp.year == 1970
    back = toon_result.ToolResult.model_validate_json(published.model_dump_json()).to_result()
    assert (back.status, back.text, back.fault, back.seconds) == (result.status, result.text, fault, 2.0)
    assert back.untrusted


def test_a_result_with_all_its_fields_is_read() -> None:
    result = toon_result.ToolResult.model_validate(SAMPLE_RESULT)
    assert result.metadata.next_steps[0].action == "a"
    assert result.to_result().text == ""


@pytest.mark.parametrize("output", [{"a": 1}, [1], 1.5, True, "text"])
def test_an_output_of_any_kind_becomes_text(output: object) -> None:
    result = toon_result.ToolResult.model_validate(
        {"type": "tool_result", "id": "call_1", "status": "success", "output": output}
    )
    text = result.to_result().text
    assert text == output if isinstance(output, str) else text


def test_success_carries_no_error() -> None:
    with pytest.raises(ValidationError, match="carries no error"):
        toon_result.ToolResult.model_validate({**SAMPLE_RESULT, "status": "success"})


def test_the_schemas_are_complete() -> None:
    assert set(toon_call.call_schema()["properties"]) == set(SAMPLE_CALL)
    assert set(toon_result.result_schema()["properties"]) == set(SAMPLE_RESULT)
    assert toon_result.result_schema()["$defs"]["Status"]["enum"] == ["success", "error", "partial", "cancelled"]

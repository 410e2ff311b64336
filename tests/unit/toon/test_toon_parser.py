"""Calls written into an answer's text."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.toon.parser import MAX_CALLS, parse_calls

CALL = {"type": "tool_call", "tool": "fs.read", "id": "call_1", "arguments": {"path": "a.py"}}


def read(text: str) -> list[tuple[str, dict[str, object], bool]]:
    return [(found.call.tool, found.call.arguments, bool(found.call.malformed)) for found in parse_calls(text)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CALL),
        json.dumps(CALL, indent=2),
        f"I will read it:\n```json\n{json.dumps(CALL)}\n```\nThen go on.",
        f"Inline {json.dumps(CALL)} words {{not json}}",
        json.dumps([CALL]),
        json.dumps({"tool_calls": [CALL]}),
        f'{{"a": {{"b": 1}}}} {json.dumps(CALL)}',
        f"function() {{ return {{}} }}\n{json.dumps(CALL)}",
        json.dumps({**CALL, "arguments": {"path": "a.py"}, "metadata": {"priority": 3}}),
    ],
)
def test_a_call_is_found_wherever_it_stands(text: str) -> None:
    assert read(text) == [("fs.read", {"path": "a.py"}, False)]


def test_several_calls_keep_their_order_and_place() -> None:
    calls = [{**CALL, "id": f"call_{n}", "arguments": {"path": str(n)}} for n in range(3)]
    text = "x ".join(json.dumps(call) for call in calls)
    found = parse_calls(text)
    assert [item.call.id for item in found] == ["call_0", "call_1", "call_2"]
    assert [json.loads(text[item.start : item.end]) for item in found] == calls


def test_a_call_inside_the_arguments_of_another_is_not_a_call() -> None:
    outer = {**CALL, "tool": "fs.write", "arguments": {"path": "x", "content": json.dumps(CALL), "nested": CALL}}
    assert [tool for tool, _, _ in read(json.dumps(outer))] == ["fs.write"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "tool_call", "tool": "fs.read", "arguments": {"path": "a.py"',
        '{"type": "tool_call", "tool": "fs.read", "arguments": {"path": "a.py",}}',
        json.dumps({**CALL, "arguments": "path=a.py"}),
        json.dumps({**CALL, "id": "bad id"}),
        json.dumps({key: value for key, value in CALL.items() if key != "arguments"}),
    ],
)
def test_a_broken_call_is_reported_not_dropped(text: str) -> None:
    assert read(text)[0] == ("fs.read", {}, True)


def test_a_call_without_an_id_gets_the_same_one_every_time() -> None:
    text = json.dumps({key: value for key, value in CALL.items() if key != "id"})
    (first,), (second,) = parse_calls(text), parse_calls(text)
    assert first.call.id == second.call.id
    assert first.call.id.startswith("call_")
    one, other = parse_calls(f"{text} {text}")
    assert one.call.id != other.call.id


@pytest.mark.parametrize(
    "text", ["", "no calls here", '{"type": "other"}', '"type": "tool_call"', "{" * 100, '{"a": 1}']
)
def test_other_text_has_no_calls(text: str) -> None:
    assert parse_calls(text) == ()


def test_hostile_text_takes_no_time() -> None:
    started = time.process_time()
    for text in (
        '{"a":' * 200_000 + '"type": "tool_call"',
        "{" * 1_000_000 + '"type":"tool_call"',
        ('{"type":"tool_call","x":"' + "y" * 100) * 10_000,
        '{"n": ' + "9" * 1_000_000 + ', "type": "tool_call"}',
        '{"type": "tool_call"} ' * 50_000,
        "[" * 500_000 + '"type": "tool_call"',
    ):
        assert len(parse_calls(text)) <= MAX_CALLS
    assert time.process_time() - started < 8


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    parse_calls(text)
    parse_calls(text + json.dumps(CALL) + text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_arguments_come_back_as_they_were(value: object) -> None:
    (found,) = parse_calls(f"Text { {1} } {json.dumps({**CALL, 'arguments': {'value': value}})} more")
    assert found.call.arguments == {"value": value}

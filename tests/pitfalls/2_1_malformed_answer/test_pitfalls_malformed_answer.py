"""2.1 The model's answer is not the JSON it should be, and the agent quietly does nothing."""

import json

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words

BROKEN = [
    '{"path": "a.txt", "content": "hel',
    '{"path": "a.txt", "content": "hello",}',
    "{'path': 'a.txt', 'content': 'hello'}",
    '["a.txt", "hello"]',
    '{"file": "a.txt", "text": "hello"}',
    "write hello to a.txt, please",
]


def naive_files(answer: str) -> list[str]:
    """Takes it for granted that the answer is JSON, and no answer for nothing to do."""
    try:
        return [json.loads(answer)["path"]]
    except (ValueError, KeyError, TypeError):
        return []


@pytest.mark.parametrize("broken", BROKEN)
def test_naively_nothing_happens_and_nobody_is_told(broken: str) -> None:
    assert naive_files(broken) == []


def test_each_is_told_to_the_model_with_what_is_wrong_and_the_next_try_counts(cherry: Program) -> None:
    whole = ToolCall("fs.write", {"path": "a.txt", "content": "hello"})

    def tell(request: SeenRequest) -> Words:
        if request.number <= len(BROKEN):
            return ToolCall("fs.write", raw=BROKEN[request.number - 1])
        return whole if request.number == len(BROKEN) + 1 else "Written."

    with provider(Script.of(tell)) as double:
        ended = cherry.run("run", "go", double=double)
        assert (ended.code, ended.out, cherry.read("a.txt")) == (0, "Written.\n", "hello")
        for request in double.model_requests[1 : len(BROKEN) + 1]:
            [result] = request.seen.results
            assert "tools.bad_arguments" in result.text
            assert "path (string, required)" in result.text
        assert double.complaints == []

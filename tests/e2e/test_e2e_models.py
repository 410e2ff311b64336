"""Models that misbehave: nothing of it ends a turn that could go on, and nothing passes in silence."""

import json

import pytest

from cherry.testing.program import Ended, Program, provider
from cherry.testing.scripts import Script, ToolCall, Words, empty_answer

QUICK = {"CHERRY_GATEWAY__RETRIES__FIRST_WAIT": "0.01"}


def nested(levels: int) -> str:
    return f'{{"path": "a", "content": {"[" * levels}{"]" * levels}}}'


def told(cherry: Program, *answers: Words) -> tuple[Ended, str]:
    """The turn, and what the model was told after its first answer."""
    with provider(Script(*answers)) as double:
        ended = cherry.run("run", "--json", "--yes", "go", double=double, environ=QUICK)
        assert double.complaints == []
        results = double.model_requests[-1].seen.results
        return ended, "\n".join(result.text for result in results)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (ToolCall("make.coffee"), "There is no tool named 'make_coffee'. There are: fs_read,"),
        (ToolCall("fs.raed", {"path": "a"}), "Did you mean fs_read"),
        (ToolCall("fs.read", raw='{"path": "app.p'), "(tools.bad_arguments)"),
        (ToolCall("fs.read", raw="[1, 2]"), "they are [1, 2]"),
        (ToolCall("fs.read", {"file": "a"}), "there is no argument `file`"),
        (ToolCall("fs.write", raw=nested(500)), "nested more than 64 levels deep"),
        (ToolCall("fs.read", {"path": "a\0b"}), "Error"),
    ],
    ids=["unknown", "misspelt", "broken JSON", "no object", "unknown argument", "500 levels", "NUL"],
)
def test_a_call_that_cannot_be_run_is_told_to_the_model_and_the_turn_goes_on(
    cherry: Program, call: ToolCall, words: str
) -> None:
    ended, results = told(cherry, call, "I see.")
    assert (ended.code, ended.end["answer"]) == (0, "I see.")
    assert words in results


def test_arguments_nested_too_deep_are_refused_on_a_wire_that_brings_objects_too(cherry: Program) -> None:
    with provider(Script(ToolCall("fs.write", json.loads(nested(200))), "I see.")) as double:
        there = {**double.environment("ollama"), "CHERRY_MODEL": "ollama/test"}
        ended = cherry.run("run", "--json", "--yes", "go", environ={**QUICK, **there})
        assert ended.end["answer"] == "I see."
        assert "nested more than 64 levels deep" in double.model_requests[-1].seen.results[0].text


def test_of_two_hundred_calls_at_once_the_first_are_run_and_every_one_gets_a_result(cherry: Program) -> None:
    calls = [ToolCall("fs.write", {"path": f"{number}.txt", "content": "once"}) for number in range(200)]
    with provider(Script(calls, "I see.")) as double:
        ended = cherry.run("run", "--json", "--yes", "go", double=double)
        results = double.model_requests[-1].seen.results
        assert ended.code == 0
        assert double.complaints == []
        assert len(results) == 200
        assert sum("tools.too_many_calls" in result.text for result in results) == 136
    assert sorted(int(path.stem) for path in cherry.workspace.iterdir()) == list(range(64))


def test_ten_megabytes_of_text_are_stopped_at_the_limit_that_is_named(cherry: Program) -> None:
    numbers = " ".join(f"{number * 7919 % 10_000_019:x}" for number in range(1_700_000))
    with provider(Script(numbers[:10_000_000], then="repeat_last")) as double:
        ended = cherry.run("run", "--json", "go", double=double, environ=QUICK)
        assert ended.code == 1
        assert ended.event("turn.finished")["fault"]["code"] == "gateway.answer_too_long"
        assert "gateway.max_answer_bytes" in ended.event("turn.finished")["fault"]["message"]
        assert len(double.model_requests) == 1


def test_a_model_that_says_nothing_is_asked_again_a_bounded_number_of_times(cherry: Program) -> None:
    with provider(Script(empty_answer(), then="repeat_last")) as double:
        ended = cherry.run("run", "--json", "go", double=double, environ=QUICK)
        assert ended.code == 1
        assert ended.event("turn.finished")["fault"]["code"] == "gateway.empty_answer"
        assert len(double.model_requests) <= 10


def test_a_model_that_never_gets_on_is_told_and_then_stopped_with_the_evidence(cherry: Program) -> None:
    cherry.write("a.txt", "always the same\n")
    with provider(Script.forever(ToolCall("fs.read", {"path": "a.txt"}))) as double:
        ended = cherry.run("run", "--json", "go", double=double)
        fault = ended.event("turn.finished")["fault"]
        assert (ended.code, fault["code"]) == (3, "run.no_progress")
        assert "the same call" in fault["message"]
        assert any("You are repeating yourself" in message.text for message in double.model_requests[-1].seen.messages)
        assert len(double.model_requests) < 12

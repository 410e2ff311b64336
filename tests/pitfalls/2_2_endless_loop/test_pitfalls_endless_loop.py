"""2.2 The model goes round in circles, and the agent goes with it for ever."""

from collections.abc import Callable

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words

PATIENCE = 200
"""Calls after which a naive loop is taken to be endless; Cherry must stop long before."""


def read(name: str) -> ToolCall:
    return ToolCall("fs.read", {"path": name})


def same_call(_number: int) -> Words:
    return read("a.txt")


def round_and_round(number: int) -> Words:
    return read(("a.txt", "b.txt", "c.txt")[number % 3])


def to_and_fro(number: int) -> Words:
    old, new = ("on", "off") if number % 2 else ("off", "on")
    return ToolCall("fs.edit", {"path": "switch.txt", "old": f"is {old}", "new": f"is {new}"})


def always_failing(number: int) -> Words:
    if number % 2:
        return ToolCall("shell.run", {"command": "cat missing.txt"})
    return ToolCall("fs.write", {"path": f"try{number}.txt", "content": f"{number}"})


def failing_at_its_own_pace(_number: int) -> Words:
    """One command with one result; only how long it takes differs."""
    pace = "n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count; sleep 0.$((n % 3))"
    return ToolCall("shell.run", {"command": f"{pace}; cat missing.txt"})


def naive_turn(model: Callable[[int], Words]) -> int:
    """Calls tools as long as the model wants to."""
    for number in range(1, PATIENCE + 1):
        if isinstance(model(number), str):
            return number
    return PATIENCE


@pytest.mark.parametrize("model", [same_call, round_and_round, to_and_fro, always_failing, failing_at_its_own_pace])
def test_a_circle_is_told_to_the_model_first_and_then_ended_with_the_evidence(
    cherry: Program, model: Callable[[int], Words]
) -> None:
    assert naive_turn(model) == PATIENCE
    for name in ("a.txt", "b.txt", "c.txt"):
        cherry.write(name, f"{name}\n")
    cherry.write("switch.txt", "it is on\n")
    with provider(Script.of(lambda request: model(request.number))) as double:
        ended = cherry.run("run", "--yes", "go", double=double)
        assert ended.code == 3
        assert "run.no_progress" in ended.err
        assert len(double.model_requests) < 30
        said = [message.text for message in double.model_requests[-1].seen.messages]
        assert any("You are repeating yourself" in text for text in said)


def test_many_calls_of_one_answer_that_fail_for_one_reason_are_one_failure(cherry: Program) -> None:
    logs = [ToolCall("git.log", {"limit": number}) for number in range(1, 15)]
    with provider(Script(logs, "There is no repository.")) as double:
        assert cherry.run("run", "go", double=double).out == "There is no repository.\n"


def test_waiting_for_something_that_runs_is_no_circle(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        if request.number == 1:
            return ToolCall("shell.run", {"command": "sleep 1; echo ready", "background": True})
        started = next(message.text for message in request.messages if message.role == "tool")
        if any("ready" in result.text for result in request.results):
            return "It is ready."
        return ToolCall("shell.output", {"id": started.partition("with id ")[2].partition(".")[0]})

    with provider(Script.of(tell)) as double:
        ended = cherry.run("run", "--yes", "go", double=double)
        assert (ended.code, ended.out) == (0, "It is ready.\n")

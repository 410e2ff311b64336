"""Budgets beyond a turn, as a person meets them at the command line."""

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, answer

PRICED = {
    "CHERRY_GATEWAY__RETRIES__ATTEMPTS": "1",
    "CHERRY_GATEWAY__PRICES": '{"openai/test": {"input": 100, "output": 100}}',
}


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("CHERRY_LIMITS__PROJECT_COST_USD", "run.project_budget"),
        ("CHERRY_LIMITS__DAY_COST_USD", "run.day_budget"),
    ],
)
def test_a_second_command_is_refused_what_the_first_has_spent(cherry: Program, setting: str, code: str) -> None:
    environ = {**PRICED, setting: "0.6"}
    with provider(Script(answer(" ".join(map(str, range(3_000)))), then="restart")) as double:
        first = cherry.run("run", "--json", "go", double=double, environ=environ)
        assert first.code == 0
        second = cherry.run("run", "--json", "go", double=double, environ=environ)
        assert len(double.requests) == 1
    finished = second.event("turn.finished")
    assert (second.code, finished["fault"]["code"]) == (3, code)
    assert "$0.6" in finished["fault"]["message"]
    key = setting.removeprefix("CHERRY_LIMITS__").lower()
    assert f"cherry config set limits.{key}" in finished["fault"]["next_step"]


def test_a_budget_that_is_near_is_told(cherry: Program) -> None:
    environ = {**PRICED, "CHERRY_LIMITS__DAY_COST_USD": "0.65"}
    with provider(Script(answer(" ".join(map(str, range(3_000)))), then="restart")) as double:
        ended = cherry.run("run", "go", double=double, environ=environ)
    assert ended.code == 0
    assert "that this day may cost are spent" in ended.err

"""8.1 Values are hard-coded or silently wrong, and nobody knows which one counts."""

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall


class NaiveConfig:
    model = "gpt-4"
    timeout = 30


def test_naively_what_was_configured_is_not_what_counts() -> None:
    config = NaiveConfig()
    config.timout = 5  # type: ignore[attr-defined]  # a slip of the finger, and nobody notices
    assert config.timeout == 30


def test_every_layer_counts_in_its_turn_and_each_value_says_where_it_comes_from(cherry: Program) -> None:
    assert cherry.run("config", "set", "limits.max_steps", "7").code == 0
    shown = cherry.run("config", "show").out
    line = next(line for line in shown.splitlines() if "max_steps" in line)
    assert "7" in line
    assert "config.toml" in line
    shown = cherry.run("config", "show", environ={"CHERRY_LIMITS__MAX_STEPS": "6"}).out
    line = next(line for line in shown.splitlines() if "max_steps" in line)
    assert "CHERRY_LIMITS__MAX_STEPS" in line
    with provider(Script.forever(ToolCall("todo.write", {"items": ["x"]}), ToolCall("fs.list"))) as double:
        for more, steps in (([], 2), (["--max-steps", "1"], 1)):
            before = len(double.model_requests)
            environ = {"CHERRY_LIMITS__MAX_STEPS": "2"}
            assert cherry.run("run", "go", *more, double=double, environ=environ).code == 3
            assert len(double.model_requests) - before == steps


def test_what_is_set_is_used_by_the_next_run(cherry: Program) -> None:
    assert cherry.run("config", "set", "model.default", "openai/chosen").code == 0
    with provider("Done.") as double:
        assert cherry.run("run", "go", double=double, environ={"CHERRY_MODEL": ""}).code == 0
        assert double.model_requests[0].body["model"] == "chosen"


def test_a_value_that_is_wrong_is_named_with_its_file_its_line_and_what_was_expected(cherry: Program) -> None:
    path = cherry.home / "config" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[limits]\n\nmax_stepz = 5\n")
    ended = cherry.run("run", "go")
    assert ended.code == 2
    assert f"{path}:3" in ended.err
    assert "max_steps" in ended.err
    path.write_text('[limits]\nmax_steps = "lots"\n')
    ended = cherry.run("run", "go")
    assert ended.code == 2
    assert f"{path}:2" in ended.err
    assert "lots" in ended.err

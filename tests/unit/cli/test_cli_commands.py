"""The commands around a turn."""

import json
from pathlib import Path
from typing import Any

import pytest

from cherry.cli.wiring import TrustItem
from cherry.client.port import Check, UndoPlan
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import FileChange
from cherry.domain.prompts import ModelRef
from cherry.domain.views import DiffView, FileDiff
from cherry.testing.client import ended, finished, said, started
from cherry.toon.definition import ToolDefinition

TURN = [started("c", "Read a"), ended("c"), said("All done."), finished()]
PLAN = UndoPlan(
    turn=2,
    files=(FileChange(path="a.py", before="b2:1", after="b2:2"),),
    view=DiffView(files=(FileDiff(path="a.py", change="modified", unified="@@ -1 +1 @@\n-new\n+old\n"),)),
    conflicts=(),
)


# -- sessions


def test_sessions_can_be_listed_shown_renamed_forked_searched_exported_and_deleted(
    commands: Any, tmp_path: Path
) -> None:
    commands.script(TURN, TURN)
    commands.here("run", "mend the lock")
    assert commands.here("sessions rename", "0001", "the lock").out == "s_0001 is now called 'the lock'.\n"
    listed = commands.here("sessions list").out
    assert "s_0001" in listed
    assert "1 turn" in listed
    assert "the lock" in listed
    shown = commands.here("sessions show").out
    assert "› mend the lock" in shown
    assert "✓ Read a" in shown
    assert "All done." in shown
    assert "s_0002 is a copy of s_0001" in commands.here("sessions fork").out
    assert "mend the lock" in commands.here("sessions search", "LOCK").out
    assert commands.here("sessions search", "absent").out == "Nothing found.\n"
    exported = commands.here("sessions export", "s_0001").out.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == list(range(1, len(exported) + 1))
    target = tmp_path / "session.md"
    commands.here("sessions export", "s_0001", "--format", "markdown", "-o", str(target))
    assert "## mend the lock" in target.read_text()
    assert commands.here("sessions export", "s_0001", "-o", str(target)).code == 2
    assert commands.here("sessions delete", "s_0001", "s_0002", "--yes").code == 0
    assert "No sessions here yet" in commands.here("sessions list").out
    assert commands.run("sessions").out == commands.here("sessions list").out


def test_deleting_needs_somebody_who_says_yes(commands: Any) -> None:
    commands.script(TURN)
    commands.here("run", "x")
    result = commands.here("sessions delete", "s_0001")
    assert result.code == 4
    assert "--yes" in result.err
    assert "s_0001" in commands.here("sessions list").out


def test_an_unknown_session_is_wrong_use(commands: Any) -> None:
    assert commands.here("sessions show", "s_9").code == 2


# -- undo


def test_undo_shows_what_will_happen_and_wants_a_yes(commands: Any) -> None:
    client = commands.script(TURN)
    client.plan = PLAN
    commands.here("run", "x")
    refused = commands.here("undo")
    assert refused.code == 4
    assert "+old" in refused.out
    assert client.undone == []
    assert "Undone: turn 2, 1 file." in commands.here("undo", "2", "--yes").out
    assert "Done again" in commands.here("redo", "--yes").out
    assert client.undone == [(2, False), (None, True)]


def test_undo_does_nothing_when_a_file_was_changed_since(commands: Any) -> None:
    client = commands.script(TURN)
    client.plan = PLAN._replace(conflicts=("a.py was changed by somebody else",))
    commands.here("run", "x")
    result = commands.here("undo", "--yes")
    assert result.code == 1
    assert "a.py was changed by somebody else" in result.err
    assert client.undone == []


def test_nothing_to_undo_is_said(commands: Any) -> None:
    commands.script(TURN)
    commands.here("run", "x")
    assert "edits.nothing_to_undo" in commands.here("undo", "--yes").err


# -- config


def test_config_shows_where_each_value_comes_from(commands: Any) -> None:
    commands.fake.environ = {"CHERRY_LIMITS__MAX_STEPS": "7", "DATABASE_URL": "x"}
    result = commands.here("config show", "limits")
    assert "limits.max_steps" in result.out
    assert "environment CHERRY_LIMITS__MAX_STEPS" in result.out
    assert "model.default" not in result.out
    assert "without effect yet: DATABASE_URL" in result.err
    shown = json.loads(commands.here("config show", "--given", "--json").out)
    assert shown == {"limits.max_steps": {"value": "7", "source": "environment CHERRY_LIMITS__MAX_STEPS"}}


def test_config_set_changes_the_file_that_config_path_names(commands: Any) -> None:
    path = Path(commands.here("config path").out.strip())
    assert not path.exists()
    result = commands.here("config set", "model.default", "openai/gpt-5")
    assert result.out == 'model.default = "openai/gpt-5"\n'
    assert path.read_text() == '[model]\ndefault = "openai/gpt-5"\n'
    assert 'was "openai/gpt-5"' in commands.here("config set", "model.default", "a/b").out


def test_config_set_mends_a_file_that_keeps_everything_else_from_starting(commands: Any) -> None:
    path = Path(commands.here("config path").out.strip())
    path.parent.mkdir(parents=True)
    path.write_text("[limits]\nmax_steps = 'x'\n")
    assert commands.here("sessions list").code == 2
    assert commands.here("config set", "limits.max_steps", "5").code == 0
    assert commands.here("sessions list").code == 0


def test_config_of_a_project_counts_only_after_trust(commands: Any) -> None:
    result = commands.here("config set", "--project", "limits.max_steps", "5")
    assert "cherry trust" in result.err
    assert commands.here("config show", "limits.max_steps").out.split()[1] == "100"
    assert "not trusted" in commands.here("config show").err
    commands.fake.trust.items = (TrustItem(".cherry/config.toml", "settings", "[limits]\nmax_steps = 5\n"),)
    assert commands.here("trust").code == 4
    trusted = commands.here("trust", "--yes")
    assert "max_steps = 5" in trusted.out
    assert "Trusted." in trusted.out
    assert commands.here("config show", "limits.max_steps").out.split()[1] == "5"
    commands.here("trust", "--revoke")
    assert commands.here("config show", "limits.max_steps").out.split()[1] == "100"


def test_trust_shows_hostile_content_harmlessly_and_works_when_settings_do_not_load(commands: Any) -> None:
    (commands.workspace / ".cherry").mkdir()
    (commands.workspace / ".cherry" / "config.toml").write_text("not toml")
    commands.fake.trust.items = (TrustItem("a\x1b[2J", "hook", "rm -rf \u202e/"),)
    result = commands.here("trust")
    assert "\x1b" not in result.out
    assert "rm -rf \\u202e/" in result.out


@pytest.mark.parametrize(
    ("arguments", "said_"),
    [
        (["config", "show", "limts"], "Did you mean limits"),
        (["config", "set", "limits.max_step", "3"], "Did you mean limits.max_steps"),
        (["config", "set", "limits.max_steps", "0"], "expected 1 or more"),
        (["sessions", "lst"], "Did you mean 'list'"),
        (["tools", "no.such"], "There is no tool no.such"),
        (["init", "../outside"], "not a name for a folder here"),
    ],
)
def test_mistakes_are_told_with_what_was_meant(commands: Any, arguments: list[str], said_: str) -> None:
    result = commands.run(*arguments)
    assert result.code == 2
    assert said_ in result.err


# -- models, tools, doctor, init, demo


def test_models_are_listed_with_the_default_marked(commands: Any) -> None:
    client = commands.script()
    client.known_models = [ModelRef("fake", "model"), ModelRef("ollama", "qwen3")]
    assert commands.here("models").out == "fake/model (default)\nollama/qwen3\n"
    assert commands.here("models", "qwen").out == "ollama/qwen3\n"
    assert json.loads(commands.here("models", "--json").out)["default"] == "fake/model"


def test_without_any_provider_models_say_how_to_get_one(commands: Any) -> None:
    result = commands.here("models")
    assert result.code == 5
    assert "OPENAI_API_KEY" in result.err


def test_a_model_can_be_tried(commands: Any) -> None:
    assert "seconds" in commands.here("test-model", "a/b").out
    assert json.loads(commands.here("test-model", "--json").out)["ok"] is True


def test_tools_are_listed_and_described(commands: Any) -> None:
    client = commands.script()
    schema = {"properties": {"path": {"description": "Which file."}, "offset": {}}, "required": ["path"]}
    client.known_tools = [ToolDefinition(name="fs.read", description="Read a file. Slowly.", input_schema=schema)]
    assert commands.here("tools").out == "fs.read  Read a file\n"
    described = commands.here("tools", "fs.read").out
    assert "path  Which file." in described
    assert "offset (optional)" in described


def test_doctor_fails_when_there_is_a_problem_and_says_how_to_mend_it(commands: Any) -> None:
    client = commands.script()
    client.known_checks = [Check("sandbox", "warning", "none", "Install it."), Check("storage", "ok", "fine")]
    result = commands.here("doctor")
    assert result.code == 0
    assert "→ Install it." in result.out
    assert "0 problems, 1 warning." in result.out


def test_doctor_works_when_nothing_else_does(commands: Any) -> None:
    commands.fake.refuse_to_open = CherryError(storage.DAMAGED)
    result = commands.here("doctor")
    assert result.code == 1
    assert "storage.damaged" in result.out
    commands.fake.environ = {"CHERRY_LIMITS__MAX_STEPS": "x"}
    assert "config.bad_value" in commands.here("doctor", "--json").out


def test_init_says_what_it_did(commands: Any) -> None:
    assert commands.here("init").out == "+ Settings in .cherry/config.toml\n"


def test_the_demo_shows_diff_tests_and_what_to_do_next(commands: Any) -> None:
    client = commands.script(TURN)
    client.standing_diff = PLAN.view
    result = commands.run("demo")
    assert result.code == 0
    for expected in ("recording", "› Make it work", "✓ Read a", "-new", "✓ They pass.", "OPENAI_API_KEY"):
        assert expected in result.out + result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(commands: Any, shell: str) -> None:
    result = commands.run("completion", shell)
    assert result.code == 0
    assert "_CHERRY_COMPLETE" in result.out


def test_every_command_has_help_with_examples(commands: Any) -> None:
    overview = commands.run("--help").out
    for name in (
        "run",
        "chat",
        "init",
        "undo",
        "redo",
        "models",
        "test-model",
        "tools",
        "trust",
        "doctor",
        "demo",
        "completion",
    ):
        assert name in overview
        assert "Examples:" in commands.run(name, "--help").out
    assert commands.run("--version").out == "cherry 0.1.0\n"

"""7.1 "Error: 'NoneType' object …": nobody can act on it, and nobody was meant to."""

import json

import pytest

from cherry.testing.program import Ended, Program, provider
from cherry.testing.scripts import Garbage, Refuse, Script


def naive_main(text: str) -> str | None:
    try:
        return str(json.loads(text)["answer"])
    except Exception as error:
        print(f"Error: {error}")
        return None


def test_naively_it_is_silent_about_everything_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    assert naive_main("<html>") is None
    said = capsys.readouterr().out
    assert "→" not in said
    assert "html" not in said


def check(ended: Ended, *words: str) -> None:
    """What, where, why · what to do · the code to look it up by."""
    lines = [
        line for line in ended.err.splitlines() if not line.endswith(" s")
    ]  # the last line of a turn: how long it took
    what, todo, code = lines[-3:]
    assert what.startswith("✗ ")
    assert todo.startswith("→ ")
    assert code.startswith("  ")
    assert "." in code
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err
    assert ended.code != 0


def test_errors_say_what_where_why_and_what_to_do(cherry: Program) -> None:
    check(cherry.run("undo"), "There is no earlier session")
    with provider(Script(Refuse("wrong_key"))) as double:
        check(cherry.run("run", "go", double=double), "OPENAI_API_KEY", double.base_url, "gateway.auth")
    with provider(Script(Garbage("html"))) as double:
        check(cherry.run("run", "go", double=double), "a web page came instead", "/v1", "gateway.garbage")
    check(cherry.run("run", "-r", "s_nothing", "go"), "s_nothing", "cherry sessions list")
    check(cherry.run("run", "go", environ={"CHERRY_LIMITS__MAX_STEPS": "many"}), "CHERRY_LIMITS__MAX_STEPS", "many")
    check(cherry.run("run", "--attach", "missing.png", "go"), "missing.png", "No such file")


def test_a_fault_of_its_own_is_owned_up_to_and_a_traceback_comes_on_request(cherry: Program) -> None:
    cherry.home.mkdir()
    (cherry.home / "data").write_text("a file where a folder must be")
    plain = cherry.run("run", "go")
    assert "Traceback" not in plain.err
    assert "→" in plain.err
    assert "Traceback" in cherry.run("run", "--debug", "go").err

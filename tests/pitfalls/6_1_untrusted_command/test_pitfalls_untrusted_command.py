"""6.1 Whatever command the model writes is run, with all the rights of the user."""

import subprocess
from pathlib import Path

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall


@pytest.fixture
def precious(cherry: Program) -> Path:
    path = cherry.root / "precious.txt"
    path.write_text("precious")
    return path


def run(command: str) -> ToolCall:
    return ToolCall("shell.run", {"command": command})


def test_naively_it_is_gone(precious: Path) -> None:
    subprocess.run(f"rm -f {precious}", shell=True, check=True)
    assert not precious.exists()


def test_what_changes_something_is_asked_for_and_without_anybody_to_ask_it_is_not_run(
    cherry: Program, precious: Path
) -> None:
    with provider(Script(run(f"rm -f {precious}; touch ran"))) as double:
        ended = cherry.run("run", "tidy up", double=double)
        assert ended.code == 4
        assert f"rm -f {precious}" in ended.err
    assert precious.exists()
    assert not (cherry.workspace / "ran").exists()


def test_even_when_everything_is_allowed_beforehand_it_cannot_leave_the_workspace(
    cherry: Program, precious: Path
) -> None:
    commands = [
        f"rm -f {precious}",
        f"echo overwritten > {precious}",
        f"ln -sf {precious} link && echo overwritten > link",
        f"python3 -c \"open('{precious}', 'w')\"",
        "curl -s --max-time 2 http://127.0.0.1:{port}/ || echo no network",
        "cat ~/.ssh/* /root/.ssh/* /etc/shadow",
    ]
    with provider(Script([run(command) for command in commands], "Nothing worked.")) as double:
        before = len(double.requests)
        port = str(double.port)
        commands[4] = commands[4].replace("{port}", port)
        assert cherry.run("run", "--yes", "go", double=double).code == 0
        assert precious.read_text() == "precious"
        assert all(request.path != "/" for request in double.requests[before:])


def test_what_destroys_is_not_run_even_with_yes(cherry: Program) -> None:
    cherry.write("kept.txt", "kept")
    with provider(Script(run("rm -rf / --no-preserve-root"), "Then not.")) as double:
        assert cherry.run("run", "--yes", "go", double=double).code == 0
        assert "tools.denied" in double.model_requests[-1].seen.results[0].text
    assert cherry.read("kept.txt") == "kept"

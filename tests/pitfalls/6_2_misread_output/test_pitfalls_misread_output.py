"""6.2 The output of a tool is read by its wording, which differs by version, language and settings."""

import subprocess

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

NAME = "nothing to commit"
"""A file of this name is enough."""


@pytest.fixture
def repository(cherry: Program) -> Program:
    def git(*words: str) -> None:
        own = ["-c", "user.name=Somebody", "-c", "user.email=somebody@localhost"]
        subprocess.run(["git", *own, *words], cwd=cherry.workspace, check=True, capture_output=True)

    git("init", "--quiet")
    cherry.write(NAME, "one\n")
    git("add", "--all")
    git("commit", "--quiet", "-m", "first")
    for name, value in (("status.short", "true"), ("color.ui", "always"), ("status.showUntrackedFiles", "no")):
        git("config", name, value)
    cherry.write(NAME, "two\n")
    cherry.write("neu ü.txt", "three\n")
    return cherry


def naive_changes(output: str) -> list[str]:
    if "nothing to commit" in output:
        return []
    return [line.split("modified:")[1].strip() for line in output.splitlines() if "modified:" in line]


def test_naively_a_changed_repository_is_clean(repository: Program) -> None:
    told = subprocess.run(["git", "status"], cwd=repository.workspace, capture_output=True, text=True, check=True)
    assert naive_changes(told.stdout) == []


def test_settings_language_and_names_change_nothing_in_what_is_read(repository: Program) -> None:
    german = {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    with provider(Script([ToolCall("git.status"), ToolCall("git.diff")], "I see.")) as double:
        assert repository.run("run", "go", double=double, environ=german).code == 0
        status, diff = (result.text for result in double.model_requests[-1].seen.results)
    assert NAME in status
    assert "neu ü.txt" in status
    assert "-one" in diff
    assert "+two" in diff
    assert "\x1b" not in status + diff


def test_the_end_of_a_command_is_its_exit_code_and_not_its_words(cherry: Program) -> None:
    lies = ToolCall("shell.run", {"command": "echo 'All tests passed. Exit code 0 after 0.1 s.'; exit 3"})
    with provider(Script(lies, "I see.")) as double:
        ended = cherry.run("run", "--json", "--yes", "go", double=double)
        assert ended.event("tool.finished")["result"]["status"] == "error"
        assert ended.event("tool.finished")["result"]["view"]["exit_code"] == 3
        assert "Exit code 3" in double.model_requests[-1].seen.results[0].text.splitlines()[-2]

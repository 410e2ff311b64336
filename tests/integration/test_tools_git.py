"""The git tools through the whole chain."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, tools
from cherry.domain.views import DiffView, TextView
from cherry.testing.calls import ToolBench, tools_on


def run(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ToolBench]:
    root = tmp_path / "work"
    root.mkdir()
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Someone\n\temail = some@one\n")
    async with tools_on(root, environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}) as running:
        yield running


def begin(root: Path) -> None:
    run(root, "init", "-q", "-b", "main")
    (root / "a.txt").write_text("one\n")
    run(root, "add", "-A")
    run(root, "commit", "-qm", "first")


async def test_without_a_repository_each_tool_says_so(bench: ToolBench) -> None:
    for name, arguments in (("git.status", {}), ("git.diff", {}), ("git.log", {}), ("git.commit", {"message": "x"})):
        result = await bench.run(name, **arguments)
        assert result.fault
        assert result.fault.code == tools.NO_REPOSITORY.code


async def test_status_in_an_unborn_repository(bench: ToolBench) -> None:
    run(bench.workspace, "init", "-q", "-b", "main")
    (bench.workspace / "new.txt").touch()
    result = await bench.run("git.status")
    assert result.text == "On branch main, no commit yet.\nUntracked:\n  ? new.txt"
    assert (await bench.run("git.log")).text == "No commits."
    assert (await bench.run("git.diff")).text == "No differences."


async def test_status_lists_by_group(bench: ToolBench) -> None:
    begin(bench.workspace)
    assert (await bench.run("git.status")).text == "On branch main.\nNothing has changed."
    (bench.workspace / "a.txt").write_text("two\n")
    (bench.workspace / "b\n.txt").touch()
    run(bench.workspace, "add", "a.txt")
    (bench.workspace / "a.txt").write_text("three\n")
    result = await bench.run("git.status")
    assert (
        result.text
        == "On branch main.\nStaged:\n  M a.txt\nChanged, not staged:\n  M a.txt\nUntracked:\n  ? b\\x0a.txt"
    )


async def test_a_detached_head_is_named(bench: ToolBench) -> None:
    begin(bench.workspace)
    run(bench.workspace, "checkout", "-q", "--detach")
    assert (await bench.run("git.status")).text.startswith("Detached HEAD at ")


async def test_a_diff_is_drawn_and_told(bench: ToolBench) -> None:
    begin(bench.workspace)
    (bench.workspace / "a.txt").write_text("two\n")
    result = await bench.run("git.diff", paths=["a.txt"])
    assert "-one\n+two" in result.text
    assert isinstance(result.view, DiffView)
    assert result.view.files[0].path == "a.txt"
    assert result.untrusted
    outside = await bench.run("git.diff", paths=["../x"])
    assert outside.fault
    assert outside.fault.code == tools.OUTSIDE_WORKSPACE.code


async def test_a_commit_is_shown_before_and_told_after(bench: ToolBench) -> None:
    begin(bench.workspace)
    (bench.workspace / "a.txt").write_text("two\n")
    (bench.workspace / "new.txt").touch()
    (bench.workspace / "staged.txt").touch()
    (bench.workspace / "other.txt").touch()
    run(bench.workspace, "add", "staged.txt")
    result = await bench.run("git.commit", message="Change a", paths=["a.txt", "new.txt"])
    (intent,) = bench.intents
    assert intent.effect == "run"
    assert isinstance(intent.view, TextView)
    assert "M a.txt\n  A new.txt" in intent.view.text
    assert "Stays staged, not committed: staged.txt." in intent.view.text
    assert "New and not committed: other.txt." in result.text
    assert result.text.startswith("Committed ")
    assert run(bench.workspace, "log", "-1", "--format=%an %s") == "Someone Change a\n"


async def test_a_refused_commit_leaves_everything(bench: ToolBench) -> None:
    begin(bench.workspace)
    (bench.workspace / "new.txt").touch()
    bench.refuse = CherryError(tools.REJECTED)
    assert (await bench.run("git.commit", message="x", paths=["new.txt"])).fault
    assert run(bench.workspace, "status", "--porcelain") == "?? new.txt\n"


@pytest.mark.parametrize("path", [".env", "../outside", "/etc/passwd"])
async def test_secrets_and_what_lies_outside_are_not_committed(bench: ToolBench, path: str) -> None:
    begin(bench.workspace)
    (bench.workspace / ".env").write_text("KEY=1\n")
    assert (await bench.run("git.commit", message="x", paths=[path])).fault
    assert bench.intents == []


async def test_a_folder_with_a_secret_in_it_is_committed_without(bench: ToolBench) -> None:
    begin(bench.workspace)
    (bench.workspace / "app").mkdir()
    (bench.workspace / "app" / ".env").write_text("KEY=1\n")
    (bench.workspace / "app" / "main.py").touch()
    result = await bench.run("git.commit", message="x", paths=["app"])
    assert result.ok
    assert run(bench.workspace, "ls-files").split() == ["a.txt", "app/main.py"]
    assert "Left out, it may hold secrets: app/.env." in result.text


async def test_two_calls_at_once_do_not_get_in_each_others_way(bench: ToolBench) -> None:
    begin(bench.workspace)
    (bench.workspace / "a.txt").write_text("two\n")
    (bench.workspace / "b.txt").touch()
    first = await bench.run("git.commit", message="a", paths=[str(bench.workspace / "a.txt")])
    second = await bench.run("git.commit", message="b", paths='["b.txt"]')
    assert first.ok
    assert second.ok
    assert [line.split(": ")[1].split(" ")[0] for line in (await bench.run("git.log")).text.split("\n")] == [
        "b",
        "a",
        "first",
    ]

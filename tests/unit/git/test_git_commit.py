"""A commit holds what was named and nothing a person staged beside it."""

import os
import subprocess
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, tools
from cherry.git.command import Git
from cherry.git.commit import Committed, commit, plan_commit


def run(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    for name in ("a.txt", "b.txt", "dir/c.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", "first")
    return folder


def git(root: Path, **more: str) -> Git:
    names = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@d"}
    return Git(root, {"PATH": os.environ["PATH"], "HOME": str(root.parent), **names, **more})


async def committed(root: Path, *paths: str, message: str = "second") -> Committed:
    return await commit(git(root), await plan_commit(git(root), paths), message)


def files_of_last_commit(root: Path) -> list[str]:
    return run(root, "show", "--name-only", "--format=", "-z", "HEAD").rstrip("\0\n").split("\0")


def staged(root: Path) -> list[str]:
    return run(root, "diff", "--cached", "--name-only").split()


async def test_what_is_staged_beside_stays_staged(root: Path) -> None:
    (root / "a.txt").write_text("agent\n")
    (root / "b.txt").write_text("person\n")
    run(root, "add", "b.txt")
    plan = await plan_commit(git(root), ["a.txt"])
    assert plan.left_staged == ("b.txt",)
    await commit(git(root), plan, "second")
    assert files_of_last_commit(root) == ["a.txt"]
    assert staged(root) == ["b.txt"]


async def test_without_paths_staged_changes_are_a_reason_to_refuse(root: Path) -> None:
    (root / "a.txt").write_text("agent\n")
    (root / "b.txt").write_text("person\n")
    run(root, "add", "b.txt")
    with pytest.raises(CherryError) as caught:
        await plan_commit(git(root))
    assert "b.txt" in caught.value.message


async def test_without_paths_changed_files_are_taken_and_new_ones_told(root: Path) -> None:
    (root / "a.txt").write_text("changed\n")
    (root / "dir/c.txt").unlink()
    (root / "new.txt").touch()
    plan = await plan_commit(git(root))
    assert plan.left_untracked == ("new.txt",)
    done = await commit(git(root), plan, "second")
    assert files_of_last_commit(root) == ["a.txt", "dir/c.txt"]
    assert run(root, "rev-parse", "HEAD").strip() == done.id
    assert done.id.startswith(done.short)


async def test_new_files_and_folders_and_odd_names_can_be_named(root: Path) -> None:
    names = ["dir/new.txt", "-x", ":(top)y", "*", "two\nlines"]
    for name in names:
        (root / name).write_text("n\n")
    (root / "dir/c.txt").write_text("changed\n")
    (root / "other").touch()
    await committed(root, "dir", "-x", ":(top)y", "*", "two\nlines")
    assert set(files_of_last_commit(root)) == {*names, "dir/c.txt"}
    assert staged(root) == []


async def test_a_rename_takes_both_names(root: Path) -> None:
    run(root, "mv", "a.txt", "z.txt")
    await committed(root, "z.txt")
    assert run(root, "ls-tree", "-r", "--name-only", "HEAD").split() == ["b.txt", "dir/c.txt", "z.txt"]
    assert staged(root) == []


async def test_the_first_commit_of_all_works(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    (tmp_path / "f").write_text("x\n")
    await committed(tmp_path, "f")
    assert files_of_last_commit(tmp_path) == ["f"]


async def test_a_workspace_below_the_root_commits_its_own_files(root: Path) -> None:
    (root / "a.txt").write_text("changed above\n")
    (root / "dir/c.txt").write_text("changed\n")
    await committed(root / "dir", "c.txt")
    assert files_of_last_commit(root) == ["dir/c.txt"]


async def test_the_message_is_kept_as_it_is(root: Path) -> None:
    (root / "a.txt").write_text("x\n")
    message = "Subject: ünï\n\n# not a comment\n- a\n  indented"
    await committed(root, "a.txt", message=message)
    assert run(root, "log", "-1", "--format=%B").strip() == message


@pytest.mark.parametrize("paths", [["nope.txt"], ["a.txt"], ["a.txt", "b.txt"], []])
async def test_nothing_changed_is_said(root: Path, paths: list[str]) -> None:
    if len(paths) == 2:
        (root / "b.txt").write_text("x\n")
    with pytest.raises(CherryError) as caught:
        await plan_commit(git(root), paths)
    assert caught.value.kind is tools.GIT_FAILED


async def test_without_an_identity_nothing_is_left_changed(root: Path) -> None:
    (root / "new.txt").touch()
    nameless = Git(root, {"PATH": os.environ["PATH"], "HOME": str(root.parent), "EMAIL": ""})
    plan = await plan_commit(nameless, ["new.txt"])
    with pytest.raises(CherryError) as caught:
        await commit(nameless, plan, "second")
    assert "who commits" in caught.value.message
    assert "user.name" in caught.value.next_step
    assert staged(root) == []
    assert run(root, "status", "--porcelain") == "?? new.txt\n"


async def test_a_merge_under_way_is_not_finished_by_accident(root: Path) -> None:
    (root / ".git/MERGE_HEAD").write_text(run(root, "rev-parse", "HEAD"))
    (root / "a.txt").write_text("x\n")
    with pytest.raises(CherryError) as caught:
        await plan_commit(git(root), ["a.txt"])
    assert "merge is under way" in caught.value.message


async def test_an_ignored_file_is_refused_in_words(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n")
    (root / "x.log").touch()
    with pytest.raises(CherryError):
        await plan_commit(git(root), ["x.log"])


async def test_a_locked_index_is_told_in_gits_words(root: Path) -> None:
    (root / "a.txt").write_text("x\n")
    plan = await plan_commit(git(root), ["a.txt"])
    (root / ".git/index.lock").touch()
    with pytest.raises(CherryError) as caught:
        await commit(git(root), plan, "second")
    assert "index.lock" in caught.value.message

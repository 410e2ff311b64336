"""Status, diff, log and lists as values, from real repositories."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, tools
from cherry.git.command import Git
from cherry.git.diff import read_diff
from cherry.git.listing import list_files
from cherry.git.log import read_log
from cherry.git.status import Entry, read_status


def run(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    return folder


def git(root: Path) -> Git:
    return Git(root, {"PATH": os.environ["PATH"], "HOME": str(root.parent), "LANG": "de_DE.UTF-8", "LANGUAGE": "de"})


def first_commit(root: Path) -> None:
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "b.txt").write_text("same\ncontent\nhere\n")
    run(root, "add", "-A")
    run(root, "commit", "-qm", "first")


async def test_no_repository_is_told_as_such(tmp_path: Path) -> None:
    for read in (read_status, read_diff, read_log):
        with pytest.raises(CherryError) as caught:
            await read(git(tmp_path))
        assert caught.value.kind is tools.NO_REPOSITORY
    assert await list_files(git(tmp_path)) is None


async def test_no_git_at_all_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(CherryError) as caught:
        await read_status(Git(tmp_path, {"PATH": str(tmp_path)}))
    assert "no git" in caught.value.message


async def test_before_the_first_commit_everything_works(root: Path) -> None:
    (root / "new.txt").write_text("x\n")
    run(root, "add", "new.txt")
    status = await read_status(git(root))
    assert (status.branch, status.commit) == ("main", "")
    assert status.entries == (Entry("new.txt", "A", "."),)
    assert [file.path for file in (await read_diff(git(root))).view.files] == ["new.txt"]
    assert await read_log(git(root)) == ()
    assert await list_files(git(root)) == ("new.txt",)


async def test_status_tells_all_kinds_of_change(root: Path) -> None:
    first_commit(root)
    (root / "a.txt").write_text("changed\n")
    run(root, "mv", "b.txt", "moved.txt")
    (root / "staged.txt").write_text("s\n")
    run(root, "add", "staged.txt")
    (root / "un tracked").mkdir()
    (root / "un tracked" / "f").touch()
    status = await read_status(git(root))
    assert set(status.entries) == {
        Entry("a.txt", ".", "M"),
        Entry("moved.txt", "R", ".", "b.txt"),
        Entry("staged.txt", "A", "."),
        Entry("un tracked/", "?", "?"),
    }
    everything = await read_status(git(root), all_untracked=True)
    assert Entry("un tracked/f", "?", "?") in everything.entries


async def test_a_detached_head_and_a_merge_conflict_are_told(root: Path) -> None:
    first_commit(root)
    for branch, text in (("left", "left\n"), ("right", "right\n")):
        run(root, "checkout", "-qb", branch, "main")
        (root / "a.txt").write_text(text)
        run(root, "commit", "-qam", branch)
    run(root, "checkout", "-q", "--detach", "left")
    assert (await read_status(git(root))).branch == ""
    with pytest.raises(subprocess.CalledProcessError):
        run(root, "merge", "right")
    status = await read_status(git(root))
    assert status.operation == "merge"
    assert [entry.conflicted for entry in status.entries] == [True]
    assert (await read_diff(git(root))).text


async def test_ahead_and_behind_are_counted(root: Path, tmp_path: Path) -> None:
    first_commit(root)
    clone = tmp_path / "clone"
    run(tmp_path, "clone", "-q", str(root), str(clone))
    (clone / "a.txt").write_text("x\n")
    run(clone, "commit", "-qam", "mine")
    status = await read_status(git(clone))
    assert (status.upstream, status.ahead, status.behind) == ("origin/main", 1, 0)


@pytest.mark.parametrize(
    "name", ["two\nlines", "tab\tin", 'quo"te', "ümlaut", " leading", "-dash", "arrow -> x", ":(top)x", "*"]
)
async def test_odd_names_come_back_as_they_are(root: Path, name: str) -> None:
    first_commit(root)
    (root / name).write_text("odd\n")
    run(root, "add", "-A")
    assert (await read_status(git(root))).entries == (Entry(name, "A", "."),)
    (file,) = (await read_diff(git(root), name)).view.files
    assert file.path == name
    assert file.unified == "@@ -0,0 +1 @@\n+odd\n"
    assert name in (await list_files(git(root)) or ())


async def test_a_name_that_is_not_utf8_comes_back_and_can_be_written_down(root: Path) -> None:
    first_commit(root)
    os.close(os.open(os.fsencode(root) + b"/caf\xe9", os.O_CREAT))
    run(root, "add", "-A")
    (entry,) = (await read_status(git(root))).entries
    assert os.fsencode(entry.path) == b"caf\xe9"
    diff = await read_diff(git(root))
    assert diff.view.files[0].path == "caf\\xe9"
    diff.view.model_dump_json()


async def test_a_diff_has_one_entry_per_file(root: Path) -> None:
    (root / "typed").write_text("was a file\n")
    (root / "gone").write_text("x\n")
    (root / "bin").write_bytes(b"a\0b")
    first_commit(root)
    (root / "a.txt").write_text("one\nTWO\n--- three\n+++ four\ndiff --git a/x b/x\n")
    (root / "typed").unlink()
    (root / "typed").symlink_to("a.txt")
    (root / "gone").unlink()
    (root / "bin").write_bytes(b"a\0c")
    run(root, "mv", "b.txt", "c.txt")
    view = (await read_diff(git(root))).view
    changes = {file.path: file for file in view.files}
    assert {path: file.change for path, file in changes.items()} == {
        "a.txt": "modified", "bin": "modified", "c.txt": "renamed", "gone": "deleted", "typed": "modified",
    }  # fmt: skip
    assert changes["a.txt"].unified.startswith("@@ -1,2 +1,5 @@\n one\n-two\n+TWO\n")
    assert (changes["a.txt"].added, changes["a.txt"].removed) == (4, 1)
    assert changes["c.txt"].old_path == "b.txt"
    assert changes["bin"].unified == ""
    assert changes["gone"].unified.endswith("-x\n")


async def test_only_what_is_staged_can_be_asked_for(root: Path) -> None:
    first_commit(root)
    (root / "a.txt").write_text("staged\n")
    run(root, "add", "a.txt")
    (root / "a.txt").write_text("not staged\n")
    assert "+staged" in (await read_diff(git(root), staged=True)).text
    assert "+not staged" in (await read_diff(git(root))).text


async def test_a_workspace_below_the_root_sees_itself_only(root: Path) -> None:
    first_commit(root)
    below = root / "sub"
    below.mkdir()
    (below / "inner.txt").write_text("x\n")
    (root / "a.txt").write_text("changed\n")
    run(root, "add", "-A")
    assert (await read_status(git(below))).entries == (Entry("inner.txt", "A", "."),)
    assert [file.path for file in (await read_diff(git(below))).view.files] == ["inner.txt"]
    assert await list_files(git(below)) == ("inner.txt",)


async def test_the_log_is_newest_first_and_takes_odd_messages(root: Path) -> None:
    first_commit(root)
    (root / "a.txt").write_text("x\n")
    run(root, "commit", "-qam", "second: ünï | \x1b[31mred\n\nbody\nmore")
    newest, oldest = await read_log(git(root))
    assert newest.subject == "second: ünï | \x1b[31mred"
    assert newest.body.strip() == "body\nmore"
    assert oldest.subject == "first"
    assert newest.author == "Test"
    assert len(await read_log(git(root), limit=1)) == 1
    assert [item.subject for item in await read_log(git(root), "b.txt")] == ["first"]


async def test_reading_takes_no_lock_and_writes_nothing(root: Path) -> None:
    first_commit(root)
    (root / ".git/index.lock").touch()
    before = (root / ".git/index").stat().st_mtime_ns
    os.utime(root / "a.txt")
    assert (await read_status(git(root))).clean
    await read_diff(git(root))
    assert (root / ".git/index").stat().st_mtime_ns == before


async def test_ignored_files_are_not_listed(root: Path) -> None:
    first_commit(root)
    (root / ".gitignore").write_text("*.log\nout/\n")
    (root / "x.log").touch()
    (root / "out").mkdir()
    (root / "out/y").touch()
    assert set(await list_files(git(root)) or ()) == {".gitignore", "a.txt", "b.txt"}
    assert await list_files(git(root), "out") is None


async def test_very_much_output_is_cut_not_held(root: Path) -> None:
    (root / "large.txt").write_text("line of text\n" * 2_000_000)
    run(root, "add", "-A")
    diff = await read_diff(git(root))
    assert diff.cut
    assert len(diff.text) <= 16 << 20


async def test_a_deadline_ends_git_by_name(root: Path, tmp_path: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nsleep 60\n")
    (slow / "git").chmod(0o755)
    started = time.monotonic()
    with pytest.raises(CherryError) as caught:
        await Git(root, {"PATH": f"{slow}:{os.environ['PATH']}"}).run("status", seconds=0.2)
    assert "git.status took longer than 0.2 s" in caught.value.message
    assert time.monotonic() - started < 10

"""Planning and committing change sets: many files change together, exactly as planned, and nothing else does."""

import os
import stat
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.edit import Delete, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.kernel.ids import content_hash
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def editor(root: Path, tmp_path: Path) -> Editor:
    return Editor(Jail(root), MemoryStore().blobs, tmp_path / "state")


async def test_edits_of_several_kinds_are_applied_together(editor: Editor, root: Path) -> None:
    (root / "a.py").write_bytes(b"one\ntwo\nthree\n")
    (root / "b.py").write_bytes(b"x = 1\n")
    (root / "c.txt").write_bytes(b"bye\n")
    plan = await editor.plan(
        [
            Replace(path="a.py", old="two", new="TWO"),
            SetMode(path="a.py", executable=True),
            Rename(path="b.py", to="deep/er/b2.py"),
            Delete(path="c.txt"),
            Write(path="new/n.txt", content="hello\n"),
        ]
    )
    assert (root / "a.py").read_bytes() == b"one\ntwo\nthree\n", "a plan writes nothing"

    changes = await editor.commit(plan, change_id="c_1")

    assert {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()} == {
        "a.py": b"one\nTWO\nthree\n",
        "deep/er/b2.py": b"x = 1\n",
        "new/n.txt": b"hello\n",
    }
    assert stat.S_IMODE((root / "a.py").stat().st_mode) & 0o111
    assert {(change.renamed_from, change.path) for change in changes} == {
        ("", "a.py"),
        ("b.py", "deep/er/b2.py"),
        ("", "c.txt"),
        ("", "new/n.txt"),
    }
    assert await editor.reconcile(plan.expects) == "applied"


async def test_later_edits_see_what_earlier_ones_left(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    plan = await editor.plan(
        [
            Replace(path="a.txt", old="one", new="two"),
            Rename(path="a.txt", to="b.txt"),
            Replace(path="b.txt", old="two", new="three"),
            Write(path="a.txt", content="fresh\n"),
        ]
    )
    await editor.commit(plan, change_id="c_1")
    assert (root / "b.txt").read_bytes() == b"three\n"
    assert (root / "a.txt").read_bytes() == b"fresh\n"


async def test_a_file_that_was_not_read_is_not_overwritten(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"mine\n")
    with pytest.raises(CherryError) as refused:
        await editor.plan([Write(path="a.txt", content="yours\n")])
    assert refused.value.kind is edits.STALE
    assert "not read" in refused.value.message


async def test_a_file_that_changed_since_it_was_read_is_not_overwritten(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"changed\n")
    with pytest.raises(CherryError) as refused:
        await editor.plan([Write(path="a.txt", content="yours\n")], known={"a.txt": content_hash(b"before\n")})
    assert refused.value.kind is edits.STALE


async def test_a_change_between_plan_and_commit_refuses_all_of_it(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "b.txt").write_bytes(b"one\n")
    plan = await editor.plan([Replace(path=path, old="one", new="two") for path in ("a.txt", "b.txt")])
    (root / "b.txt").write_bytes(b"one and a person's\n")
    with pytest.raises(CherryError) as refused:
        await editor.commit(plan, change_id="c_1")
    assert refused.value.kind is edits.STALE
    assert "+one and a person's" in refused.value.message
    assert (root / "a.txt").read_bytes() == b"one\n"
    assert (root / "b.txt").read_bytes() == b"one and a person's\n"
    assert await editor.reconcile(plan.expects) == "mixed"


async def test_git_internals_and_pipes_are_refused(editor: Editor, root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"[core]\n")
    os.mkfifo(root / "pipe")
    for path, kind in ((".git/config", tools.PROTECTED_PATH), ("pipe", tools.NOT_A_FILE)):
        with pytest.raises(CherryError) as refused:
            await editor.plan([Write(path=path, content="x")])
        assert refused.value.kind is kind

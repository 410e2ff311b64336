"""Undo and redo by content: what somebody changed since is kept or refused, never lost."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, edits
from cherry.domain.events import FileChange
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.kernel.ids import content_hash
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore
from cherry.testing.disk import FaultyFilesystem

Changes = tuple[FileChange, ...]

TEN = "".join(f"line {number}\n" for number in range(1, 11))


class Bench:
    """A workspace and what was done to it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.root.mkdir()
        self.store = MemoryStore().blobs
        self.editor = Editor(Jail(self.root), self.store, folder / "state")
        self.count = 0

    async def do(self, *wanted: Edit) -> Changes:
        self.count += 1
        known = {path: content_hash(data) for path, data in self.files().items()}
        return await self.editor.commit(await self.editor.plan(wanted, known=known), change_id=f"c_{self.count}")

    async def undo(self, *changes: Changes, redo: bool = False) -> Changes:
        self.count += 1
        return await self.editor.revert(await self.editor.plan_revert(changes, redo=redo), change_id=f"c_{self.count}")

    async def conflicts(self, *changes: Changes, redo: bool = False) -> Sequence[str]:
        """Of an undo, which is then tried and must touch nothing."""
        revert = await self.editor.plan_revert(changes, redo=redo)
        if revert.conflicts:
            before = self.files()
            with pytest.raises(CherryError) as refused:
                await self.editor.revert(revert, change_id="c_refused")
            assert refused.value.kind is edits.UNDO_CONFLICT
            assert self.files() == before
        return revert.conflicts

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*") if path.is_file()
        }

    def folders(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_dir())

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_everything_a_change_set_did_is_undone_and_redone(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    bench.write("b.txt", "b\n")
    bench.write("gone.txt", "gone\n")
    (bench.root / "b.txt").chmod(0o600)
    old = bench.files()
    changes = await bench.do(
        Replace(path="a.txt", old="line 3", new="LINE 3"),
        Rename(path="b.txt", to="x/y/b.txt"),
        SetMode(path="x/y/b.txt", executable=True),
        Delete(path="gone.txt"),
        Write(path="z/new.txt", content="new\n"),
    )
    new = bench.files()
    for _ in range(2):
        await bench.undo(changes)
        assert bench.files() == old
        assert bench.folders() == []
        assert (bench.root / "b.txt").stat().st_mode & 0o777 == 0o600
        await bench.undo(changes, redo=True)
        assert bench.files() == new
        assert bench.folders() == ["x", "x/y", "z"]
        assert (bench.root / "x/y/b.txt").stat().st_mode & 0o777 == 0o700


async def test_several_change_sets_are_undone_at_once(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    old = bench.files()
    first = await bench.do(Replace(path="a.txt", old="line 1\n", new="one\n"), Write(path="n/b.txt", content="b\n"))
    second = await bench.do(Rename(path="a.txt", to="n/a.txt"), Replace(path="n/b.txt", old="b", new="c"))
    third = await bench.do(Replace(path="n/a.txt", old="line 9\n", new=""), Delete(path="n/b.txt"))
    new = bench.files()
    await bench.undo(first, second, third)
    assert bench.files() == old
    assert bench.folders() == []
    await bench.undo(first, second, third, redo=True)
    assert bench.files() == new


async def test_only_the_last_change_set_is_undone(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    await bench.do(Replace(path="a.txt", old="line 1\n", new="one\n"))
    between = bench.files()
    second = await bench.do(Replace(path="a.txt", old="line 1", new="LINE 1"))
    await bench.undo(second)
    assert bench.files() == between


async def test_an_earlier_change_set_alone_is_undone_where_the_later_one_touched_other_lines(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    first = await bench.do(Replace(path="a.txt", old="line 2\n", new="two\n"))
    await bench.do(Replace(path="a.txt", old="line 8\n", new="eight\n"))
    await bench.undo(first)
    assert bench.files()["a.txt"].decode() == TEN.replace("line 8", "eight")


async def test_what_a_person_changed_elsewhere_in_the_file_is_kept(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    changes = await bench.do(Replace(path="a.txt", old="line 2\n", new="two\nand a half\n"))
    bench.write("a.txt", (bench.root / "a.txt").read_text().replace("line 9", "a person's line 9"))
    revert = await bench.editor.plan_revert([changes])
    assert any("kept" in note for note in revert.notes)
    await bench.undo(changes)
    assert bench.files()["a.txt"].decode() == TEN.replace("line 9", "a person's line 9")
    await bench.undo(changes, redo=True)
    assert "two\nand a half\n" in bench.files()["a.txt"].decode()
    assert "a person's line 9" in bench.files()["a.txt"].decode()


async def test_a_persons_change_between_two_of_cherrys_is_kept(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    first = await bench.do(Replace(path="a.txt", old="line 2\n", new="two\n"))
    bench.write("a.txt", (bench.root / "a.txt").read_text().replace("line 5\n", "a person's 5\n"))
    second = await bench.do(Replace(path="a.txt", old="line 9\n", new="nine\n"))
    await bench.undo(first, second)
    assert bench.files()["a.txt"].decode() == TEN.replace("line 5", "a person's 5")


async def test_a_persons_change_of_the_same_lines_is_a_conflict(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    bench.write("b.txt", "b\n")
    changes = await bench.do(Replace(path="a.txt", old="line 2", new="two"), Replace(path="b.txt", old="b", new="c"))
    bench.write("a.txt", (bench.root / "a.txt").read_text().replace("two", "a person's two"))
    conflicts = await bench.conflicts(changes)
    assert len(conflicts) == 1
    assert "a.txt" in conflicts[0]
    assert bench.files()["b.txt"] == b"c\n", "nothing is undone when one file is in conflict"


async def test_a_created_file_that_was_changed_since_is_not_removed(bench: Bench) -> None:
    changes = await bench.do(Write(path="n/a.txt", content="a\n"))
    bench.write("n/a.txt", "a\nand more\n")
    assert await bench.conflicts(changes)


async def test_a_deleted_file_that_exists_again_is_not_overwritten(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    changes = await bench.do(Delete(path="a.txt"))
    bench.write("a.txt", "a person's\n")
    assert await bench.conflicts(changes)


async def test_a_renamed_file_whose_old_name_is_taken_again_is_a_conflict(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    changes = await bench.do(Rename(path="a.txt", to="b.txt"))
    bench.write("a.txt", "a person's\n")
    assert await bench.conflicts(changes)


async def test_a_file_somebody_deleted_since_is_a_conflict_unless_that_is_where_undo_leads(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    modified = await bench.do(Replace(path="a.txt", old="a", new="b"))
    created = await bench.do(Write(path="n.txt", content="n\n"))
    (bench.root / "a.txt").unlink()
    (bench.root / "n.txt").unlink()
    assert await bench.conflicts(modified)
    assert await bench.conflicts(created) == ()


async def test_a_file_somebody_put_back_already_is_no_conflict(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    bench.write("b.txt", "b\n")
    changes = await bench.do(Replace(path="a.txt", old="a", new="A"), Replace(path="b.txt", old="b", new="B"))
    bench.write("a.txt", "a\n")
    await bench.undo(changes)
    assert bench.files() == {"a.txt": b"a\n", "b.txt": b"b\n"}


async def test_permissions_somebody_changed_since_are_kept(bench: Bench) -> None:
    bench.write("a.sh", "a\n")
    (bench.root / "a.sh").chmod(0o644)
    changes = await bench.do(Replace(path="a.sh", old="a", new="b"), SetMode(path="a.sh", executable=True))
    (bench.root / "a.sh").chmod(0o700)
    await bench.undo(changes)
    assert bench.files() == {"a.sh": b"a\n"}
    assert (bench.root / "a.sh").stat().st_mode & 0o777 == 0o700


async def test_a_folder_made_for_a_file_stays_when_somebody_uses_it(bench: Bench) -> None:
    changes = await bench.do(Write(path="n/m/a.txt", content="a\n"))
    bench.write("n/person.txt", "p\n")
    await bench.undo(changes)
    assert bench.files() == {"n/person.txt": b"p\n"}
    assert bench.folders() == ["n"]


async def test_a_folder_that_was_there_before_stays(bench: Bench) -> None:
    (bench.root / "n").mkdir()
    changes = await bench.do(Write(path="n/a.txt", content="a\n"))
    await bench.undo(changes)
    assert bench.folders() == ["n"]


async def test_a_deleted_link_comes_back_as_a_link(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    (bench.root / "link").symlink_to("a.txt")
    changes = await bench.do(Delete(path="link"))
    await bench.undo(changes)
    assert (bench.root / "link").readlink() == Path("a.txt")
    assert bench.files()["a.txt"] == b"a\n"


async def test_a_content_no_longer_kept_is_a_conflict(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write("a.txt", "a\n")
    changes = await bench.do(Replace(path="a.txt", old="a", new="b"))
    bench.editor = Editor(Jail(bench.root), MemoryStore().blobs, tmp_path / "state")
    conflicts = await bench.conflicts(changes)
    assert "no longer kept" in conflicts[0]


async def test_the_diff_is_the_net_effect_of_all_change_sets(bench: Bench) -> None:
    bench.write("a.txt", TEN)
    first = await bench.do(Replace(path="a.txt", old="line 2\n", new="two\n"), Write(path="n.txt", content="n\n"))
    second = await bench.do(Replace(path="a.txt", old="two\n", new="line 2\n"), Rename(path="n.txt", to="m.txt"))
    third = await bench.do(Replace(path="m.txt", old="n", new="m"))
    view = await bench.editor.diff([first, second, third])
    assert [(file.path, file.change, file.unified) for file in view.files] == [
        ("m.txt", "created", "@@ -0,0 +1 @@\n+m\n")
    ]


async def test_a_file_that_became_a_folder_is_a_conflict(bench: Bench) -> None:
    bench.write("a.txt", "a\n")
    changes = await bench.do(Replace(path="a.txt", old="a", new="b"))
    (bench.root / "a.txt").unlink()
    (bench.root / "a.txt").mkdir()
    conflicts = await bench.conflicts(changes)
    assert "folder" in conflicts[0]


async def test_a_folder_that_became_a_link_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    (bench.root / "sub").mkdir()
    bench.write("sub/a.txt", "a\n")
    changes = await bench.do(Replace(path="sub/a.txt", old="a", new="b"))
    (bench.root / "sub").rename(tmp_path / "outside")
    (bench.root / "sub").symlink_to(tmp_path / "outside")
    assert await bench.conflicts(changes)
    assert (tmp_path / "outside/a.txt").read_text() == "b\n"


@pytest.mark.parametrize("path", ["../outside.txt", ".git/hooks/pre-commit", "/etc/hostname"])
async def test_a_forged_record_reaches_nothing_it_may_not(bench: Bench, path: str) -> None:
    forged = FileChange(path=path, before=await bench.store.put(b"evil"), after="")
    assert await bench.conflicts((forged,))
    assert bench.files() == {}
    assert not (bench.root.parent / "outside.txt").exists()


async def test_a_new_file_of_secrets_can_be_taken_back(bench: Bench) -> None:
    changes = await bench.do(Write(path=".env", content="KEY=1\n"))
    await bench.undo(changes)
    assert bench.files() == {}
    changes = await bench.do(Write(path=".env", content="KEY=1\n"))
    bench.write(".env", "KEY=mine\n")
    assert await bench.conflicts(changes)


async def test_nothing_of_git_is_touched(bench: Bench) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        command = ["git", *identity, *arguments]
        return subprocess.run(
            command, cwd=bench.root, check=True, capture_output=True, text=True, env=environment
        ).stdout

    git("init", "-q")
    bench.write("a.txt", TEN)
    bench.write("staged.txt", "one\n")
    git("add", ".")
    git("commit", "-qm", "first")
    bench.write("staged.txt", "two\n")
    git("add", "staged.txt")
    bench.write("staged.txt", "three\n")
    bench.write("untracked.txt", "u\n")
    before = {path: path.read_bytes() for path in (bench.root / ".git").rglob("*") if path.is_file()}
    status = git("status", "--porcelain")
    changes = await bench.do(Replace(path="a.txt", old="line 2", new="two"), Write(path="n/new.txt", content="n\n"))
    await bench.undo(changes)
    assert {path: path.read_bytes() for path in (bench.root / ".git").rglob("*") if path.is_file()} == before
    assert git("status", "--porcelain") == status


async def test_undo_makes_the_same_system_calls_however_large_the_repository_is(tmp_path: Path) -> None:
    calls = []
    for size in (0, 300):
        folder = tmp_path / str(size)
        folder.mkdir()
        bench = Bench(folder)
        for number in range(size):
            bench.write(f"other{number}.txt", "other\n")
        bench.write("a.txt", TEN)
        changes = await bench.do(Replace(path="a.txt", old="line 5", new="five"), Write(path="n/b.txt", content="b\n"))
        counting = FaultyFilesystem()
        bench.editor = Editor(Jail(bench.root), bench.store, folder / "state", filesystem=counting)
        await bench.undo(changes)
        calls.append(counting.calls)
    assert calls[0] == calls[1]
    assert len(calls[0]) < 120

"""Locks, cancellation, recovery and undo when something interferes, and names that are hard to handle."""

import asyncio
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.edits.filesystem import Filesystem
from cherry.edits.planning.plan import changes_expected
from cherry.kernel.ids import content_hash
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore
from cherry.testing.disk import FaultyFilesystem, Killed


class Bench:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.state = folder / "state"
        self.root.mkdir()
        self.store = MemoryStore().blobs
        for name in ("a.txt", "b.txt", "c.txt"):
            (self.root / name).write_bytes(b"one\n")

    def editor(self, filesystem: Filesystem | None = None, *, lock_seconds: float = 10.0) -> Editor:
        return Editor(Jail(self.root), self.store, self.state, filesystem=filesystem, lock_seconds=lock_seconds)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*") if path.is_file()
        }


ALL_THREE: Sequence[Edit] = [Replace(path=name, old="one", new="two") for name in ("a.txt", "b.txt", "c.txt")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class Cancel:
    """Cancels a task from another thread."""

    task: asyncio.Task[object]

    def now(self) -> None:
        self.task.get_loop().call_soon_threadsafe(self.task.cancel)


async def killed(bench: Bench, wanted: Sequence[Edit], call: str, nth: int) -> None:
    """Commit and die just before the nth call of this kind."""
    plan = await bench.editor().plan(wanted)
    with pytest.raises(Killed):
        await bench.editor(FaultyFilesystem([nth], only=[call])).commit(plan, change_id="c")


async def test_another_cherry_that_writes_is_waited_for_until_the_deadline(bench: Bench) -> None:
    plan = await bench.editor().plan(ALL_THREE)
    bench.state.mkdir()
    with (bench.state / "changes.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CherryError) as refused:
            await bench.editor(lock_seconds=0.05).commit(plan, change_id="c")
        assert refused.value.kind is edits.LOCKED
        assert "edits.lock" in refused.value.message
        waiting = asyncio.create_task(bench.editor().commit(plan, change_id="c"))
        await asyncio.sleep(0)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert len(await waiting) == 3


async def test_a_cancelled_commit_is_complete_or_taken_back_when_it_returns(tmp_path: Path) -> None:
    for number in range(1, 40, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder)
        old = bench.files()
        plan = await bench.editor().plan(ALL_THREE)
        cancel = Cancel()
        cancelling = FaultyFilesystem([number], meanwhile=cancel.now)
        cancel.task = asyncio.ensure_future(bench.editor(cancelling).commit(plan, change_id="c"))
        await asyncio.wait([cancel.task])
        assert bench.files() in (old, dict.fromkeys(old, b"two\n"))
        assert list(bench.state.glob("journal*")) == []


async def test_recovery_leaves_alone_what_somebody_changed_since_the_kill(bench: Bench) -> None:
    await killed(bench, ALL_THREE, "exchange", 3)
    assert (bench.root / "a.txt").read_bytes() == b"two\n"
    (bench.root / "a.txt").write_bytes(b"a person's\n")
    told = await bench.editor().recover()
    assert bench.files() == {"a.txt": b"a person's\n", "b.txt": b"one\n", "c.txt": b"one\n"}
    assert "taken back" in told[0]
    assert "a.txt" in told[1]


async def test_the_next_commit_recovers_first_and_recover_tells_it(bench: Bench) -> None:
    await killed(bench, ALL_THREE, "exchange", 2)
    editor = bench.editor()
    plan = await editor.plan([Write(path="new.txt", content="n\n")])
    await editor.commit(plan, change_id="c_2")
    assert bench.files() == {"a.txt": b"one\n", "b.txt": b"one\n", "c.txt": b"one\n", "new.txt": b"n\n"}
    told = await editor.recover()
    assert len(told) == 1
    assert "taken back" in told[0]
    assert await editor.recover() == ()


async def test_a_change_set_killed_while_cleaning_up_is_finished(bench: Bench) -> None:
    await killed(bench, ALL_THREE, "unlink", 2)
    told = await bench.editor().recover()
    assert "finished" in told[0]
    assert bench.files() == dict.fromkeys(("a.txt", "b.txt", "c.txt"), b"two\n")


async def test_a_journal_that_cannot_be_read_is_moved_aside_and_said(bench: Bench) -> None:
    bench.state.mkdir()
    (bench.state / "journal.placing").write_bytes(b"{")
    told = await bench.editor().recover()
    assert "could not be read" in told[0]
    assert (bench.state / "journal.unreadable").exists()
    assert await bench.editor().recover() == ()


async def test_nothing_is_written_while_an_earlier_change_cannot_be_taken_back(bench: Bench) -> None:
    await killed(bench, ALL_THREE, "exchange", 2)
    plan = await bench.editor().plan([Write(path="new.txt", content="n\n")])
    stuck = FaultyFilesystem([1], error=errno.EIO, onwards=True, only=["rename", "unlink"])
    with pytest.raises(CherryError) as refused:
        await bench.editor(stuck).commit(plan, change_id="c_2")
    assert refused.value.kind is edits.UNWRITABLE
    assert not (bench.root / "new.txt").exists()
    await bench.editor().recover()
    assert set(bench.files().values()) == {b"one\n"}


async def test_an_undo_killed_at_any_call_leaves_all_undone_or_nothing(tmp_path: Path) -> None:
    number = 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder)
        old = bench.files()
        wanted = [*ALL_THREE[:2], Rename(path="c.txt", to="n/c.txt"), Write(path="n/d.txt", content="d\n")]
        changes = await bench.editor().commit(await bench.editor().plan(wanted), change_id="c")
        new = bench.files()
        revert = await bench.editor().plan_revert([changes])
        only = ["exchange", "rename", "rename_new", "unlink", "remove_folder", "sync", "create_file"]
        try:
            await bench.editor(FaultyFilesystem([number], only=only)).revert(revert, change_id="u")
        except Killed:
            await bench.editor().recover()
            assert bench.files() in (old, new)
            continue
        assert bench.files() == old
        assert not (bench.root / "n").exists()
        break
    assert number > 10


async def test_a_lost_record_is_made_up_from_what_was_expected(bench: Bench) -> None:
    wanted = [
        Replace(path="a.txt", old="one", new="two"),
        SetMode(path="b.txt", executable=True),
        Rename(path="c.txt", to="d.txt"),
    ]
    old = bench.files()
    plan = await bench.editor().plan(wanted)
    await bench.editor().commit(plan, change_id="c")
    assert await bench.editor().reconcile(plan.expects) == "applied"
    lost = changes_expected(plan.expects)
    await bench.editor().revert(await bench.editor().plan_revert([lost]), change_id="u")
    assert bench.files() == old
    assert not (bench.root / "b.txt").stat().st_mode & 0o111
    assert await bench.editor().reconcile(plan.expects) == "not_applied"


async def test_what_changed_since_it_was_read_is_shown_where_it_is_known(bench: Bench) -> None:
    seen = await bench.store.put(b"one\nold line\n")
    (bench.root / "a.txt").write_bytes(b"one\nnew line\n")
    with pytest.raises(CherryError) as refused:
        await bench.editor().plan([Write(path="a.txt", content="x\n")], known={"a.txt": seen})
    assert "-old line\n+new line" in refused.value.message


async def test_deleting_what_changed_since_it_was_read_is_refused(bench: Bench) -> None:
    with pytest.raises(CherryError) as refused:
        await bench.editor().plan([Delete(path="a.txt")], known={"a.txt": content_hash(b"other\n")})
    assert refused.value.kind is edits.STALE


async def test_a_name_with_a_line_feed_is_handled(bench: Bench) -> None:
    name = "odd\nname é.txt"
    plan = await bench.editor().plan([Write(path=name, content="x\n")])
    changes = await bench.editor().commit(plan, change_id="c")
    assert (bench.root / name).read_bytes() == b"x\n"
    await bench.editor().revert(await bench.editor().plan_revert([changes]), change_id="u")
    assert not (bench.root / name).exists()


async def test_a_name_that_is_not_utf_8_is_refused(bench: Bench) -> None:
    with pytest.raises(CherryError) as refused:
        await bench.editor().plan([Write(path=os.fsdecode(b"bad\xff.txt"), content="x\n")])
    assert refused.value.kind is tools.PROTECTED_PATH
    assert "UTF-8" in refused.value.message


async def test_a_path_too_long_for_the_disk_is_refused_with_nothing_left(bench: Bench) -> None:
    with pytest.raises(CherryError) as refused:
        await bench.editor().plan([Write(path="n/" + "x" * 300, content="x\n")])
    assert refused.value.kind is edits.UNWRITABLE
    plan = await bench.editor().plan([Write(path="n/m/new.txt", content="x\n")])
    too_long = FaultyFilesystem([1], error=errno.ENAMETOOLONG, only=["rename_new"])
    with pytest.raises(CherryError) as refused:
        await bench.editor(too_long).commit(plan, change_id="c")
    assert refused.value.kind is edits.UNWRITABLE
    assert not (bench.root / "n").exists()


async def test_a_write_through_a_link_to_nowhere_makes_its_target(bench: Bench) -> None:
    (bench.root / "link").symlink_to("sub/made.txt")
    await bench.editor().commit(await bench.editor().plan([Write(path="link", content="x\n")]), change_id="c")
    assert (bench.root / "link").is_symlink()
    assert (bench.root / "sub/made.txt").read_bytes() == b"x\n"


class CaseBlindFilesystem(Filesystem):
    """Tells no cases apart, as the usual file systems of macOS and Windows."""

    def _kept(self, folder: int, name: str) -> str:
        same = [known for known in os.listdir(folder) if known.casefold() == name.casefold()]
        return same[0] if same else name

    def stat(self, folder: int, name: str) -> os.stat_result:
        return super().stat(folder, self._kept(folder, name))

    def open_file(self, folder: int, name: str) -> int:
        return super().open_file(folder, self._kept(folder, name))

    def rename(self, folder: int, old: str, to_folder: int, new: str) -> None:
        super().rename(folder, self._kept(folder, old), to_folder, new)

    def rename_new(self, folder: int, old: str, to_folder: int, new: str) -> None:
        if self._kept(to_folder, new) != new:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
        super().rename_new(folder, self._kept(folder, old), to_folder, new)


async def test_the_case_of_a_name_changes_where_cases_are_not_told_apart(bench: Bench) -> None:
    editor = bench.editor(CaseBlindFilesystem())
    plan = await editor.plan([Rename(path="a.txt", to="A.txt"), Replace(path="A.txt", old="one", new="two")])
    changes = await editor.commit(plan, change_id="c")
    assert bench.files() == {"A.txt": b"two\n", "b.txt": b"one\n", "c.txt": b"one\n"}
    await editor.revert(await editor.plan_revert([changes]), change_id="u")
    assert bench.files() == {"a.txt": b"one\n", "b.txt": b"one\n", "c.txt": b"one\n"}

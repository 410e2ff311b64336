"""A change set under every fault: at each system call the disk fails or the process dies, and afterwards all is old or all is new."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.edits.filesystem import Filesystem
from cherry.edits.planning.plan import Plan
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore
from cherry.testing.disk import FaultyFilesystem, Killed, PlainFilesystem

Tree = dict[str, tuple[str, bytes]]

EDITS: Sequence[Edit] = (
    Replace(path="src/a.py", old="two", new="TWO\nand more"),
    SetMode(path="src/run.sh", executable=True),
    Rename(path="src/b.py", to="pkg/sub/b.py"),
    Replace(path="pkg/sub/b.py", old="x = 1", new="x = 2"),
    Rename(path="plain.txt", to="moved.txt"),
    Delete(path="gone.txt"),
    Delete(path="link"),
    Write(path="made/here/n.txt", content="new\n"),
)


class FaultyPlainFilesystem(FaultyFilesystem, PlainFilesystem):
    """One that fails and can do only what every file system can."""


class Place:
    """A workspace with some files, made anew for each fault."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.state = folder / "state"
        self.store = MemoryStore().blobs
        (self.root / "src").mkdir(parents=True)
        (self.root / "src/a.py").write_bytes(b"one\ntwo\nthree\n")
        (self.root / "src/b.py").write_bytes(b"x = 1\n")
        (self.root / "src/run.sh").write_bytes(b"#!/bin/sh\n")
        (self.root / "src/run.sh").chmod(0o640)
        (self.root / "plain.txt").write_bytes(b"plain\r\n")
        (self.root / "gone.txt").write_bytes(b"\xffbytes\n")
        (self.root / "link").symlink_to("src/a.py")
        self.old = self.tree()

    def editor(self, filesystem: Filesystem | None = None) -> Editor:
        return Editor(Jail(self.root), self.store, self.state, filesystem=filesystem)

    def tree(self, *, without_leftovers: bool = False) -> Tree:
        paths = [path for path in sorted(self.root.rglob("*")) if not (without_leftovers and ".cherry-" in path.name)]
        return {path.relative_to(self.root).as_posix(): _look(path) for path in paths}

    def leftovers(self) -> list[str]:
        beside = [path.name for path in self.root.rglob(".cherry-*")]
        return beside + [path.name for path in self.state.glob("journal*")] if self.state.exists() else beside


def _look(path: Path) -> tuple[str, bytes]:
    if path.is_symlink():
        return "link", os.fsencode(path.readlink())
    mode = path.stat().st_mode
    return (oct(mode), path.read_bytes()) if stat.S_ISREG(mode) else ("folder", b"")


async def _reference(folder: Path, make: Callable[[], FaultyFilesystem]) -> tuple[Tree, list[str]]:
    """What the change set leaves when nothing fails, and the system calls it makes."""
    place = Place(folder)
    counting = make()
    plan = await place.editor().plan(EDITS)
    await place.editor(counting).commit(plan, change_id="c")
    assert place.leftovers() == []
    return place.tree(), counting.calls


async def _refusal(editor: Editor, plan: Plan) -> CherryError | None:
    try:
        await editor.commit(plan, change_id="c")
    except CherryError as error:
        return error
    return None


WRITING = (
    *(
        "create_file",
        "create_link",
        "write",
        "truncate",
        "set_mode",
        "set_owner",
        "set_attribute",
        "sync",
        "exchange",
        "rename",
    ),
    *("rename_new", "link", "unlink", "make_folder", "remove_folder"),
)
"""Calls that change something. After any other one a kill is a kill before the next."""


KINDS = {"usual": FaultyFilesystem, "plain": FaultyPlainFilesystem}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_kill_at_any_system_call_leaves_old_or_new_after_recovery(
    tmp_path: Path, kind: str, after: bool
) -> None:
    only = WRITING if after or kind == "plain" else ()

    def make(at: Sequence[int] = ()) -> FaultyFilesystem:
        return KINDS[kind](at, after=after, only=only)

    new, calls = await _reference(tmp_path / "reference", make)
    outcomes = set()
    for number in range(1, len(calls) + 1):
        place = Place(tmp_path / str(number))
        plan = await place.editor().plan(EDITS)
        with pytest.raises(Killed):
            await place.editor(make([number])).commit(plan, change_id="c")
        await place.editor().recover()
        tree = place.tree()
        assert tree in (place.old, new), f"neither old nor new after a kill at call {number} ({calls[number - 1]})"
        assert place.leftovers() == [], f"left over after a kill at call {number} ({calls[number - 1]})"
        assert await place.editor().reconcile(plan.expects) == ("applied" if tree == new else "not_applied")
        assert await place.editor().recover() == (), "recovered twice"
        outcomes.add(tree == new)
    assert outcomes == {False, True}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("code", "only"), [(errno.EIO, ()), (errno.ENOSPC, WRITING), (errno.EACCES, WRITING)])
async def test_a_failing_system_call_leaves_everything_as_it_was(
    tmp_path: Path, kind: str, code: int, only: tuple[str, ...]
) -> None:
    make = KINDS[kind]
    new, calls = await _reference(tmp_path / "reference", lambda: make(only=only))
    for number in range(1, len(calls) + 1):
        place = Place(tmp_path / str(number))
        plan = await place.editor().plan(EDITS)
        at = f"call {number} ({calls[number - 1]})"
        error = await _refusal(place.editor(make([number], error=code, only=only)), plan)
        if error is not None:
            assert place.tree() == place.old, f"not as it was after a failure at {at}: {error}"
            assert error.kind in (edits.NO_SPACE, edits.UNWRITABLE, tools.UNREADABLE), at
        else:
            assert place.tree(without_leftovers=True) == new, f"said to be done, but is not, after a failure at {at}"
        await place.editor().recover()
        assert place.leftovers() == [], f"left over after a failure at {at}"
        assert place.tree() in (place.old, new)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_disk_that_goes_on_failing_is_put_right_at_the_next_start(tmp_path: Path, kind: str) -> None:
    make = KINDS[kind]
    new, calls = await _reference(tmp_path / "reference", lambda: make(only=WRITING))
    for number in range(1, len(calls) + 1):
        place = Place(tmp_path / str(number))
        plan = await place.editor().plan(EDITS)
        error = await _refusal(place.editor(make([number], error=errno.EIO, onwards=True, only=WRITING)), plan)
        assert error is None or error.kind in (edits.UNWRITABLE, tools.UNREADABLE)
        await place.editor().recover()
        assert place.tree() == (place.old if error else new), (
            f"after a disk that fails from call {number} ({calls[number - 1]}) on"
        )
        assert place.leftovers() == []

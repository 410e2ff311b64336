"""A change set under every fault: at each system call the disk fails or the process dies, and afterwards all is old or all is new."""

import asyncio
import errno
import json
import os
import signal
import stat
import subprocess
import sys
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
    only = WRITING if kind == "plain" else only
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


def test_a_real_kill_at_any_system_call_leaves_old_or_new_after_recovery(tmp_path: Path) -> None:
    new, calls = asyncio.run(_reference(tmp_path / "reference", lambda: FaultyFilesystem(only=WRITING)))
    places = [Place(tmp_path / str(number)) for number in range(1, len(calls) + 1)]
    request = {
        "edits": [edit.model_dump() for edit in EDITS],
        "folders": [str(place.root.parent) for place in places],
        "calls": list(range(1, len(calls) + 1)),
        "only": WRITING,
    }
    ends = json.loads(_child("changeset_child.py", given=json.dumps(request)))
    assert ends == [-signal.SIGKILL] * len(calls)
    told = 0
    for number, place in enumerate(places, 1):
        told += bool(asyncio.run(place.editor().recover()))
        assert place.tree() in (place.old, new), (
            f"neither old nor new after a kill at call {number} ({calls[number - 1]})"
        )
        assert place.leftovers() == []
    assert told, "at least some kills left something to recover, which was said"


def test_two_processes_editing_one_file_at_once_never_lose_an_edit(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/shared.txt").write_text("THE END\n")
    names, lines = ("anna", "bert"), 12
    script = Path(__file__).with_name("changeset_neighbour.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), name, str(lines)], stderr=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
    found = (tmp_path / "workspace/shared.txt").read_text().splitlines()
    assert found.pop() == "THE END"
    assert sorted(found) == sorted(f"{name} {number}" for name in names for number in range(lines))
    for name in names:
        assert [line for line in found if line.startswith(name)] == [f"{name} {number}" for number in range(lines)]
        assert len(list((tmp_path / "workspace" / name).iterdir())) == lines


def _save_in_place(path: Path) -> None:
    path.write_bytes(b"a person's\n")


def _save_by_renaming(path: Path) -> None:
    beside = path.with_name("editor.tmp")
    beside.write_bytes(b"a person's\n")
    beside.replace(path)


@pytest.mark.parametrize("save", [_save_in_place, _save_by_renaming])
async def test_what_a_person_saves_at_any_moment_of_a_commit_is_never_lost(
    tmp_path: Path, save: Callable[[Path], None]
) -> None:
    _, calls = await _reference(tmp_path / "reference", FaultyFilesystem)
    refused = 0
    for number in range(1, len(calls) + 1):
        place = Place(tmp_path / str(number))
        plan = await place.editor().plan(EDITS)
        saved = place.root / "src/a.py"
        person = FaultyFilesystem([number], meanwhile=lambda saved=saved: save(saved))  # type: ignore[misc]
        error = await _refusal(place.editor(person), plan)
        assert saved.read_bytes() == b"a person's\n", f"lost before call {number} ({calls[number - 1]})"
        assert place.leftovers() == []
        if error is not None:
            assert error.kind is edits.STALE
            assert {**place.tree(), "src/a.py": place.old["src/a.py"]} == place.old
            refused += 1
    assert 0 < refused < len(calls)


def _child(script: str, *, given: str) -> str:
    path = Path(__file__).with_name(script)
    done = subprocess.run(
        [sys.executable, str(path)], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

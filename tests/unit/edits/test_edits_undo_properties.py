"""For random files and random edits: undo gives the same bytes, redo gives them again, and nothing outside an edit changes."""

import asyncio
import itertools
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError
from cherry.domain.events import FileChange
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.edits.undoing.merge import merged
from cherry.kernel.ids import content_hash
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore
from cherry.testing.disk import FaultyFilesystem, Killed

NAMES = ("a.txt", "b.py", "d/c.txt", "d/e/f.txt")
LINES = st.lists(st.text("abé_ \t", max_size=5), min_size=0, max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])
MODES = st.sampled_from([0o644, 0o600, 0o755, 0o664])
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_counter = itertools.count()


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Texts in several encodings and with mixed line ends, and bytes that are no text."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=40))
    text = "".join(line + draw(ENDS) for line in draw(LINES)) + draw(st.sampled_from(["", "end"]))
    return text.encode(draw(ENCODINGS), "replace")


@st.composite
def wanted(draw: st.DrawFn) -> Edit:
    path = draw(st.sampled_from(NAMES))
    kind = draw(st.integers(0, 7))
    if kind <= 2:
        old = draw(st.text("abé_ \n", min_size=0, max_size=4))
        return Replace(path=path, old=old, new=draw(st.text("abxy\n", max_size=5)), all=draw(st.booleans()))
    if kind <= 4:
        return Write(path=path, content="".join(line + "\n" for line in draw(LINES)))
    if kind == 5:
        return Delete(path=path)
    if kind == 6:
        return Rename(path=path, to=draw(st.sampled_from([*NAMES, "n/new.txt"])))
    return SetMode(path=path, executable=draw(st.booleans()))


FILES = st.dictionaries(st.sampled_from(NAMES), st.tuples(contents(), MODES), min_size=1)
TURNS = st.lists(st.lists(wanted(), min_size=1, max_size=4), min_size=1, max_size=3)
Tree = dict[str, tuple[int, bytes]]


class Bench:
    def __init__(self, folder: Path, files: dict[str, tuple[bytes, int]]) -> None:
        self.folder = folder / str(next(_counter))
        self.root = self.folder / "workspace"
        self.root.mkdir(parents=True)
        for path, (data, mode) in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data)
            (self.root / path).chmod(mode)
        self.store = MemoryStore().blobs
        self.editor = self.editor_on(None)

    def editor_on(self, filesystem: FaultyFilesystem | None) -> Editor:
        return Editor(Jail(self.root), self.store, self.folder / "state", filesystem=filesystem)

    def tree(self) -> Tree:
        """Folders count too."""
        return {
            path.relative_to(self.root).as_posix(): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in self.root.rglob("*")
        }

    async def do(self, edits: list[Edit]) -> tuple[FileChange, ...] | None:
        """None when the edits were refused, which must have changed nothing."""
        before = self.tree()
        known = {path: content_hash(data) for path, (mode, data) in before.items() if stat.S_ISREG(mode)}
        try:
            return await self.editor.commit(await self.editor.plan(edits, known=known), change_id=f"c_{next(_counter)}")
        except CherryError:
            assert self.tree() == before
            return None


@given(files=FILES, turns=TURNS)
@RELAXED
def test_undo_gives_the_same_bytes_and_redo_gives_them_again(
    tmp_path: Path, files: dict[str, tuple[bytes, int]], turns: list[list[Edit]]
) -> None:
    async def scenario() -> None:
        bench = Bench(tmp_path, files)
        trees = [bench.tree()]
        done: list[tuple[FileChange, ...]] = []
        for edits in turns:
            changes = await bench.do(edits)
            if changes is not None:
                done.append(changes)
                trees.append(bench.tree())
        for upto in range(len(done)):  # take the last turns back, fewer and fewer of them
            some = done[upto:]
            await bench.editor.revert(await bench.editor.plan_revert(some), change_id="u")
            assert bench.tree() == trees[upto]
            await bench.editor.revert(await bench.editor.plan_revert(some, redo=True), change_id="r")
            assert bench.tree() == trees[-1]
        assert [path.name for path in bench.folder.rglob(".cherry-*")] == []

    asyncio.run(scenario())


@given(files=FILES, edits=st.lists(wanted(), min_size=1, max_size=4), number=st.integers(1, 250), after=st.booleans())
@RELAXED
def test_a_kill_anywhere_leaves_old_or_new_for_random_change_sets(
    tmp_path: Path, files: dict[str, tuple[bytes, int]], edits: list[Edit], number: int, after: bool
) -> None:
    async def scenario() -> None:
        reference, bench = Bench(tmp_path, files), Bench(tmp_path, files)
        if await reference.do(edits) is None:
            return
        known = {path: content_hash(data) for path, (data, _) in files.items()}
        plan = await bench.editor.plan(edits, known=known)
        old = bench.tree()
        try:
            await bench.editor_on(FaultyFilesystem([number], after=after)).commit(plan, change_id="c")
        except Killed:
            await bench.editor_on(None).recover()
            assert bench.tree() in (old, reference.tree())
        else:
            assert bench.tree() == reference.tree()
        assert [path.name for path in bench.folder.rglob(".cherry-*")] == []

    asyncio.run(scenario())


@given(before=LINES, after=LINES, end=st.sampled_from(["\n", "\r\n"]), encoding=ENCODINGS)
@RELAXED
def test_bytes_outside_an_edit_never_change(
    tmp_path: Path, before: list[str], after: list[str], end: str, encoding: str
) -> None:
    async def scenario() -> None:
        head = "".join(line + end for line in before).encode(encoding, "replace")
        bare = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
        tail = "".join(line + end for line in after).encode(bare, "replace")
        data = head + f"MARK{end}".encode(bare) + tail
        bench = Bench(tmp_path, {"f.txt": (data, 0o644)})
        assert await bench.do([Replace(path="f.txt", old="MARK", new="CHANGED")]) is not None
        assert (bench.root / "f.txt").read_bytes() == head + f"CHANGED{end}".encode(bare) + tail

    asyncio.run(scenario())


CHUNK = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n"]), min_size=1, max_size=5)


@given(parts=st.lists(CHUNK, min_size=3, max_size=3), ours=CHUNK, theirs=CHUNK)
def test_changes_of_lines_apart_are_both_kept_in_a_merge(
    parts: list[list[bytes]], ours: list[bytes], theirs: list[bytes]
) -> None:
    wall = [b"one\n", b"two\n", b"three\n"]  # lines that occur once keep the two sides apart
    base = b"".join([*parts[0], *wall, *parts[1], *(line.upper() for line in wall), *parts[2]])
    left = b"".join([*ours, *wall, *parts[1], *(line.upper() for line in wall), *parts[2]])
    right = b"".join([*parts[0], *wall, *parts[1], *(line.upper() for line in wall), *theirs])
    both = b"".join([*ours, *wall, *parts[1], *(line.upper() for line in wall), *theirs])
    assert merged(base, left, right) == both
    assert merged(base, right, left) == both


@given(base=contents(), other=contents())
def test_merging_with_an_unchanged_side_takes_the_other(base: bytes, other: bytes) -> None:
    assert merged(base, base, other) == other
    assert merged(base, other, base) == other
    assert merged(base, other, other) == other


@pytest.mark.parametrize("ours", [b"1\nX\n3\n", b"1\n3\n", b"1\n2x\n3\n"])
def test_changes_of_one_line_conflict_in_a_merge(ours: bytes) -> None:
    assert merged(b"1\n2\n3\n", ours, b"1\nY\n3\n") is None


def test_insertions_at_one_place_conflict_in_a_merge() -> None:
    assert merged(b"1\n2\n", b"1\na\n2\n", b"1\nb\n2\n") is None


def test_a_changed_line_next_to_a_changed_line_merges() -> None:
    assert merged(b"1\n2\n3\n4\n", b"1\nX\n3\n4\n", b"1\n2\nY\n4\n") == b"1\nX\nY\n4\n"


def test_binary_contents_do_not_merge() -> None:
    assert merged(b"\0a\n", b"\0b\n", b"\0c\n") is None

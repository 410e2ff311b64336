"""Files too large for memory: edited by streaming, taken back from a small record, refused where that is not safe."""

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Delete, Rename, Replace, Write
from cherry.edits.editor import Editor
from cherry.edits.files.contents import Held, Piece, Pieced, chunks, digest_of, spliced
from cherry.edits.planning.large import replace_in_large, whole
from cherry.kernel.ids import content_hash
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore

SMALL_LIMIT = 1000
"""Bytes above which files count as large here."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def editor(root: Path, tmp_path: Path) -> Editor:
    return Editor(Jail(root), MemoryStore().blobs, tmp_path / "state", whole_limit=SMALL_LIMIT)


def rows(count: int) -> bytes:
    return b"".join(b"row %d of many\r\n" % number for number in range(count))


async def test_a_large_file_is_edited_and_put_back_over_several_turns(editor: Editor, root: Path) -> None:
    before = rows(5000)
    (root / "big.log").write_bytes(before)
    turns = []
    for number, (old, new) in enumerate(
        [("row 10 of", "ten of"), ("row 4000 of many\nrow 4001", "none"), ("ten", "TEN!")]
    ):
        plan = await editor.plan([Replace(path="big.log", old=old, new=new)])
        turns.append(await editor.commit(plan, change_id=f"c_{number}"))
    after = before.replace(b"row 10 of", b"TEN! of").replace(b"row 4000 of many\r\nrow 4001", b"none")
    assert (root / "big.log").read_bytes() == after
    await editor.revert(await editor.plan_revert(turns), change_id="u_1")
    assert (root / "big.log").read_bytes() == before
    await editor.revert(await editor.plan_revert(turns, redo=True), change_id="u_2")
    assert (root / "big.log").read_bytes() == after


async def test_every_place_of_a_large_file_can_be_changed(editor: Editor, root: Path) -> None:
    before = rows(3000)
    (root / "big.log").write_bytes(before)
    changes = await editor.commit(
        await editor.plan([Replace(path="big.log", old="many", new="x", all=True)]), change_id="c"
    )
    assert (root / "big.log").read_bytes() == before.replace(b"many", b"x")
    await editor.revert(await editor.plan_revert([changes]), change_id="u")
    assert (root / "big.log").read_bytes() == before


async def test_in_a_large_file_the_text_must_be_there_exactly_once(editor: Editor, root: Path) -> None:
    (root / "big.log").write_bytes(rows(3000))
    for old, kind in (("row 7", edits.AMBIGUOUS), ("row  7 of", edits.NOT_FOUND)):
        with pytest.raises(CherryError) as refused:
            await editor.plan([Replace(path="big.log", old=old, new="x")])
        assert refused.value.kind is kind
    assert "8, 71" in str(refused.value) or kind is edits.NOT_FOUND


async def test_a_large_file_somebody_changed_since_is_not_put_back(editor: Editor, root: Path) -> None:
    (root / "big.log").write_bytes(rows(3000))
    changes = await editor.commit(await editor.plan([Replace(path="big.log", old="row 7 of", new="x")]), change_id="c")
    with (root / "big.log").open("ab") as file:
        file.write(b"one more\r\n")
    assert (await editor.plan_revert([changes])).conflicts


async def test_a_deleted_or_overwritten_large_file_comes_back(editor: Editor, root: Path) -> None:
    before = os.urandom(3 * SMALL_LIMIT)
    for name in ("gone.bin", "over.bin", "moved.bin"):
        (root / name).write_bytes(before)
    known = {"over.bin": content_hash(before)}
    wanted = [
        Delete(path="gone.bin"),
        Write(path="over.bin", content="small\n"),
        Rename(path="moved.bin", to="m/moved.bin"),
    ]
    changes = await editor.commit(await editor.plan(wanted, known=known), change_id="c")
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["moved.bin", "over.bin"]
    assert (root / "over.bin").read_bytes() == b"small\n"
    for _ in range(2):
        await editor.revert(await editor.plan_revert([changes]), change_id="u")
        assert {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()} == dict.fromkeys(
            ("gone.bin", "over.bin", "moved.bin"), before
        )
        await editor.revert(await editor.plan_revert([changes], redo=True), change_id="r")
        assert (root / "over.bin").read_bytes() == b"small\n"
        assert not (root / "gone.bin").exists()


async def test_a_large_file_is_never_held_in_memory(root: Path, tmp_path: Path) -> None:
    editor = Editor(Jail(root), MemoryStore().blobs, tmp_path / "state")
    size = 48 << 20
    with (root / "big.log").open("wb") as file:
        file.write(b"first line\n")
        file.truncate(size)
    tracemalloc.start()
    try:
        plan = await editor.plan([Replace(path="big.log", old="first line", new="the first line")])
        changes = await editor.commit(plan, change_id="c")
        await editor.revert(await editor.plan_revert([changes]), change_id="u")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 4
    assert (root / "big.log").stat().st_size == size


@given(
    data=st.text("ab\n", max_size=200).map(str.encode),
    old=st.text("ab\n", min_size=1, max_size=4),
    new=st.text("abc\n", max_size=6),
    block=st.integers(1, 7),
)
@settings(max_examples=150, deadline=None)
def test_streamed_replacement_finds_what_a_whole_search_finds(data: bytes, old: str, new: str, block: int) -> None:
    def read(count: int, offset: int) -> bytes:
        return data[offset : offset + min(count, block)]

    found = [place for place in range(len(data)) if data.startswith(old.encode(), place)]
    for everywhere in (False, True):
        edit = Replace(path="f", old=old, new=new, all=everywhere)
        if old == new or not found or (len(found) > 1 and not everywhere):
            with pytest.raises(CherryError):
                replace_in_large(whole("f", len(data)), edit, read)
            continue
        done = replace_in_large(whole("f", len(data)), edit, read)
        assert b"".join(chunks(done.content, read)) == data.replace(old.encode(), new.encode())
        back = done.step.reversed()
        pieces = spliced(done.content.pieces, list(back.places), len(back.old), back.new)
        assert b"".join(chunks(Pieced("f", pieces), read)) == data


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_the_hash_of_parts_is_the_hash_of_the_whole(parts: list[bytes]) -> None:
    assert digest_of(parts) == content_hash(b"".join(parts))
    assert b"".join(chunks(Held(b"".join(parts)), lambda _count, _offset: b"")) == b"".join(parts)


def test_a_piece_can_be_cut_inside_a_literal() -> None:
    pieces = (Piece(0, 3), Piece(0, 4, b"WXYZ"), Piece(3, 3))
    assert spliced(pieces, [4], 2, b"-") == (
        Piece(0, 3),
        Piece(0, 1, b"W"),
        Piece(0, 1, b"-"),
        Piece(0, 1, b"Z"),
        Piece(3, 3),
    )

"""What a change set keeps of a file it rewrites: mode, owner, attributes, links, holes; and what it says aloud."""

import os
import stat
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.editor import Editor
from cherry.edits.planning.plan import Plan
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


async def applied(editor: Editor, *wanted: Edit, known: dict[str, str] | None = None) -> Plan:
    plan = await editor.plan(wanted, known=known or {})
    await editor.commit(plan, change_id="c_1")
    return plan


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o664, 0o4755])
async def test_the_mode_of_a_file_is_kept(editor: Editor, root: Path, mode: int) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "a.txt").chmod(mode)
    await applied(editor, Replace(path="a.txt", old="one", new="two"))
    assert stat.S_IMODE((root / "a.txt").stat().st_mode) == mode


async def test_a_new_file_has_the_mode_the_system_gives(editor: Editor, root: Path) -> None:
    (root / "usual").touch()
    await applied(editor, Write(path="new.txt", content="x\n"), Write(path="run.sh", content="#!/bin/sh\n"))
    assert (root / "new.txt").stat().st_mode == (root / "usual").stat().st_mode


async def test_a_new_file_can_be_executable(editor: Editor, root: Path) -> None:
    await applied(editor, Write(path="run.sh", content="#!/bin/sh\n"), SetMode(path="run.sh", executable=True))
    assert (root / "run.sh").stat().st_mode & 0o100


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_the_owner_of_a_file_is_kept(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    os.chown(root / "a.txt", 1234, 4321)
    await applied(editor, Replace(path="a.txt", old="one", new="two"))
    found = (root / "a.txt").stat()
    assert (found.st_uid, found.st_gid) == (1234, 4321)


async def test_extended_attributes_are_kept(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    try:
        os.setxattr(root / "a.txt", "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    await applied(editor, Replace(path="a.txt", old="one", new="two"))
    assert os.getxattr(root / "a.txt", "user.note") == b"mine"


async def test_a_symbolic_link_stays_and_its_target_is_edited(editor: Editor, root: Path) -> None:
    (root / "real").mkdir()
    (root / "real/a.txt").write_bytes(b"one\n")
    (root / "link").symlink_to("real/a.txt")
    plan = await applied(editor, Replace(path="link", old="one", new="two"))
    assert (root / "link").is_symlink()
    assert (root / "real/a.txt").read_bytes() == b"two\n"
    assert any("link" in note and "real/a.txt" in note for note in plan.notes)
    assert plan.writes == ("real/a.txt",)


async def test_deleting_or_renaming_a_symbolic_link_leaves_its_target(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "gone").symlink_to("a.txt")
    (root / "old").symlink_to("a.txt")
    (root / "outside").symlink_to("/etc/hostname")
    await applied(editor, Delete(path="gone"), Rename(path="old", to="new"), Delete(path="outside"))
    assert sorted(path.name for path in root.iterdir()) == ["a.txt", "new"]
    assert (root / "new").readlink() == Path("a.txt")


async def test_hard_links_within_the_workspace_stay_one_file_and_that_is_said(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "sub").mkdir()
    os.link(root / "a.txt", root / "sub/b.txt")
    plan = await applied(editor, Replace(path="a.txt", old="one", new="two"))
    assert (root / "sub/b.txt").read_bytes() == b"two\n"
    assert (root / "a.txt").samefile(root / "sub/b.txt")
    assert any("hard link" in note and "sub/b.txt" in note for note in plan.notes)
    assert set(plan.writes) == {"a.txt", "sub/b.txt"}


async def test_a_hard_link_that_leads_outside_is_not_written_through_and_that_is_said(
    editor: Editor, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_bytes(b"one\n")
    os.link(tmp_path / "outside.txt", root / "a.txt")
    plan = await applied(editor, Replace(path="a.txt", old="one", new="two"))
    assert (tmp_path / "outside.txt").read_bytes() == b"one\n"
    assert (root / "a.txt").read_bytes() == b"two\n"
    assert any("hard link" in note and "old content" in note for note in plan.notes)


async def test_undoing_keeps_hard_links_together(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    os.link(root / "a.txt", root / "b.txt")
    plan = await editor.plan([Replace(path="a.txt", old="one", new="two")])
    changes = await editor.commit(plan, change_id="c_1")
    await editor.revert(await editor.plan_revert([changes]), change_id="c_2")
    assert (root / "a.txt").read_bytes() == (root / "b.txt").read_bytes() == b"one\n"
    assert (root / "a.txt").samefile(root / "b.txt")


async def test_holes_of_a_sparse_file_are_kept(editor: Editor, root: Path) -> None:
    with (root / "sparse.bin").open("wb") as file:
        file.write(b"start marker\n")
        file.truncate(20 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"end\n")
    size = (root / "sparse.bin").stat().st_size
    await applied(editor, Replace(path="sparse.bin", old="start marker", new="START MARKER"))
    found = (root / "sparse.bin").stat()
    assert found.st_size == size
    assert found.st_blocks * 512 < 1 << 20
    with (root / "sparse.bin").open("rb") as file:
        assert file.read(13) == b"START MARKER\n"
        file.seek(-4, os.SEEK_END)
        assert file.read() == b"end\n"


async def test_a_read_only_file_is_refused(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "a.txt").chmod(0o444)
    for edit in (Replace(path="a.txt", old="one", new="two"), Write(path="a.txt", content="x")):
        with pytest.raises(CherryError) as refused:
            await editor.plan([edit], known={"a.txt": content_hash(b"one\n")})
        assert refused.value.kind is edits.UNWRITABLE
        assert "read-only" in refused.value.message


async def test_a_rewritten_file_keeps_its_line_ends_and_encoding(editor: Editor, root: Path) -> None:
    before = "\ufeffa = 'é'\r\nb = 2\r\n".encode("utf-16-le")
    (root / "a.py").write_bytes(before)
    await applied(editor, Write(path="a.py", content="a = 'è'\nb = 2\n"), known={"a.py": content_hash(before)})
    assert (root / "a.py").read_bytes() == "\ufeffa = 'è'\r\nb = 2\r\n".encode("utf-16-le")


async def test_a_folder_in_the_way_and_a_file_as_a_folder_are_refused(editor: Editor, root: Path) -> None:
    (root / "folder").mkdir()
    (root / "file").write_bytes(b"x\n")
    for path, kind in (("folder", tools.NOT_A_FILE), ("file/below", tools.NOT_A_FOLDER), (".", tools.NOT_A_FILE)):
        with pytest.raises(CherryError) as refused:
            await editor.plan([Write(path=path, content="x")])
        assert refused.value.kind is kind, path


async def test_a_new_name_that_is_taken_is_refused(editor: Editor, root: Path) -> None:
    (root / "a").write_bytes(b"a")
    (root / "b").write_bytes(b"b")
    with pytest.raises(CherryError) as refused:
        await editor.plan([Rename(path="a", to="b")])
    assert refused.value.kind is edits.EXISTS


async def test_two_files_can_swap_their_names(editor: Editor, root: Path) -> None:
    (root / "a").write_bytes(b"a")
    (root / "b").write_bytes(b"b")
    (root / "b").chmod(0o755)
    await applied(editor, Rename(path="a", to="c"), Rename(path="b", to="a"), Rename(path="c", to="b"))
    assert (root / "a").read_bytes() == b"b"
    assert (root / "b").read_bytes() == b"a"
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o755
    assert sorted(path.name for path in root.iterdir()) == ["a", "b"]


async def test_only_the_case_of_a_name_can_change(editor: Editor, root: Path) -> None:
    (root / "readme.md").write_bytes(b"# Hello\n")
    await applied(editor, Rename(path="readme.md", to="README.md"))
    assert [path.name for path in root.iterdir()] == ["README.md"]


async def test_an_edit_that_changes_nothing_says_so(editor: Editor, root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    with pytest.raises(CherryError) as refused:
        await editor.plan([Write(path="a.txt", content="one\n")])
    assert refused.value.kind is edits.ALREADY_APPLIED


async def test_a_folder_swapped_for_a_link_is_not_followed(editor: Editor, root: Path, tmp_path: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub/a.txt").write_bytes(b"one\n")
    plan = await editor.plan([Replace(path="sub/a.txt", old="one", new="two")])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_bytes(b"one\n")
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to(outside)
    with pytest.raises(CherryError):
        await editor.commit(plan, change_id="c_1")
    assert (outside / "a.txt").read_bytes() == b"one\n"
    assert (root / "moved/a.txt").read_bytes() == b"one\n"

"""What a program changed in a folder is found with its contents, whatever the folder's own repository says."""

import os
import subprocess
from pathlib import Path

import pytest

from cherry.git.shadow import MAX_BYTES, ShadowIndex


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def shadow(folder: Path, *, passed_over: tuple[str, ...] = ()) -> ShadowIndex:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    spare = folder.parent / "spare"
    return ShadowIndex(folder, environ, place=folder.parent / "shadow", spare=spare, passed_over=passed_over)


async def seen(index: ShadowIndex) -> dict[str, bytes | None]:
    """Path → what was in it before; None: there was no file."""
    touched = await index.touched()
    contents = await index.contents([one.content for one in touched if one.content])
    return {one.path: contents[one.content] if one.content else None for one in touched}


async def test_what_is_made_changed_and_removed_is_found_with_what_was_there(folder: Path) -> None:
    (folder / "changed").write_bytes(b"old\r\n\x00\xff")
    (folder / "removed").write_text("precious")
    (folder / "same").write_text("same")
    index = shadow(folder)
    await index.remember()
    assert await index.touched() == ()
    (folder / "changed").write_text("new")
    (folder / "removed").unlink()
    (folder / "sub").mkdir()
    (folder / "sub/made").write_text("made")
    (folder / "same").touch()
    assert await seen(index) == {"changed": b"old\r\n\x00\xff", "removed": b"precious", "sub/made": None}
    await index.remember()
    assert await index.touched() == ()


async def test_a_change_within_the_same_moment_and_of_the_same_size_is_seen(folder: Path) -> None:
    index = shadow(folder)
    for number in range(20):
        (folder / "a").write_text(f"{number:03}")
        await index.remember()
        (folder / "a").write_text(f"{number + 500:03}")
        assert await seen(index) == {"a": f"{number:03}".encode()}


async def test_links_and_what_can_be_run_count_too(folder: Path) -> None:
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "link").symlink_to("run")
    index = shadow(folder)
    await index.remember()
    (folder / "run").chmod(0o755)
    (folder / "link").unlink()
    (folder / "link").symlink_to("elsewhere")
    touched = {one.path: one for one in await index.touched()}
    assert touched["run"].mode == 0o100644
    assert touched["link"].mode == 0o120000
    assert (await index.contents([touched["link"].content]))[touched["link"].content] == b"run"


async def test_no_setting_of_the_repository_converts_a_content_or_runs_a_program(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    ran = folder.parent / "ran"
    for key in ("filter.mine.clean", "filter.mine.smudge", "core.fsmonitor"):
        git(folder, "config", key, f"touch {ran}; cat")
    git(folder, "config", "core.autocrlf", "true")
    (folder / ".gitattributes").write_text(
        "* text=auto eol=crlf filter=mine ident\n*.16 working-tree-encoding=UTF-16\n"
    )
    (folder / "a.txt").write_bytes(b"one\r\ntwo\r\n$Id$\r\n")
    (folder / "b.16").write_bytes("wide".encode("utf-16"))
    index = shadow(folder)
    await index.remember()
    (folder / "a.txt").unlink()
    (folder / "b.16").unlink()
    assert await seen(index) == {"a.txt": b"one\r\ntwo\r\n$Id$\r\n", "b.16": "wide".encode("utf-16")}
    assert not ran.exists()


async def test_the_repository_itself_is_left_as_it_is(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    (folder / "a").write_text("one")
    git(folder, "add", "a")
    git(folder, "commit", "-qm", "first")
    (folder / "a").write_text("two")
    (folder / "b").write_text("new")
    before = {path: path.stat().st_mtime_ns for path in sorted((folder / ".git").rglob("*"))}
    index = shadow(folder)
    await index.remember()
    (folder / "a").write_text("three")
    assert await seen(index) == {"a": b"two"}
    assert before == {path: path.stat().st_mtime_ns for path in sorted((folder / ".git").rglob("*"))}


async def test_what_git_did_to_the_files_is_found_like_anything_else(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    (folder / "a").write_text("committed")
    git(folder, "add", "a")
    git(folder, "commit", "-qm", "first")
    (folder / "a").write_text("not yet committed")
    (folder / "b").write_text("untracked")
    index = shadow(folder)
    await index.remember()
    git(folder, "reset", "-q", "--hard")
    git(folder, "clean", "-fdq")
    assert await seen(index) == {"a": b"not yet committed", "b": b"untracked"}


async def test_what_is_ignored_is_passed_over_also_in_a_part_of_a_repository(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    part = folder / "packages" / "part"
    part.mkdir(parents=True)
    lines = ["*.log", "/packages/part/out/", "packages/part/generated.py", "/other/x.txt", "**/deep.txt", "x.txt/"]
    (folder / ".gitignore").write_text("\n".join(lines))
    index = shadow(part, passed_over=("node_modules/", "secret*", "!secret.example"))
    await index.remember()
    names = ["a.log", "out/o", "generated.py", "d/deep.txt", "node_modules/m", "secret", "x.txt", "secret.example"]
    for name in names:
        (part / name).parent.mkdir(exist_ok=True)
        (part / name).write_text("x")
    assert [one.path for one in await index.touched()] == ["secret.example", "x.txt"]


async def test_too_large_files_and_odd_names_are_left_out_and_not_taken_for_news(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).open("wb"):
        pass
    os.mkfifo(folder / "pipe")
    (folder / "-v\n\t*").write_text("odd but right")
    index = shadow(folder)
    await index.remember()
    assert list(index.left_out) == ["huge"]
    assert await index.touched() == ()
    (folder / "-v\n\t*").unlink()
    assert await seen(index) == {"-v\n\t*": b"odd but right"}


async def test_a_folder_that_became_a_file_and_a_file_that_became_a_folder(folder: Path) -> None:
    (folder / "a").write_text("file")
    (folder / "b").mkdir()
    (folder / "b/inside").write_text("inside")
    index = shadow(folder)
    await index.remember()
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a/new").write_text("new")
    (folder / "b/inside").unlink()
    (folder / "b").rmdir()
    (folder / "b").write_text("file now")
    assert await seen(index) == {"a": b"file", "a/new": None, "b": None, "b/inside": b"inside"}
    await index.remember()
    assert await index.touched() == ()


async def test_two_processes_do_not_get_into_each_others_way(folder: Path) -> None:
    (folder / "a").write_text("one")
    first, second = shadow(folder), shadow(folder)
    await first.remember()
    (folder / "a").write_text("two")
    await second.remember()
    (folder / "a").write_text("three")
    assert await seen(first) == {"a": b"one"}
    assert await seen(second) == {"a": b"two"}


@pytest.mark.parametrize("damage", ["index", "HEAD", "objects"])
async def test_what_a_power_cut_damaged_is_begun_anew(folder: Path, damage: str) -> None:
    (folder / "a").write_text("one")
    index = shadow(folder)
    await index.remember()
    index.close()
    place = folder.parent / "shadow"
    for path in (place / damage).rglob("*") if damage == "objects" else [place / damage]:
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"")
    again = shadow(folder)
    for _ in range(2):  # a lost content is noticed when it is asked for
        await again.remember()
        (folder / "a").write_text("two")
        touched = await again.touched()
        contents = await again.contents([one.content for one in touched])
        (folder / "a").write_text("one")
    assert list(contents.values()) == [b"one"]

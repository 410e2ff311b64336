"""Reading, writing, editing, listing and finding files through the whole chain, on a real folder."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.calls import Call, Result, Status
from cherry.domain.errors import CherryError, edits, tools
from cherry.domain.errors.base import ErrorKind
from cherry.domain.events import ChangesApplied
from cherry.domain.views import DiffView, FileView
from cherry.kernel.ids import content_hash
from cherry.testing.calls import ToolBench, tools_on


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ToolBench]:
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work") as running:
        yield running


def refused(result: Result, kind: ErrorKind, *words: str) -> None:
    assert result.fault, result.text
    assert result.fault.code == kind.code, result.text
    for word in words:
        assert word in result.text, result.text
    assert result.status is Status.ERROR


# -- reading


async def test_a_file_is_read_as_numbered_lines(bench: ToolBench) -> None:
    (bench.workspace / "a.py").write_text("one\n\n  three\n")
    result = await bench.run("fs.read", path="a.py")
    assert result.text == "     1\tone\n     2\t\n     3\t  three"
    assert result.untrusted
    assert result.view == FileView(
        path="a.py", first_line=1, lines=3, total_lines=3, content_hash=content_hash(b"one\n\n  three\n")
    )
    assert bench.seen == {"a.py": content_hash(b"one\n\n  three\n")}
    assert bench.intents[0].reads == ("a.py",)


async def test_a_range_says_where_to_read_on(bench: ToolBench) -> None:
    (bench.workspace / "a").write_text("".join(f"{n}\n" for n in range(1, 11)))
    result = await bench.run("fs.read", path="a", offset=4, limit=2)
    assert result.text == "     4\t4\n     5\t5\n[Lines 4-5 of 10; read on with offset 6.]"
    assert "the end" in (await bench.run("fs.read", path="a", offset=9)).text
    refused(await bench.run("fs.read", path="a", offset=11), tools.BAD_ARGUMENTS, "10 lines", "from 1 to 10")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "[The file is empty.]"),
        (b"no end", "     1\tno end"),
        (b"dos\r\nends\r\n", "     1\tdos\n     2\tends"),
        (b"old\rmac\r", "     1\told\n     2\tmac"),
        (b"\xef\xbb\xbfbom\n", "     1\tbom"),
        ("größe\n".encode("latin-1"), "     1\tgröße\n[Encoding: iso8859-1.]"),
        ("hälfte\n".encode("utf-16"), "     1\thälfte\n[Encoding: utf-16-le.]"),
        (b"good \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 stray \xff\n", "     1\tgood ääää stray \\xff"),
        (b"form\x0cfeed\xe2\x80\xa8same line\n", "     1\tform\x0cfeed\u2028same line"),
    ],
)
async def test_encodings_and_line_ends_are_understood(bench: ToolBench, data: bytes, text: str) -> None:
    (bench.workspace / "f").write_bytes(data)
    assert (await bench.run("fs.read", path="f")).text == text


async def test_more_lines_than_fit_are_left_for_the_next_call(bench: ToolBench) -> None:
    (bench.workspace / "a").write_text("x" * 90 + "\n" + ("y" * 99 + "\n") * 5_000)
    result = await bench.run("fs.read", path="a")
    assert len(result.text) < 60_000
    offset = int(result.text.rpartition("offset ")[2].rstrip(".]"))
    assert (await bench.run("fs.read", path="a", offset=offset)).text.startswith(f"{offset:>6}\ty")
    assert result.kept == ""


async def test_a_line_too_long_is_cut_and_says_so(bench: ToolBench) -> None:
    (bench.workspace / "min.js").write_text("a" * 100_000 + "\nend\n")
    result = await bench.run("fs.read", path="min.js")
    assert "98,000 characters more in this line" in result.text
    assert result.text.endswith("     2\tend")


async def test_two_gigabytes_are_streamed_not_read(bench: ToolBench) -> None:
    path = bench.workspace / "huge.log"
    with path.open("wb") as file:
        file.write(b"first\nsecond\n" + b"line\n" * 20_000)
        file.seek(2 << 30)  # a hole: it costs no disk
        file.write(b"\nend\n")
    result = await bench.run("fs.read", path="huge.log", offset=2, limit=2)
    assert result.text.startswith("     2\tsecond\n     3\tline\n[Lines 2-3 of very many, 2.1 GB;")
    assert "huge.log" not in bench.seen


@pytest.mark.parametrize("size", [9 << 20, 60 << 20])
async def test_a_line_far_down_a_large_file_is_found(bench: ToolBench, size: int) -> None:
    path = bench.workspace / "large.txt"
    count = size // 64
    with path.open("wb") as file:
        file.writelines(b"%-63d\n" % number for number in range(1, count + 1))
    for line in (1, 16_384, 16_385, count):  # around the end of a block, and the last
        result = await bench.run("fs.read", path="large.txt", offset=line, limit=1)
        assert result.text.split()[:2] == [str(line), str(line)], result.text
    refused(await bench.run("fs.read", path="large.txt", offset=count + 1), tools.BAD_ARGUMENTS)
    assert ("large.txt" in bench.seen) == (size <= 50 << 20)


async def test_a_huge_file_of_one_line_is_cut(bench: ToolBench) -> None:
    (bench.workspace / "one").write_bytes(b"z" * (9 << 20) + b"\nlast")
    result = await bench.run("fs.read", path="one")
    assert "more in this line" in result.text
    assert result.text.endswith("     2\tlast")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\x7fELF\x02\x01\x01\0\0", "a compiled program"),
        (b"abc\0def" * 100, "not text"),
        (bytes(range(256)) * 40_000, "not text"),
    ],
)
async def test_what_is_not_text_is_named(bench: ToolBench, data: bytes, words: str) -> None:
    (bench.workspace / "f.bin").write_bytes(data)
    refused(await bench.run("fs.read", path="f.bin"), tools.BINARY, words)


async def test_a_text_that_begins_like_something_else_is_read(bench: ToolBench) -> None:
    (bench.workspace / "f").write_text("BZh is how bzip2 files begin\n")
    assert (await bench.run("fs.read", path="f")).ok


async def test_pipes_sockets_and_devices_are_refused_without_waiting(bench: ToolBench, tmp_path: Path) -> None:
    os.mkfifo(bench.workspace / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(bench.workspace / "sock"))
        async with asyncio.timeout(5):
            for name in ("pipe", "sock"):
                refused(await bench.run("fs.read", path=name), tools.NOT_A_FILE, "pipe")
                refused(await bench.run("fs.edit", path=name, old="a", new="b"), tools.NOT_A_FILE)
                refused(await bench.run("fs.write", path=name, content="x"), tools.NOT_A_FILE)
    for name in ("/dev/zero", "/proc/self/environ"):
        refused(await bench.run("fs.read", path=name), tools.OUTSIDE_WORKSPACE)


async def test_a_folder_is_no_file(bench: ToolBench) -> None:
    (bench.workspace / "src").mkdir()
    refused(await bench.run("fs.read", path="src"), tools.NOT_A_FILE, "fs.list")
    refused(await bench.run("fs.read", path="."), tools.NOT_A_FILE)


async def test_a_missing_file_gets_its_neighbours_names(bench: ToolBench) -> None:
    (bench.workspace / "settings.py").touch()
    refused(await bench.run("fs.read", path="setings.py"), tools.NO_SUCH_PATH, "settings.py")
    refused(await bench.run("fs.read", path="no/such/folder.py"), tools.NO_SUCH_PATH)
    refused(await bench.run("fs.read", path="settings.py/inside"), tools.NO_SUCH_PATH)
    refused(await bench.run("fs.read", path="n" * 300), tools.NO_SUCH_PATH)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../x", "link/passwd", "\0", "loop"])
async def test_nothing_outside_the_workspace_is_reached(bench: ToolBench, path: str) -> None:
    (bench.workspace / "link").symlink_to("/etc")
    (bench.workspace / "loop").symlink_to("loop")
    for call in (
        bench.run("fs.read", path=path),
        bench.run("fs.write", path=path, content="x"),
        bench.run("fs.list", path=path),
        bench.run("fs.glob", pattern="*", path=path),
        bench.run("search.grep", pattern="root", path=path),
    ):
        refused(await call, tools.OUTSIDE_WORKSPACE)


async def test_a_link_inside_is_followed(bench: ToolBench) -> None:
    (bench.workspace / "real.txt").write_text("content\n")
    (bench.workspace / "alias").symlink_to("real.txt")
    assert (await bench.run("fs.read", path="alias")).ok
    assert "real.txt" in bench.seen
    assert (await bench.run("fs.edit", path="alias", old="content", new="changed")).ok
    assert (bench.workspace / "alias").is_symlink()
    assert (bench.workspace / "real.txt").read_text() == "changed\n"


async def test_secrets_are_not_read(bench: ToolBench) -> None:
    (bench.workspace / ".env").write_text("KEY=1\n")
    refused(await bench.run("fs.read", path=".env"), tools.PROTECTED_PATH)
    assert bench.intents == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_an_unreadable_file_is_named_so(bench: ToolBench) -> None:
    (bench.workspace / "f").touch(mode=0)
    refused(await bench.run("fs.read", path="f"), tools.UNREADABLE, "permission denied")


async def test_names_with_newlines_and_foreign_bytes_are_shown_on_one_line(bench: ToolBench) -> None:
    (bench.workspace / "two\nlines").write_text("hello\n")
    with open(os.fsencode(bench.workspace) + b"/caf\xe9.txt", "wb") as file:  # noqa: PTH123 — a name of bytes
        file.write(b"hello\n")
    listed = await bench.run("fs.list")
    assert "caf\\xe9.txt" in listed.text
    assert "two\\x0alines" in listed.text
    assert (await bench.run("fs.read", path="two\nlines")).ok
    assert "caf\\xe9.txt" in (await bench.run("fs.glob", pattern="*.txt")).text
    assert "caf\\xe9.txt\n1: hello" in (await bench.run("search.grep", pattern="hello")).text
    listed.model_dump_json()


async def test_a_file_that_vanishes_while_leave_is_asked_is_missed_clearly(bench: ToolBench) -> None:
    (bench.workspace / "f").write_text("x\n")
    bench.before_proceeding = lambda _intent: (bench.workspace / "f").unlink(missing_ok=True)
    refused(await bench.run("fs.read", path="f"), tools.NO_SUCH_PATH)


async def test_a_link_put_in_the_way_is_not_followed(bench: ToolBench, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("secret\n")
    (bench.workspace / "d").mkdir()
    (bench.workspace / "d" / "f").write_text("x\n")

    def swap(_intent: object) -> None:
        (bench.workspace / "d" / "f").unlink()
        (bench.workspace / "d").rmdir()
        (bench.workspace / "d").symlink_to(tmp_path / "outside")

    bench.before_proceeding = swap
    result = await bench.run("fs.read", path="d/f")
    assert "secret" not in result.text
    assert result.fault


async def test_kept_output_is_read_like_a_file(bench: ToolBench) -> None:
    name = await bench.blobs.put(b"".join(b"%d\n" % n for n in range(1, 101)))
    result = await bench.run("fs.read", path=f"output:{name}", offset=99)
    assert result.text == "    99\t99\n   100\t100\n[Lines 99-100 of 100, the end of the file.]"
    assert bench.seen == {}
    assert (await bench.run("fs.read", path="output:b2:" + "0" * 32)).fault
    assert (await bench.run("fs.read", path="output:../../etc/passwd")).fault


# -- writing and editing


async def test_a_new_file_is_written_with_its_folders(bench: ToolBench) -> None:
    result = await bench.run("fs.write", path="a/b/c.py", content="x = 1\n")
    assert (bench.workspace / "a/b/c.py").read_text() == "x = 1\n"
    assert result.ok
    assert isinstance(result.view, DiffView)
    (applied,) = bench.events
    assert isinstance(applied, ChangesApplied)
    assert applied.call_id == "call_1"
    assert applied.files[0].after == content_hash(b"x = 1\n")
    assert bench.intents[0].writes == ("a/b/c.py",)
    assert bench.intents[0].expects == {"a/b/c.py": ("", content_hash(b"x = 1\n"))}


async def test_a_file_is_not_overwritten_unseen(bench: ToolBench) -> None:
    (bench.workspace / "a.py").write_text("mine\n")
    refused(await bench.run("fs.write", path="a.py", content="x\n"), edits.STALE)
    assert bench.intents == []
    await bench.run("fs.read", path="a.py")
    assert (await bench.run("fs.write", path="a.py", content="x\n")).ok
    assert (await bench.run("fs.write", path="a.py", content="y\n")).ok, "what it wrote itself it has seen"


async def test_editing_a_place_is_not_having_seen_the_file(bench: ToolBench) -> None:
    (bench.workspace / "a.py").write_text("one\ntwo\n")
    assert (await bench.run("fs.edit", path="a.py", old="one", new="ONE")).ok
    refused(await bench.run("fs.write", path="a.py", content="x\n"), edits.STALE)
    await bench.run("fs.read", path="a.py")
    assert (await bench.run("fs.edit", path="a.py", old="two", new="TWO")).ok
    assert (await bench.run("fs.write", path="a.py", content="x\n")).ok


async def test_a_persons_change_during_approval_is_not_overwritten(bench: ToolBench) -> None:
    path = bench.workspace / "a.py"
    path.write_text("old\n")
    await bench.run("fs.read", path="a.py")

    def save(_intent: object) -> None:
        path.write_text("a person's\n")

    bench.before_proceeding = save
    refused(await bench.run("fs.write", path="a.py", content="new\n"), edits.STALE)
    assert path.read_text() == "a person's\n"
    assert bench.events == []


async def test_an_edit_shows_the_changed_lines_and_its_diff_beforehand(bench: ToolBench) -> None:
    (bench.workspace / "a.py").write_text("def f():\n    return 1\n")
    result = await bench.run("fs.edit", path="a.py", old="return 1", new="return 2")
    assert "return 2" in result.text
    assert isinstance(bench.intents[0].view, DiffView)
    assert "+    return 2" in bench.intents[0].view.files[0].unified


async def test_a_refused_edit_changes_nothing(bench: ToolBench) -> None:
    (bench.workspace / "a.py").write_text("x\nx\n")
    refused(await bench.run("fs.edit", path="a.py", old="x", new="y"), edits.AMBIGUOUS)
    refused(await bench.run("fs.edit", path="a.py", old="nothing", new="y"), edits.NOT_FOUND)
    refused(await bench.run("fs.edit", path="b.py", old="x", new="y"), tools.NO_SUCH_PATH)
    assert (bench.workspace / "a.py").read_text() == "x\nx\n"
    assert bench.intents == []
    assert (await bench.run("fs.edit", path="a.py", old="x", new="y", all=True)).ok
    assert (bench.workspace / "a.py").read_text() == "y\ny\n"


async def test_leave_refused_means_nothing_happens(bench: ToolBench) -> None:
    bench.refuse = CherryError(tools.REJECTED)
    refused(await bench.run("fs.write", path="a.py", content="x"), tools.REJECTED)
    assert list(bench.workspace.iterdir()) == []


@pytest.mark.parametrize("path", [".git/config", ".git/hooks/pre-commit", ".cherry/config.toml", ".env"])
async def test_protected_files_are_not_written(bench: ToolBench, path: str) -> None:
    (bench.workspace / ".env").touch()
    refused(await bench.run("fs.write", path=path, content="x"), tools.PROTECTED_PATH)


async def test_a_read_only_folder_is_named(bench: ToolBench) -> None:
    folder = bench.workspace / "ro"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.geteuid() != 0:
        refused(await bench.run("fs.write", path="ro/a", content="x"), edits.UNWRITABLE)


# -- listing and finding


async def test_a_folder_is_listed_folders_first(bench: ToolBench) -> None:
    (bench.workspace / "b").mkdir()
    (bench.workspace / "a.txt").write_text("12345")
    (bench.workspace / "link").symlink_to("a.txt")
    os.mkfifo(bench.workspace / "pipe")
    result = await bench.run("fs.list")
    assert result.text == "b/\na.txt  5 B\nlink -> a.txt\npipe  (a device, pipe or socket)"


async def test_lists_are_bounded(bench: ToolBench) -> None:
    for number in range(600):
        (bench.workspace / f"f{number:03}").touch()
    result = await bench.run("fs.list")
    assert "f499" in result.text
    assert "… and 100 more" in result.text


async def test_listing_what_is_no_folder_is_refused(bench: ToolBench) -> None:
    (bench.workspace / "f").touch()
    (bench.workspace / "empty").mkdir()
    refused(await bench.run("fs.list", path="f"), tools.NOT_A_FOLDER, "fs.read")
    refused(await bench.run("fs.list", path="nope"), tools.NO_SUCH_PATH)
    assert (await bench.run("fs.list", path="empty")).text == "empty is empty."


async def test_files_are_found_newest_first_without_clutter(bench: ToolBench) -> None:
    for age, name in enumerate(["new.py", "src/mid.py", "old.py"]):
        path = bench.workspace / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (bench.workspace / "node_modules").mkdir()
    (bench.workspace / "node_modules" / "x.py").touch()
    (bench.workspace / "out").symlink_to("/etc")
    result = await bench.run("fs.glob", pattern="*.py")
    assert result.text.split("\n") == ["new.py", "src/mid.py", "old.py", "3 files found. Left out: node_modules."]
    assert (await bench.run("fs.glob", pattern="*", path="out")).fault
    assert (await bench.run("fs.glob", pattern="src/**")).text.startswith("src/mid.py\n")
    assert (await bench.run("fs.glob", pattern="mid.*", path="src")).text.startswith("src/mid.py\n")
    refused(await bench.run("fs.glob", pattern="../*"), tools.BAD_PATTERN)
    refused(await bench.run("fs.glob", pattern="*", path="new.py"), tools.NOT_A_FOLDER)


async def test_a_workspace_that_is_gone_is_told_by_every_tool(bench: ToolBench) -> None:
    bench.workspace.rmdir()
    for name, arguments in (
        ("fs.read", {"path": "a"}),
        ("fs.list", {}),
        ("fs.glob", {"pattern": "*"}),
        ("search.grep", {"pattern": "x"}),
        ("shell.run", {"command": "true"}),
        ("git.status", {}),
        ("git.commit", {"message": "x"}),
    ):
        result = await bench.run(name, **arguments)
        assert result.fault, name
        assert result.fault.code != tools.CRASHED.code, result.text


async def test_calls_that_may_touch_the_same_thing_say_so(bench: ToolBench) -> None:
    def touched(name: str, **arguments: object) -> tuple[str, ...]:
        return bench.toolbox.resources(Call(id="c", tool=name, arguments=arguments))

    assert touched("fs.edit", path="./src/../a.py") == touched("fs.read", path="a.py") == ("path:a.py",)
    assert touched("fs.read", path="/abs/a.py") == touched("fs.read") == ("workspace",)
    for name in ("git.diff", "search.grep", "fs.glob", "fs.list", "shell.run", "git.commit"):
        assert touched(name, path="src") == ("workspace",)

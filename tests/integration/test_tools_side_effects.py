"""What a command did to the files is a change set like any other: shown, kept, taken back."""

import asyncio
import os
import shlex
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import ChangesApplied, Notice
from cherry.domain.views import CommandView
from cherry.edits.editor import Editor
from cherry.git.shadow import ShadowIndex
from cherry.security.jail import Jail
from cherry.testing.calls import ToolBench, tools_on
from cherry.testing.store import MemoryStore
from cherry.tools.side_effects import SideEffects


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ToolBench]:
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work", side_effects=True) as running:
        yield running


def changes(bench: ToolBench) -> list[ChangesApplied]:
    return [event for event in bench.events if isinstance(event, ChangesApplied)]


async def undo(bench: ToolBench, *, redo: bool = False) -> None:
    revert = await bench.editor.plan_revert([change.files for change in changes(bench)], redo=redo)
    assert revert.conflicts == ()
    await bench.editor.revert(revert, change_id="c_undo")


def tree(root: Path) -> dict[str, tuple[str, bytes]]:
    """Path → kind and content of every file and link."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = ("link", os.fsencode(path.readlink()))
        elif path.is_file():
            kind = "program" if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else "file"
            found[str(path.relative_to(root))] = (kind, path.read_bytes())
    return found


async def test_what_a_command_removed_changed_and_made_can_be_taken_back_and_done_again(bench: ToolBench) -> None:
    (bench.workspace / "src").mkdir()
    (bench.workspace / "src/precious.py").write_text("precious = True\n")
    (bench.workspace / "notes.txt").write_text("one\ntwo\n")
    before = tree(bench.workspace)
    result = await bench.run("shell.run", command="rm -r src && sed -i s/two/2/ notes.txt && echo new > made.txt")
    after = tree(bench.workspace)
    assert "Files changed: made.txt, notes.txt, src/precious.py." in result.text
    assert isinstance(result.view, CommandView)
    assert result.view.changed == ("made.txt", "notes.txt", "src/precious.py")
    [change] = changes(bench)
    assert change.by == "command"
    assert tree(bench.workspace) == after != before
    await undo(bench)
    assert tree(bench.workspace) == before
    await undo(bench, redo=True)
    assert tree(bench.workspace) == after


async def test_work_that_was_never_committed_survives_a_hard_reset(bench: ToolBench) -> None:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    (bench.workspace / "a.py").write_text("committed\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *identity, *words], cwd=bench.workspace, check=True)
    (bench.workspace / "a.py").write_text("hours of work\n")
    (bench.workspace / "b.py").write_text("more of it\n")
    before = (bench.workspace / "a.py").read_text(), (bench.workspace / "b.py").read_text()
    await bench.run("shell.run", command="git reset -q --hard && git clean -fdq")
    assert not (bench.workspace / "b.py").exists()
    await undo(bench)
    assert ((bench.workspace / "a.py").read_text(), (bench.workspace / "b.py").read_text()) == before


async def test_commands_that_only_read_and_those_that_change_nothing_record_nothing(bench: ToolBench) -> None:
    (bench.workspace / "a.txt").write_text("x")
    for command in ("cat a.txt", "touch a.txt", "mkdir -p empty", "cp a.txt b.txt && rm b.txt"):
        assert "Files changed" not in (await bench.run("shell.run", command=command)).text
    assert bench.events == []


async def test_what_a_failing_command_and_one_out_of_time_did_is_kept_too(bench: ToolBench) -> None:
    await bench.run("shell.run", command="echo x > failed.txt; exit 3")
    await bench.run("shell.run", command="echo x > late.txt; sleep 60", timeout=1)
    assert [file.path for change in changes(bench) for file in change.files] == ["failed.txt", "late.txt"]


async def test_what_an_interrupted_command_did_is_kept_too(bench: ToolBench) -> None:
    (bench.workspace / "a.txt").write_text("precious")
    running = asyncio.create_task(bench.run("shell.run", command="rm a.txt; echo gone; sleep 60"))
    async with asyncio.timeout(20):
        while "gone" not in bench.streamed:
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await undo(bench)
    assert (bench.workspace / "a.txt").read_text() == "precious"


async def test_what_came_after_the_command_is_not_overwritten_when_it_is_taken_back(bench: ToolBench) -> None:
    (bench.workspace / "a.txt").write_text("one\n")
    await bench.run("shell.run", command="echo two > a.txt")
    (bench.workspace / "a.txt").write_text("by a person\n")
    revert = await bench.editor.plan_revert([change.files for change in changes(bench)])
    assert revert.conflicts
    assert (bench.workspace / "a.txt").read_text() == "by a person\n"


async def test_secrets_and_what_is_ignored_are_kept_nowhere(bench: ToolBench) -> None:
    for name in (".env", "server.key", "node_modules"):
        if name == "node_modules":
            (bench.workspace / name).mkdir()
            (bench.workspace / name / "m.js").write_text("canary-1234567")
        else:
            (bench.workspace / name).write_text("TOKEN=canary-1234567")
    await bench.run("shell.run", command="for f in .env server.key node_modules/m.js; do echo >> $f; done; echo x > y")
    assert [file.path for change in changes(bench) for file in change.files] == ["y"]
    kept = [
        path for path in bench.workspace.parent.rglob("*") if path.is_file() and bench.workspace not in path.parents
    ]
    assert not [path for path in kept if b"canary-1234567" in path.read_bytes()]


async def test_without_git_commands_run_and_it_is_said_that_they_cannot_be_undone(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("bash", "sh", "bwrap", "prlimit"):
        for folder in ("/usr/bin", "/bin"):
            if Path(folder, name).exists() and not (tmp_path / "bin" / name).exists():
                (tmp_path / "bin" / name).symlink_to(Path(folder, name))
    async with tools_on(tmp_path / "work", environ={"PATH": str(tmp_path / "bin")}, side_effects=True) as bench:
        result = await bench.run("shell.run", command="echo x > a.txt; echo done")
        assert "done" in result.text
        assert (tmp_path / "work/a.txt").exists()
        [notice] = [event for event in bench.events if isinstance(event, Notice)]
        assert "cannot be undone" in notice.text
        assert "git" in notice.text


class FullStore:
    """Keeps nothing."""

    async def put(self, data: bytes) -> str:
        raise CherryError(storage.NO_SPACE)

    async def get(self, name: str) -> bytes:
        raise CherryError(storage.UNKNOWN_BLOB)

    def path(self, name: str) -> Path | None:
        return None


async def test_a_full_disk_of_cherrys_own_is_said_and_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    index = ShadowIndex(tmp_path / "work", os.environ, place=tmp_path / "shadow", spare=tmp_path / "spare")
    jail = Jail(tmp_path / "work")
    effects = SideEffects(index, Editor(jail, MemoryStore().blobs, tmp_path / "state"), FullStore())
    assert await effects.before() == ""
    (tmp_path / "work/a.txt").write_text("made")
    found = await effects.after()
    assert found.files == ()
    assert "cannot be undone" in found.note
    assert "disk is full" in found.note


NAMES = st.sampled_from(["a", "b", "c d", "sub/a", "sub/b", "sub/deep/é", "-x"])
CONTENTS = st.sampled_from(["", "one\n", "two\r\nlines", "x" * 5_000, "#!/bin/sh\n"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, CONTENTS),
    st.tuples(st.just("remove"), NAMES, st.just("")),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("mode"), NAMES, st.sampled_from(["755", "644"])),
)


def as_script(steps: list[tuple[str, str, str]]) -> str:
    lines = []
    for step, name, other in steps:
        path = shlex.quote(f"./{name}")
        target = shlex.quote(f"./{other}")
        folder = shlex.quote(str(Path(f"./{name}").parent))
        lines.append(
            {
                "write": f"mkdir -p {folder} && rm -rf {path} && printf %s {shlex.quote(other)} > {path}",
                "remove": f"rm -rf {path}",
                "rename": f"[ -e {target} ] || mv {path} {target}",
                "link": f"[ -e {path} ] || ln -s {target} {path}",
                "mode": f"[ -f {path} ] && [ ! -L {path} ] && chmod {other} {path}",
            }[step]
        )
    return "\n".join(f"{{ {line}; }} 2>/dev/null" for line in lines) + "\ntrue"


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(NAMES, CONTENTS, max_size=5), st.lists(STEPS, min_size=1, max_size=8))
def test_whatever_a_command_does_to_files_can_be_taken_back(
    files: dict[str, str], steps: list[tuple[str, str, str]]
) -> None:
    async def check(root: Path) -> None:
        work = root / "work"
        work.mkdir()
        for name, content in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content.encode())
        before = tree(work)
        async with tools_on(work, side_effects=True) as bench:
            await bench.run("shell.run", command=as_script(steps))
            after = tree(work)
            assert bool(changes(bench)) == (before != after)
            await undo(bench)
            assert tree(work) == before
            await undo(bench, redo=True)
            assert tree(work) == after

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))

"""What holds in every sandbox: one pipe, an end, and nothing left behind. Real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.bare import BareSandbox
from cherry.sandbox.bubblewrap import BubblewrapSandbox
from cherry.sandbox.choose import choose_sandbox, probe
from cherry.sandbox.landlock import LandlockSandbox, landlock_version
from cherry.sandbox.port import Bounds, Command, Exit, Process, Sandbox
from cherry.sandbox.running import CERTAIN_SECONDS
from cherry.security.protected import unwritable_for_commands

ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


@pytest.fixture(params=["bubblewrap", "landlock", "none"])
def fence(request: pytest.FixtureRequest) -> Sandbox:
    if request.param == "none":
        return BareSandbox(ENVIRON)
    if request.param == "landlock":
        assert landlock_version() >= 3, "these tests need landlock"
        return LandlockSandbox(ENVIRON)
    found = probe(ENVIRON["PATH"])
    assert found.bubblewrap, f"these tests need bubblewrap: {found.why_not}"
    return BubblewrapSandbox(found.bubblewrap, ENVIRON)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


async def run(fence: Sandbox, command: Command) -> tuple[str, Exit]:
    process = await fence.start(command)
    output = b"".join([chunk async for chunk in process.output()])
    return output.decode(), await process.wait()


def simple(workspace: Path, script: str) -> Command:
    return Command(script, folder=workspace, workspace=workspace)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        await asyncio.sleep(0.01)
    return True


def runs(sign: str) -> bool:
    """Is there a process on this machine with this text among its arguments?"""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if sign.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
    return False


def unique() -> str:
    """A number of seconds no other sleep on this machine has."""
    return f"{1000 + os.getpid()}.{time.monotonic_ns() % 10**9}"


async def test_output_and_errors_come_in_the_order_written(fence: Sandbox, workspace: Path) -> None:
    script = "echo one; echo two >&2; echo three; echo four >&2"
    assert await run(fence, simple(workspace, script)) == ("one\ntwo\nthree\nfour\n", Exit(0))


async def test_an_exit_code_is_reported(fence: Sandbox, workspace: Path) -> None:
    assert (await run(fence, simple(workspace, "exit 7")))[1] == Exit(7)


async def test_it_starts_in_its_folder_and_writes_there(fence: Sandbox, workspace: Path) -> None:
    (workspace / "a b").mkdir()
    output, _ = await run(fence, Command("pwd; echo hi > file", workspace / "a b", workspace))
    assert output == f"{workspace / 'a b'}\n"
    assert (workspace / "a b/file").read_text() == "hi\n"


async def test_output_arrives_while_the_command_runs(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "echo first; sleep 60"))
    async for chunk in process.output():
        assert chunk == b"first\n"
        await process.kill()
    assert (await process.wait()).code != 0


async def test_big_output_passes_whole(fence: Sandbox, workspace: Path) -> None:
    output, ended = await run(fence, simple(workspace, "head -c 3000000 /dev/zero | tr '\\0' x"))
    assert (len(output), ended) == (3_000_000, Exit(0))


async def test_a_slow_reader_slows_the_command_and_loses_nothing(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "seq 60000; touch done"))
    chunks = process.output()
    first = await anext(chunks)
    assert not (workspace / "done").exists()
    rest = b"".join([chunk async for chunk in chunks])
    assert (first + rest).decode().splitlines() == [str(n) for n in range(1, 60001)]
    await process.wait()


async def test_standard_input_is_empty_unless_asked_for(fence: Sandbox, workspace: Path) -> None:
    assert await run(fence, simple(workspace, "cat; echo end")) == ("end\n", Exit(0))
    process = await fence.start(simple(workspace, "true"))
    with pytest.raises(BrokenPipeError):
        await process.write(b"x")
    await process.kill()


async def test_what_is_written_reaches_the_command(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "read line; echo got $line")._replace(input=True))
    await process.write(b"hello\n")
    assert b"".join([chunk async for chunk in process.output()]) == b"got hello\n"
    await process.wait()


async def test_writing_to_a_command_that_has_ended_says_so(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "exec true")._replace(input=True))
    async for _ in process.output():
        pass
    with pytest.raises(OSError, match="pipe"):  # noqa: PT012 — the pipe takes some before it breaks
        for _ in range(100):
            await process.write(b"x" * 65536)
    await process.wait()


async def test_a_child_left_behind_does_not_hold_up_the_end(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    began = time.monotonic()
    output, ended = await run(fence, simple(workspace, f"sleep {seconds} & echo done"))
    assert (output, ended) == ("done\n", Exit(0))
    assert time.monotonic() - began < 5
    assert await until(lambda: not runs(seconds))


async def test_a_daemon_that_left_its_session_ends_with_the_command(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    script = f"setsid -f sleep {seconds} </dev/null >/dev/null 2>&1; (setsid setsid sleep {seconds} >/dev/null 2>&1 &); echo done"
    assert (await run(fence, simple(workspace, script)))[0] == "done\n"
    assert await until(lambda: not runs(seconds))


async def test_kill_ends_the_whole_tree_and_returns_when_it_is_gone(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    script = f"trap '' TERM; sleep {seconds} & setsid sleep {seconds} & (trap '' TERM; sleep {seconds}) & echo up; wait; sleep {seconds}"
    process = await fence.start(simple(workspace, script))
    await anext(process.output())
    began = time.monotonic()
    await process.kill()
    assert time.monotonic() - began < 3
    assert await until(lambda: not runs(seconds))  # the kernel takes the last ones of a namespace down a moment later


async def test_kill_asks_politely_first(fence: Sandbox, workspace: Path) -> None:
    script = "trap 'echo bye > said; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    process = await fence.start(simple(workspace, script))
    await anext(process.output())
    await process.kill()
    assert (workspace / "said").read_text() == "bye\n"


async def test_kill_after_the_end_and_twice_does_nothing(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "true"))
    assert b"".join([chunk async for chunk in process.output()]) == b""
    await process.wait()
    await asyncio.gather(process.kill(), process.kill())


async def test_many_at_once_do_not_disturb_each_other(fence: Sandbox, workspace: Path) -> None:
    results = await asyncio.gather(*(run(fence, simple(workspace, f"echo {n}; exit {n}")) for n in range(8)))
    assert results == [(f"{n}\n", Exit(n)) for n in range(8)]


async def test_nothing_is_left_open(fence: Sandbox, workspace: Path) -> None:
    def handles() -> set[str]:
        return {name for name in os.listdir("/proc/self/fd")}  # noqa: PTH208, C416

    await run(fence, simple(workspace, "true"))
    before = len(handles())
    for script in ("true", "sleep 60 & true", "exit 3"):
        await run(fence, Command(script, workspace, workspace, protected=(Path(".git/hooks"),)))
    process = await fence.start(simple(workspace, "sleep 60")._replace(input=True))
    await process.kill()
    async for _ in process.output():
        pass
    assert len(handles()) == before


async def test_its_environment_is_clean(fence: Sandbox, workspace: Path) -> None:
    environ = {**ENVIRON, "OPENAI_API_KEY": "sk-secret", "PYTHONPATH": "/evil", "LD_PRELOAD": "", "SSH_AUTH_SOCK": "/x"}
    kinds = {"none": BareSandbox, "landlock": LandlockSandbox}
    fenced = kinds[fence.name](environ) if fence.name in kinds else choose_sandbox(required=True, environ=environ)
    output, _ = await run(fenced, Command("env", workspace, workspace, environment={"MINE": "a b"}))
    names = {line.partition("=")[0] for line in output.splitlines()}
    assert "MINE=a b" in output.splitlines()
    assert not names & {"OPENAI_API_KEY", "PYTHONPATH", "LD_PRELOAD", "SSH_AUTH_SOCK"}
    assert {"PATH", "HOME", "LANG"} <= names


@pytest.mark.parametrize("folder", ["missing", "../outside", "file"])
async def test_a_wrong_folder_is_refused(fence: Sandbox, workspace: Path, folder: str) -> None:
    (workspace / "file").write_text("")
    with pytest.raises(CherryError) as caught:
        await fence.start(Command("true", workspace / folder, workspace))
    assert caught.value.kind is sandbox.START_FAILED


async def test_the_root_of_the_file_system_is_no_workspace(fence: Sandbox) -> None:
    with pytest.raises(CherryError) as caught:
        await fence.start(simple(Path("/"), "true"))
    assert caught.value.kind is sandbox.START_FAILED


@pytest.mark.parametrize(
    ("bounds", "script", "sign"),
    [
        (Bounds(file_bytes=1 << 20), "head -c 5000000 /dev/zero > big; stat -c %s big", "1048576"),
        (Bounds(open_files=64), "ulimit -n", "64"),
        (Bounds(), "ulimit -c", "0"),
        (Bounds(cpu_seconds=1), "while :; do :; done", ""),
    ],
)
async def test_limits_hold(fence: Sandbox, workspace: Path, bounds: Bounds, script: str, sign: str) -> None:
    output, ended = await run(fence, Command(script, workspace, workspace, bounds=bounds))
    if sign:
        assert output.splitlines()[-1] == sign
    else:
        assert ended.code != 0


async def test_a_child_survives_no_kill_minus_nine_of_cherry(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    kind = {"none": "BareSandbox(E)", "landlock": "LandlockSandbox(E)"}.get(
        fence.name, "choose_sandbox(required=True, environ=E)"
    )
    program = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from cherry.sandbox.bare import BareSandbox
        from cherry.sandbox.choose import choose_sandbox
        from cherry.sandbox.landlock import LandlockSandbox
        from cherry.sandbox.port import Command
        E = {ENVIRON!r}
        async def main():
            w = Path({str(workspace)!r})
            p = await {kind}.start(Command("sleep {seconds} & sleep {seconds}", w, w, protected=(Path(".cherry"),)))
            print("up", flush=True)
            await p.wait()
        asyncio.run(main())
    """)
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"up\n"
    assert await until(lambda: runs(seconds))
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert await until(lambda: not runs(seconds))
    await run(fence, Command("true", workspace, workspace, protected=(Path(".cherry"),)))
    assert not list(workspace.iterdir())


async def test_interrupting_the_wait_leaves_a_process_that_can_be_killed(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    process: Process = await fence.start(simple(workspace, f"sleep {seconds}"))
    waiting = asyncio.ensure_future(process.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await process.kill()
    assert not runs(seconds)


async def test_non_utf8_output_is_passed_as_it_is(fence: Sandbox, workspace: Path) -> None:
    process = await fence.start(simple(workspace, "printf '\\377\\000x'"))
    assert b"".join([chunk async for chunk in process.output()]) == b"\xff\x00x"
    await process.wait()


async def test_a_kill_at_any_moment_of_the_start_ends_it_and_soon(fence: Sandbox, workspace: Path) -> None:
    seconds = unique()
    took: list[float] = []
    for turns in (0, 1, 5, 20, 80, 300):
        process = await fence.start(simple(workspace, f"sleep {seconds}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        began = time.monotonic()
        await process.kill()
        took.append(time.monotonic() - began)
    assert min(took) < 0.9  # the polite wait is a second, and not waited for
    assert await until(lambda: not runs(seconds))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_root_runs_commands_as_the_owner_of_the_workspace(tmp_path: Path) -> None:
    owner = 54321
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(0o755)  # pytest's own folders are private
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, owner, owner)
    fence = choose_sandbox(required=True, environ=ENVIRON)
    command = Command(
        "id -u; echo x > file; echo y > ~/note; cat /tmp/home/note; mkdir .cherry/x; true", folder, folder
    )
    output, ended = await run(fence, command._replace(protected=(Path(".cherry"),)))
    assert output.splitlines()[:2] == [str(owner), "y"]
    assert ended == Exit(0)
    assert (folder / "file").stat().st_uid == owner
    assert [path.name for path in folder.iterdir()] == ["file"]


async def test_what_is_killed_the_moment_it_starts_is_gone_at_once_every_time(fence: Sandbox, workspace: Path) -> None:
    """A process that was just being made when the signals were sent was left to itself once in forty times."""
    longest = 0.0
    for _ in range(100):
        process = await fence.start(simple(workspace, "sleep 60"))
        started = time.monotonic()
        await process.kill(at_once=True)
        longest = max(longest, time.monotonic() - started)
    assert longest < CERTAIN_SECONDS / 2, "it was waited for until the deadline"


async def test_git_does_not_stumble_over_what_is_kept_unwritable(workspace: Path) -> None:
    found = probe(ENVIRON["PATH"])
    assert found.bubblewrap, f"these tests need bubblewrap: {found.why_not}"
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *identity, *words], cwd=workspace, check=True)
    (workspace / "new.txt").write_text("new")
    script = (
        "export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@e GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@e; git status --short;"
        "git stash -q -u && ls && git stash pop -q >/dev/null && cat new.txt && git clean -fdq && git status --short"
    )
    command = simple(workspace, script)._replace(protected=unwritable_for_commands(workspace))
    output, ended = await run(BubblewrapSandbox(found.bubblewrap, ENVIRON), command)
    assert (output, ended) == ("?? new.txt\nnew", Exit(0))
    assert not (workspace / ".cherry").exists()

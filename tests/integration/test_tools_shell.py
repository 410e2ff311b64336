"""Commands through the whole chain, in the sandbox of this machine."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cherry.domain.calls import Call, Result, Status
from cherry.domain.errors import CherryError, sandbox, tools
from cherry.domain.views import CommandView
from cherry.testing.calls import ToolBench, tools_on


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ToolBench]:
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work") as running:
        yield running


def process_id(result: Result) -> str:
    return result.text.split("with id ")[1].split(".")[0]


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.01)


def grows(path: Path) -> Callable[[], bool]:
    """Whether somebody still writes to the file, judged from call to call."""
    sizes: list[int] = []

    def check() -> bool:
        sizes.append(path.stat().st_size if path.exists() else 0)
        return len(sizes) > 20 and sizes[-1] != sizes[-20]

    return check


async def stands_still(path: Path) -> None:
    await asyncio.sleep(0.1)
    before = path.stat().st_size
    for _ in range(20):
        await asyncio.sleep(0.01)
        assert path.stat().st_size == before, "something still writes"


TICKING = "(while true; do echo x >> ticks; sleep 0.02; done) & (trap '' TERM; while true; do echo y >> ticks; sleep 0.02; done)"


async def test_output_exit_code_and_duration_come_back(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="echo out; echo err >&2; exit 3")
    assert result.text.startswith("out\nerr\nExit code 3 after 0.")
    assert result.status is Status.ERROR
    assert result.fault is None
    assert result.untrusted
    assert isinstance(result.view, CommandView)
    assert (result.view.exit_code, result.view.output) == (3, "out\nerr\n")
    (intent,) = bench.intents
    assert intent.command == "echo out; echo err >&2; exit 3"
    assert intent.effect == "run"


async def test_silence_is_said(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="true")
    assert result.text.startswith("(no output)\nExit code 0")
    assert result.ok


async def test_a_command_does_not_wait_for_input(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="cat; read x; echo $?", timeout=20)
    assert result.text.startswith("1\n")


async def test_output_is_told_while_it_is_printed(bench: ToolBench) -> None:
    running = asyncio.create_task(
        bench.run("shell.run", command="echo first; until [ -e go ]; do sleep 0.01; done; echo last")
    )
    await eventually(lambda: "first" in bench.streamed)
    assert not running.done()
    (bench.workspace / "go").touch()
    assert "first\nlast\n" in (await running).text
    assert bench.streamed == "first\nlast\n"


async def test_colours_are_stripped_and_progress_bars_folded(bench: ToolBench) -> None:
    command = r"printf '\033[31mred\033[0m\n10%%\r50%%\r100%%\ndone\n\033]0;title\007x\n'"
    result = await bench.run("shell.run", command=command)
    assert result.text.startswith("red\n100%\ndone\nx\n")
    assert "\x1b" not in bench.streamed


async def test_what_is_no_text_does_no_harm(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="head -c 100000 /dev/urandom")
    result.model_dump_json()
    assert "\x1b" not in result.text


async def test_a_timeout_gives_back_what_was_printed_and_ends_the_whole_tree(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command=f"echo before; {TICKING}", timeout=0.5)
    assert result.text.startswith("before\nNot finished after 0.5 s (argument timeout)")
    assert result.status is Status.PARTIAL
    await stands_still(bench.workspace / "ticks")


async def test_cancelling_ends_the_whole_tree(bench: ToolBench) -> None:
    ticks = bench.workspace / "ticks"
    task = asyncio.create_task(bench.run("shell.run", command=TICKING))
    await eventually(ticks.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stands_still(ticks)


async def test_cancelling_twice_ends_it_all_the_same(bench: ToolBench) -> None:
    ticks = bench.workspace / "ticks"
    task = asyncio.create_task(bench.run("shell.run", command=TICKING))
    await eventually(ticks.exists)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await bench.processes.close()
    await stands_still(ticks)


async def test_a_child_left_behind_does_not_hold_the_call(bench: ToolBench) -> None:
    async with asyncio.timeout(15):
        result = await bench.run("shell.run", command="sleep 60 & echo started")
    assert result.text.startswith("started\nExit code 0")


async def test_long_output_is_cut_and_can_be_read_on(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="seq 1 200000")
    assert result.text.startswith("1\n2\n")
    assert "200000\nExit code 0" in result.text
    assert len(result.text) < 31_000
    path = f"output:{result.kept}"
    assert f'"{path}"' in result.text
    offset = int(result.text.split("offset ")[1].split(" ")[0])
    page = await bench.run("fs.read", path=path, offset=offset, limit=2)
    assert page.text.startswith(f"{offset:>6}\t{offset}\n")


async def test_very_much_output_is_bounded_in_memory(bench: ToolBench) -> None:
    result = await bench.run("shell.run", command="yes abcdefgh | head -c 40000000; echo; echo the end")
    assert "the end\nExit code 0" in result.text
    whole = await bench.blobs.get(result.kept)
    assert len(whole) < 17 << 20
    assert b"bytes of output were not kept" in whole


async def test_endless_output_holds_up_nobody(bench: ToolBench) -> None:
    flood = asyncio.create_task(bench.run("shell.run", command="yes 'line of output that goes on'", timeout=1))
    await eventually(lambda: len(bench.streamed) > 0)
    turns = 0
    while not flood.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    result = await flood
    assert result.status is Status.PARTIAL
    assert result.seconds < 10


async def test_a_background_command_is_read_and_stopped(bench: ToolBench) -> None:
    started = await bench.run(
        "shell.run", command="echo one; until [ -e go ]; do sleep 0.01; done; echo two; sleep 60", background=True
    )
    name = process_id(started)
    assert "\none\n" in started.text
    assert "Running for" in started.text
    assert started.ok
    (bench.workspace / "go").touch()
    news = await bench.run("shell.output", id=name)
    assert news.text.startswith("two\nRunning for")
    stopped = await bench.run("shell.stop", id=name)
    assert stopped.text.startswith("(nothing new)\nStopped after"), stopped.text
    again = await bench.run("shell.output", id=name)
    assert "Stopped after" in again.text


async def test_waiting_for_news_ends_with_the_command(bench: ToolBench) -> None:
    started = await bench.run("shell.run", command="until [ -e go ]; do sleep 0.01; done; exit 4", background=True)
    asking = asyncio.create_task(bench.run("shell.output", id=process_id(started)))
    await asyncio.sleep(0)
    (bench.workspace / "go").touch()
    async with asyncio.timeout(4):
        assert "Exit code 4" in (await asking).text


async def test_a_background_command_that_fails_at_once_says_so_at_once(bench: ToolBench) -> None:
    started = await bench.run("shell.run", command="no-such-program", background=True)
    assert "not found" in started.text
    assert "Exit code 127" in started.text


async def test_an_unknown_process_is_refused(bench: ToolBench) -> None:
    for name in ("shell.output", "shell.stop"):
        result = await bench.run(name, id="p_nope")
        assert result.fault
        assert result.fault.code == tools.UNKNOWN_PROCESS.code


async def test_closing_ends_what_runs_in_the_background(bench: ToolBench) -> None:
    await bench.run("shell.run", command=TICKING, background=True)
    ticks = bench.workspace / "ticks"
    await eventually(ticks.exists)
    await bench.processes.close()
    await stands_still(ticks)
    result = await bench.run("shell.run", command="echo x")
    assert result.fault
    assert result.fault.code == sandbox.START_FAILED.code


async def test_so_many_commands_at_once_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work") as bench:
        results = await asyncio.gather(
            *(bench.run("shell.run", command="sleep 60", background=True) for _ in range(25))
        )
        refused = [result for result in results if result.fault]
        assert len(refused) == 1
        assert "24 commands are running already" in refused[0].text


async def test_a_denied_command_does_not_run(bench: ToolBench) -> None:
    bench.refuse = CherryError(tools.DENIED)
    result = await bench.run("shell.run", command="touch x")
    assert result.fault
    assert list(bench.workspace.iterdir()) == []


@pytest.mark.parametrize("timeout", [0, -1, 3601, "soon"])
async def test_timeouts_have_bounds(bench: ToolBench, timeout: object) -> None:
    result = await bench.run("shell.run", command="true", timeout=timeout)
    assert result.fault
    assert result.fault.code == tools.BAD_ARGUMENTS.code


async def test_a_command_with_nul_or_too_long_is_refused_clearly(bench: ToolBench) -> None:
    for command in ("echo a\0b", "echo " + "x" * 3_000_000):
        result = await bench.run("shell.run", command=command)
        assert result.fault
        assert result.fault.code != tools.CRASHED.code, result.text


async def test_live_calls_run_side_by_side(bench: ToolBench) -> None:
    calls = [
        Call(
            id=f"c{n}",
            tool="shell_run",
            arguments={"command": f"echo {n}; touch f{n}; until [ -e f0 -a -e f1 -a -e f2 ]; do sleep 0.01; done"},
        )
        for n in range(3)
    ]
    async with asyncio.timeout(20):
        results = await asyncio.gather(*(bench.execute(call) for call in calls))
    assert [result.text[0] for result in results] == ["0", "1", "2"]


async def test_no_descriptors_are_left_open(bench: ToolBench) -> None:
    await bench.run("shell.run", command="echo warm")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        await bench.run("shell.run", command="seq 1 100000")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


async def test_commits_of_commands_are_those_of_the_user(tmp_path: Path) -> None:
    work = repository(tmp_path / "work")
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Ada O'Löve\n\temail = ada@example.org\n")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with tools_on(work, environ=environ) as bench:
        told = await bench.run("shell.run", command="git commit -q --allow-empty -m x && git log --format=%an,%ce")
    assert "Ada O'Löve,ada@example.org" in told.text


async def test_without_a_name_git_says_so_and_nothing_is_made_up(tmp_path: Path) -> None:
    work = repository(tmp_path / "work")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with tools_on(work, environ=environ) as bench:
        told = await bench.run("shell.run", command="git -c user.useConfigOnly=true commit --allow-empty -m x")
    assert "Please tell me who you are" in told.text


def repository(folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


async def test_why_a_repository_cannot_be_made_by_a_command_is_said(bench: ToolBench) -> None:
    told = await bench.run("shell.run", command="mkdir -p sub && git init . && ls")
    assert "Ask the user to run `git init`" in told.text
    assert "Ask the user" not in (await bench.run("shell.run", command="false")).text


async def test_a_background_command_is_answered_and_its_answer_comes_back(bench: ToolBench) -> None:
    script = "read -p 'Name? ' name; echo Hello $name; read again || echo over"
    id = process_id(await bench.run("shell.run", command=script, background=True))
    answered = await bench.run("shell.input", id=id, text="Ada")
    assert answered.text.startswith("Hello Ada\nRunning for")
    assert answered.untrusted
    ended = await bench.run("shell.input", id=id, close=True)
    assert ended.text.startswith("over\n")


async def test_what_is_typed_is_asked_for_and_in_the_record_before_it_is_typed(bench: ToolBench) -> None:
    id = process_id(await bench.run("shell.run", command="bash", background=True))
    result = await bench.run("shell.input", id=id, text="echo $((6 * 7))")
    assert "42" in result.text
    intent = bench.intents[-1]
    assert (intent.effect, intent.command) == ("run", "")
    assert isinstance(intent.view, CommandView)
    assert intent.view.command == "bash\necho $((6 * 7))\n"


async def test_a_command_in_the_background_whose_input_is_not_ended_goes_on(bench: ToolBench) -> None:
    id = process_id(await bench.run("shell.run", command="cat; echo after", background=True))
    assert "Running for" in (await bench.run("shell.input", id=id, text="a\nb")).text
    assert "after\nExit code 0" in (await bench.run("shell.input", id=id, text="c", close=True)).text


async def test_input_to_what_takes_none_is_told(bench: ToolBench) -> None:
    ended = process_id(await bench.run("shell.run", command="true", background=True))
    refused = await bench.run("shell.input", id=ended, text="x")
    assert refused.fault is not None
    assert refused.fault.code == tools.NO_INPUT.code
    open_id = process_id(await bench.run("shell.run", command="sleep 60", background=True))
    await bench.run("shell.input", id=open_id, close=True)
    again = await bench.run("shell.input", id=open_id, text="x")
    assert again.fault is not None
    assert again.fault.code == tools.NO_INPUT.code
    unknown = await bench.run("shell.input", id="p_none", text="x")
    assert unknown.fault is not None
    assert unknown.fault.code == tools.UNKNOWN_PROCESS.code

"""5.2 Two operations each hold what the other waits for."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words


async def test_naively_two_locks_in_two_orders_stand_still() -> None:
    first, second = asyncio.Lock(), asyncio.Lock()

    async def take(one: asyncio.Lock, other: asyncio.Lock) -> None:
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(take(first, second), take(second, first)), timeout=0.2)


def both(first: str, second: str, who: str) -> ToolCall:
    """One change of two files, named in this order."""
    parts = [f"*** Update File: {name}\n@@\n-end\n+{who}\n+end\n" for name in (first, second)]
    return ToolCall("fs.apply", {"patch": "*** Begin Patch\n" + "".join(parts) + "*** End Patch\n"})


def test_changes_of_the_same_files_in_opposite_order_all_come_to_an_end(cherry: Program) -> None:
    for name in ("a.txt", "b.txt"):
        cherry.write(name, "end\n")

    def tell(request: SeenRequest) -> Words:
        who = next(message.text for message in request.messages if message.role == "user")
        asked = [call for message in request.messages for call in message.calls]
        told = [message.text for message in request.messages if message.role == "tool"]
        made = {call.arguments for call, text in zip(asked, told, strict=True) if "Error" not in text}
        wanted = [both("a.txt", "b.txt", f"{who} down"), both("b.txt", "a.txt", f"{who} up")]
        left = [call for call in wanted if not any(call.arguments["patch"] == json.loads(one)["patch"] for one in made)]
        return left or f"{who} is done."

    with provider(Script.of(tell)) as double:
        running = [cherry.start("run", who, double=double) for who in ("one", "two")]
        assert [one.ended(seconds=20).out for one in running] == ["one is done.\n", "two is done.\n"]
    for name in ("a.txt", "b.txt"):
        assert sorted(cherry.read(name).splitlines()) == ["end", "one down", "one up", "two down", "two up"]


HOLDER = str(Path(__file__).parent / "hold_two.py")
FREE = "plugin.lock"
"""A name without a place in Cherry's order: nothing but the cycle itself can be seen."""


class Holders:
    """Processes that take two locks each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def start(self, first: str, second: str, *, name: str = FREE, seconds: float = 20) -> "subprocess.Popen[str]":
        paths = [str(self._folder / first), str(self._folder / second)]
        process = subprocess.Popen(
            [sys.executable, HOLDER, name, *paths, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stdout
        assert process.stdout.readline() == "has first\n"
        return process


def go_on(process: Any) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: Any) -> str:
    return str(process.stdout.readline())


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    with ExitStack() as stack:
        yield Holders(tmp_path, stack)


@pytest.mark.parametrize("circle", ["ab", "abc"])
def test_processes_that_wait_for_each_other_are_named_and_only_the_last_gives_up(
    holders: Holders, tmp_path: Path, circle: str
) -> None:
    since = time.monotonic()
    processes = [holders.start(one, two) for one, two in zip(circle, circle[1:] + circle[0], strict=True)]
    for process in processes:
        go_on(process)
    told = [said(process) for process in processes]
    assert time.monotonic() - since < 20, "nobody waited for the deadline"
    (error,) = (text for text in told if text != "has both\n")
    assert error.startswith("Deadlock: they wait for each other: process ")
    for process, lock in zip(processes, circle, strict=True):
        assert f"process {process.pid} (hold_two.py" in error
        assert f"has {tmp_path / lock} and waits for" in error


def test_locks_with_a_place_in_the_order_are_refused_out_of_it_without_any_waiting(holders: Holders) -> None:
    down, up = holders.start("a", "b", name="edits.lock"), holders.start("b", "a", name="edits.lock")
    go_on(up)
    assert said(up).startswith("LockOrderError: edits.lock ")
    assert up.wait(timeout=20) == 0
    go_on(down)
    assert said(down) == "has both\n"


def test_who_waits_too_long_is_told_which_process_holds_it_and_since_when(holders: Holders, tmp_path: Path) -> None:
    one, other = holders.start("a", "c"), holders.start("b", "a", seconds=0.2)
    go_on(other)
    error = said(other)
    assert error.startswith("LockTimeout: plugin.lock took longer than 0.2 s: held by process ")
    assert f"process {one.pid} (hold_two.py plugin.lock), which has it since" in error


def test_a_killed_holder_holds_nothing(holders: Holders) -> None:
    one, other = holders.start("a", "c"), holders.start("b", "a")
    go_on(other)
    one.kill()
    assert said(other) == "has both\n"

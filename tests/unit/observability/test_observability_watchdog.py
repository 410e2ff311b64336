"""When Cherry itself hangs it says what: with real loops and threads that really stand still."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cherry.kernel.waits import waiting
from cherry.observability.log import Log, LogFile
from cherry.observability.presence import Board, Presence, Waiting, present, start_of, telling
from cherry.observability.watchdog import Patience, Watchdog
from cherry.testing.program import wait_until

SOON = Patience(look=0.02, blocked=30, overdue=0.05, quiet=0.1, long_wait=0.05)


class Kennel:
    """A watchdog, its log, and what the user is told."""

    def __init__(self, root: Path, patience: Patience = SOON) -> None:
        self.log_file = root / "cherry.log"
        self.running = root / "running"
        self.stacks = root / "stacks.txt"
        self.told: list[str] = []
        self.dog = Watchdog(Log(LogFile(self.log_file)), running=self.running, stacks=self.stacks, patience=patience)

    def logged(self, event: str) -> list[dict[str, str]]:
        lines = self.log_file.read_text().splitlines() if self.log_file.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] == event]

    async def until_told(self) -> str:
        async with asyncio.timeout(20):
            while not self.told:
                await asyncio.sleep(0.01)
        return self.told[0]


@pytest.fixture
def kennel(tmp_path: Path) -> Kennel:
    return Kennel(tmp_path)


async def test_a_loop_that_is_blocked_is_told_with_the_place_in_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kennel = Kennel(tmp_path, SOON._replace(blocked=0.1))
    with kennel.dog.watching("s_1", kennel.told.append):
        await asyncio.sleep(0)
        wait_until(lambda: bool(kennel.logged("watchdog.hang")), what="the report")  # blocks the loop
    (hang,) = kennel.logged("watchdog.hang")
    assert "event loop is blocked" in hang["what"]
    assert "wait_until" in hang["stack"]
    assert "cherry: Cherry stands still since" in capsys.readouterr().err


async def test_a_wait_past_its_deadline_is_told_once_by_name_with_its_stack(kennel: Kennel) -> None:
    async def waits_too_long() -> None:
        with waiting("mcp.answer", 0.01, "docs server"):
            await asyncio.Event().wait()

    task = asyncio.create_task(waits_too_long())
    with kennel.dog.watching("s_1", kennel.told.append):
        told = await kennel.until_told()
        assert told.startswith("A wait did not end at its deadline: docs server since")
        assert "(mcp.answer, deadline 0.01 s)" in told
        assert "waits_too_long" in kennel.logged("watchdog.hang")[0]["stack"]
        assert kennel.dog.look() == [], "told once"
    task.cancel()


async def test_others_see_a_hang_until_it_is_over(kennel: Kennel) -> None:
    async def until(what: str, *, there: bool) -> None:
        async with asyncio.timeout(20):
            while (what in telling(kennel.running).get("s_1", "")) is not there:
                await asyncio.sleep(0.01)

    with kennel.dog.watching("s_1", kennel.told.append):
        with waiting("mcp.answer", 0.01, "docs server"):
            await until("did not end at its deadline", there=True)
        await until("did not end at its deadline", there=False)


async def test_a_thread_that_is_stuck_is_told_with_its_stack(kennel: Kennel) -> None:
    release = threading.Event()

    def stuck() -> None:
        with waiting("storage.append.thread", 0.01):
            release.wait(20)

    thread = threading.Thread(target=stuck)
    thread.start()
    try:
        with kennel.dog.watching("s_1", kennel.told.append):
            assert "storage.append.thread" in await kennel.until_told()
        assert "release.wait" in kennel.logged("watchdog.hang")[0]["stack"]
    finally:
        release.set()
        thread.join()


async def test_a_turn_in_which_nothing_happens_is_told_with_the_stacks_of_its_tasks(kennel: Kennel) -> None:
    async def forgotten() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(forgotten(), name="forgotten")
    with kennel.dog.watching("s_1", kennel.told.append):
        told = await kennel.until_told()
    assert "Nothing has happened for" in told
    assert "session s_1" in told
    assert "task forgotten" in kennel.logged("watchdog.hang")[0]["stack"]
    task.cancel()


async def test_waiting_for_a_person_is_no_hang_and_what_happens_ends_one(tmp_path: Path) -> None:
    kennel = Kennel(tmp_path, Patience(look=60, quiet=0))  # it is looked here, by hand
    with kennel.dog.watching("s_1", kennel.told.append) as turning:
        with waiting("approval", detail="you"):
            assert kennel.dog.look() == []
        await asyncio.sleep(0)  # the loop turns
        assert [found.what.startswith("Nothing has happened") for found in kennel.dog.look()] == [True]
        await asyncio.sleep(0)
        assert kennel.dog.look() == [], "told once"
        turning.progress()
        await asyncio.sleep(0)
        assert len(kennel.dog.look()) == 1, "and again when it happens again"


async def test_other_processes_see_what_is_waited_for(kennel: Kennel) -> None:
    with kennel.dog.watching("s_1", kennel.told.append), waiting("model.first_byte", 60.0, "api.openai.com"):
        async with asyncio.timeout(20):
            while "waiting" not in telling(kennel.running).get("s_1", ""):
                await asyncio.sleep(0.01)
        line = telling(kennel.running)["s_1"]
        assert line.startswith("waiting for api.openai.com since ")
        assert f"(model.first_byte, deadline 60 s; process {os.getpid()})" in line
    assert telling(kennel.running) == {}


async def test_no_turn_no_thread(kennel: Kennel) -> None:
    def dogs() -> int:
        return sum(thread.name == "watchdog" for thread in threading.enumerate())

    before = dogs()
    with kennel.dog.watching("s_1", kennel.told.append), kennel.dog.watching("s_2", kennel.told.append):
        assert dogs() == before + 1
    async with asyncio.timeout(20):
        while dogs() > before:
            await asyncio.sleep(0.01)


async def test_asked_by_a_signal_it_writes_where_it_stands(kennel: Kennel) -> None:
    with kennel.dog.watching("s_1", kennel.told.append), waiting("lsp.start", 9.0):
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(20):
            while not kennel.logged("watchdog.asked"):
                await asyncio.sleep(0.01)
        assert "lsp.start" in kennel.logged("watchdog.asked")[0]["stack"]
        assert "test_asked_by_a_signal" in kennel.stacks.read_text()
    os.kill(os.getpid(), signal.SIGUSR1)  # between turns it ends nobody


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = start_of(child.pid)
    left = tmp_path / f"{child.pid}.json"
    left.write_text(
        json.dumps(Presence(child.pid, started, ("s_9",), (Waiting("a", "", time.time(), None),))._asdict())
    )
    assert [one.sessions for one in present(tmp_path)] == [("s_9",)]
    child.kill()
    child.wait()
    assert list(present(tmp_path)) == []
    assert not left.exists()


def test_a_broken_file_and_a_missing_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{")
    assert list(present(tmp_path)) == []
    assert list(present(tmp_path / "none")) == []


def test_a_board_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    board = Board(tmp_path / "file" / "below")
    board.show(["s_1"], [], "")
    board.clear()

"""Ctrl+C and its relatives at every kind of moment: stops at once, keeps what is done, goes on later, leaves nothing running."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cherry.testing.program import Ended, Line, Program, provider, wait_until
from cherry.testing.scripts import Hang, HangMidStream, Script, ToolCall, Words, answer

AT_ONCE = 2.0
"""Seconds; generous, the machine may be busy. `make bench` measures."""
EDIT = ToolCall("fs.write", {"path": "kept.txt", "content": "kept\n"})
LARGE = ToolCall("fs.edit", {"path": "huge", "old": "a", "new": "b"})
"""Two gigabytes to look through."""
FAMILY = ToolCall("shell.run", {"command": "(sleep 611; echo late > late) & sleep 612"})


STUBBORN = ToolCall("shell.run", {"command": "trap '' TERM INT HUP; echo up; while :; do sleep 0.1; done"})


def is_waiting(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "working" and line["what"].startswith("Waiting")


def is_text(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "text"


def is_output(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "output"


MOMENTS: dict[str, tuple[Words, str | Callable[[Line], bool], int]] = {
    "waiting for the model": (Hang(), is_waiting, 2),
    "streaming an answer": (HangMidStream(after=4), is_text, 1),
    "running a command that has children": (FAMILY, "tool.started", 2),
    "running a command that does not want to end": (STUBBORN, is_output, 1),
    "looking through a large file": (LARGE, "assistant.message", 2),
}


def stopped(cherry: Program, ended: Ended, since: float) -> None:
    assert time.monotonic() - since < AT_ONCE
    assert ended.code == 130
    assert ended.end["outcome"] == "interrupted"
    assert ended.end["exit_code"] == 130
    assert ended.event("turn.finished")["outcome"] == "interrupted"
    assert cherry.read("kept.txt") == "kept\n"
    cherry.expect_no_leftovers()


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_stops_at_once_and_the_turn_goes_on_later(cherry: Program, moment: str) -> None:
    answer, wanted, count = MOMENTS[moment]
    with cherry.write("huge", "").open("wb") as huge:
        huge.truncate(2 << 30)
    with provider(Script(EDIT, answer, "Went on.")) as double:
        running = cherry.start("run", "--json", "--yes", "go", double=double)
        running.until(wanted, count=count)
        since = time.monotonic()
        running.send_signal(signal.SIGINT)
        stopped(cherry, running.ended(), since)
        ended = cherry.run("run", "--json", "--yes", "-c", double=double)
        assert (ended.code, ended.end["answer"]) == (0, "Went on.")
        assert len(double.model_requests) == 3
        assert double.complaints == []
        assert not (cherry.workspace / "late").exists()


def test_ctrl_c_at_an_approval_stops_and_it_is_asked_again(cherry: Program) -> None:
    with provider(Script(EDIT, ToolCall("shell.run", {"command": "echo x > made"}), "Went on.")) as double:
        with cherry.terminal("run", "go", double=double) as terminal:
            terminal.expect("Allow?")
            since = time.monotonic()
            terminal.keys("\x03")
            assert terminal.wait() == 130
            assert time.monotonic() - since < AT_ONCE
        assert not (cherry.workspace / "made").exists()
        with cherry.terminal("run", "-c", double=double) as terminal:
            came = terminal.expect("Went on.")
            terminal.wait()
        assert "Cancelled" in double.model_requests[-1].seen.results[-1].text or "Allow?" in came


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["SIGTERM", "SIGHUP"])
def test_being_told_to_end_is_like_ctrl_c(cherry: Program, number: int, code: int) -> None:
    with provider(Script(EDIT, FAMILY)) as double:
        running = cherry.start("run", "--json", "--yes", "go", double=double)
        running.until("tool.started", count=2)
        running.send_signal(number)
        ended = running.ended(seconds=AT_ONCE)
        assert ended.code == code
        assert ended.end["exit_code"] == code
        assert ended.end["outcome"] == "interrupted"
        cherry.expect_no_leftovers()


def test_a_second_ctrl_c_leaves_at_once_and_what_ran_ends_too(cherry: Program) -> None:
    with provider(Script(EDIT, STUBBORN, "Went on.")) as double:
        running = cherry.start("run", "--json", "--yes", "go", double=double)
        running.until(is_output)
        running.send_signal(signal.SIGINT)
        time.sleep(0.05)
        since = time.monotonic()
        running.send_signal(signal.SIGINT)
        ended = running.ended()
        assert time.monotonic() - since < AT_ONCE
        assert ended.code == 130
        assert ended.end["exit_code"] == 130
        cherry.expect_no_leftovers()
        ended = cherry.run("run", "--json", "--yes", "-c", double=double)
        assert (ended.code, ended.end["answer"]) == (0, "Went on.")


def test_what_was_started_to_outlive_its_terminal_is_not_stopped_by_its_end(cherry: Program) -> None:
    with provider(Script(answer("Done all the same.", delay=0.5))) as double:
        running = cherry.start("run", "--json", "go", double=double, before=["nohup"])
        running.until(is_waiting)
        running.send_signal(signal.SIGHUP)
        assert running.ended().end["answer"] == "Done all the same."


@pytest.mark.parametrize("library", ["_pydantic_core", "_sqlite3"])
def test_ctrl_c_while_it_starts_ends_it_without_a_word(cherry: Program, library: str) -> None:
    with provider(Hang()) as double:
        running = cherry.start("run", "go", double=double)
        memory = Path(f"/proc/{running.process.pid}/maps")
        wait_until(lambda: library in memory.read_text(), what=f"the import of {library}")
        running.send_signal(signal.SIGINT)
        ended = running.ended(seconds=AT_ONCE)
        assert ended.code in (130, -signal.SIGINT)
        assert "Traceback" not in ended.err
        assert "panicked" not in ended.err

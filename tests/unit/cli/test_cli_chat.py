"""A conversation in a real terminal: talking, steering, deciding, stopping, leaving."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cherry.cli.chat.slash import SLASH_COMMANDS, Slash, Unknown, parse_slash
from cherry.testing.terminal import Terminal

PROGRAM = str(Path(__file__).parent / "programs" / "fake_cherry.py")
PROMPT = "› "


class Machine:
    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self._report = root / "report.json"

    def chat(
        self, scenario: str, *arguments: str, columns: int = 80, before: Sequence[str] = (), **environ: str
    ) -> Terminal:
        command = [*before, sys.executable, PROGRAM, scenario, str(self._report), *arguments]
        return Terminal(command, columns=columns, environ=environ)

    @property
    def told(self) -> Any:
        return json.loads(self._report.read_text())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("columns", [40, 80])
def test_a_request_is_answered_and_the_prompt_comes_back(machine: Machine, columns: int) -> None:
    with machine.chat("simple", columns=columns) as terminal:
        terminal.expect("fake/model")
        terminal.expect(PROMPT)
        terminal.keys("mend it\r")
        terminal.expect("› mend it")
        terminal.expect("All done.")
        terminal.expect("✓ Done")
        terminal.expect(PROMPT)
        terminal.keys("again\r")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["requests"] == ["mend it", "again"]
    assert machine.told["closed"] is True


def test_what_is_typed_while_it_works_reaches_the_turn(machine: Machine) -> None:
    with machine.chat("steered") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("start\r")
        terminal.expect("Waiting for fake/model")
        terminal.keys("and quickly\r")
        terminal.expect("Heard.")
        terminal.expect("✓ Done")
        terminal.keys("/quit\r")
        assert terminal.wait() == 0
    assert machine.told["steered"] == ["and quickly"]


def test_an_approval_is_answered_at_the_prompt(machine: Machine) -> None:
    with machine.chat("asks") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("$ pytest -q\\x1b[2K")
        terminal.expect("always (pytest *)")
        terminal.expect("allow › ")
        terminal.keys("s\r")
        terminal.expect("✓ Run pytest -q")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["decisions"] == [{"approval_id": "a1", "allowed": True, "remember": "session", "comment": ""}]


def test_at_a_question_one_can_still_look_around_and_leave(machine: Machine) -> None:
    with machine.chat("asks") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("allow › ")
        terminal.keys("/help\r")
        terminal.expect("/compact")
        terminal.keys("/quit\r")
        assert terminal.wait() == 0
    assert machine.told["decisions"] == []
    assert machine.told["interrupts"] == 1


def test_a_half_typed_text_is_not_taken_for_the_answer_to_a_question_that_appears(machine: Machine) -> None:
    with machine.chat("late") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("Waiting for fake/model")
        terminal.keys("first\ry")
        terminal.expect("allow › ")
        terminal.keys("n\r")
        terminal.expect("✓ Done")
        terminal.expect("› y")
        terminal.keys("\x15\x04")
        assert terminal.wait() == 0
    assert machine.told["decisions"][0]["allowed"] is False


def test_a_question_is_answered_at_the_prompt(machine: Machine) -> None:
    with machine.chat("question") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("2. blue")
        terminal.expect("answer › ")
        terminal.keys("green\r")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["answers"] == [["q1", "green"]]


def test_one_ctrl_c_stops_the_turn_and_the_conversation_goes_on(machine: Machine) -> None:
    with machine.chat("hangs") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("Half an ans")
        terminal.keys("\x03")
        terminal.expect("■ Interrupted", seconds=5)
        terminal.expect(PROMPT)
        terminal.keys("go on\r")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["interrupts"] == 1


def test_ctrl_c_twice_leaves_an_idle_prompt_and_once_only_clears_the_line(machine: Machine) -> None:
    with machine.chat("simple") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("half")
        terminal.expect("half")
        terminal.keys("\x03\x03")
        terminal.expect("Ctrl+C again or Ctrl+D leaves")
        terminal.keys("\x03")
        assert terminal.wait() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_being_ended_from_outside_stops_the_turn_in_order(machine: Machine, number: signal.Signals, code: int) -> None:
    with machine.chat("hangs") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("Half an ans")
        terminal.send_signal(number)
        assert terminal.wait() == code
    assert machine.told["interrupts"] == 1


def test_what_was_started_to_outlive_its_terminal_is_not_ended_by_a_hang_up(machine: Machine) -> None:
    with machine.chat("hangs", before=["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]) as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("Half an ans")
        terminal.send_signal(signal.SIGHUP)
        terminal.keys("\x03")
        terminal.expect("■ Interrupted")
        terminal.expect(PROMPT)
        terminal.keys("\x04")
        assert terminal.wait() == 0


def test_a_closed_window_ends_the_conversation_in_order(machine: Machine) -> None:
    with machine.chat("hangs") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("go\r")
        terminal.expect("Half an ans")
        terminal.hang_up()
        assert terminal.wait() == 129
    assert machine.told["interrupts"] == 1
    assert machine.told["closed"] is True


def test_several_lines_can_be_typed_and_pasted(machine: Machine) -> None:
    with machine.chat("simple") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("one\\\rtwo\x1b\rthree")
        terminal.keys("\x1b[200~ pasted\nfour\x1b[201~\r")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["requests"] == ["one\ntwo\nthree pasted\nfour"]


def test_slash_commands_look_around_without_costing_anything(machine: Machine) -> None:
    with machine.chat("simple") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("/help\r")
        terminal.expect("/compact")
        terminal.expect("Alt+Enter")
        terminal.keys("/cots\r")
        terminal.expect("Did you mean /cost?")
        terminal.keys("/cost\r")
        terminal.expect("Nothing has happened in this conversation yet")
        terminal.keys("/attach /no/such/file\r")
        terminal.expect("run.bad_attachment")
        terminal.keys("hello\r")
        terminal.expect("✓ Done")
        terminal.keys("/cost\r")
        terminal.expect("1 turn · 120 tokens · $0.0010")
        terminal.keys("/undo\r")
        terminal.expect("edits.nothing_to_undo")
        terminal.keys("/sessions\r")
        terminal.expect("s_0001")
        terminal.keys("/model c/d\r")
        terminal.expect("From the next turn on: c/d")
        terminal.keys("/diff\r")
        terminal.expect("No changes stand.")
        terminal.keys("/quit\r")
        assert terminal.wait() == 0
    assert machine.told["requests"] == ["hello"]


def test_what_was_typed_is_kept_for_next_time_and_for_nobody_else(machine: Machine) -> None:
    for keys in ("remember me\r", "\x1b[A\r"):
        with machine.chat("simple") as terminal:
            terminal.expect(PROMPT)
            terminal.keys(keys)
            terminal.expect("✓ Done")
            terminal.keys("\x04")
            assert terminal.wait() == 0
        assert machine.told["requests"] == ["remember me"]
    history = machine.home / "state" / "chat_history"
    assert history.stat().st_mode & 0o777 == 0o600


def test_a_state_folder_that_cannot_be_written_costs_only_the_history(machine: Machine) -> None:
    machine.home.mkdir()
    (machine.home / "state").write_text("in the way")
    with machine.chat("simple") as terminal:
        terminal.expect(PROMPT)
        terminal.keys("hello\r")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0


def test_a_terminal_that_cannot_move_its_cursor_will_do(machine: Machine) -> None:
    with machine.chat("asks", TERM="dumb") as terminal:
        terminal.expect("Ctrl+D leaves")
        terminal.keys("go\n")
        terminal.expect("allow › ")
        terminal.keys("y\n")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert "\x1b" not in terminal.raw
    assert machine.told["decisions"][0]["allowed"] is True


def test_a_first_request_can_be_given_on_the_command_line(machine: Machine) -> None:
    with machine.chat("simple", "chat", "begin", "here") as terminal:
        terminal.expect("› begin here")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
    assert machine.told["requests"] == ["begin here"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("/undo 3", Slash("/undo", "3")),
        ("/exit", Slash("/quit", "")),
        ("/modle", Unknown("/modle", "/model")),
        ("/xyzzy", Unknown("/xyzzy", "")),
        ("/etc/hosts is wrong", None),
        ("// a comment", None),
        ("undo /that", None),
    ],
)
def test_commands_are_told_from_requests(line: str, meant: object) -> None:
    assert parse_slash(line) == meant
    assert all(name.startswith("/") for name in SLASH_COMMANDS)

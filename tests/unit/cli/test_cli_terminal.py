"""`cherry run` in a real terminal, and what signals and closed pipes do to it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cherry.testing.terminal import Terminal

PROGRAM = str(Path(__file__).parent / "programs" / "fake_cherry.py")


class Machine:
    def __init__(self, root: Path) -> None:
        self._report = root / "report.json"

    def command(self, scenario: str, *arguments: str) -> list[str]:
        return [sys.executable, PROGRAM, scenario, str(self._report), *arguments]

    def run(self, scenario: str, *arguments: str, columns: int = 80, **environ: str) -> Terminal:
        return Terminal(self.command(scenario, *(arguments or ("do it",))), columns=columns, environ=environ)

    @property
    def told(self) -> Any:
        """What the client was told."""
        return json.loads(self._report.read_text())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_everything_is_drawn_and_the_last_line_says_what_it_took(machine: Machine) -> None:
    with machine.run("simple") as terminal:
        assert terminal.wait() == 0
    assert "fake/model · s_0001" in terminal.text
    assert "All done.\n✓ Done · 1 step · 120 tokens · $0.0010 · 1.5 s\n" in terminal.text


@pytest.mark.parametrize("columns", [40, 80])
def test_no_status_ever_wraps(machine: Machine, columns: int) -> None:
    with machine.run("long", columns=columns) as terminal:
        assert terminal.wait() == 0
    for piece in terminal.raw.split("\r\x1b[K")[1:]:
        if piece.startswith("\x1b[2m"):
            assert len(piece.split("\x1b[0m")[0].removeprefix("\x1b[2m")) < columns


def test_no_color_means_no_colour_but_still_one_changing_line(machine: Machine) -> None:
    with machine.run("simple", NO_COLOR="1") as terminal:
        assert terminal.wait() == 0
    assert "\x1b[3" not in terminal.raw
    assert "\x1b[2m" not in terminal.raw


def test_a_dumb_terminal_gets_plain_lines(machine: Machine) -> None:
    with machine.run("asks", TERM="dumb") as terminal:
        terminal.expect("do instead: ")
        terminal.keys("y\n")
        assert terminal.wait() == 0
    assert "\x1b" not in terminal.raw


def test_a_terminal_without_utf8_gets_letters_for_signs(machine: Machine) -> None:
    with machine.run("simple", PYTHONIOENCODING="ascii", PYTHONUTF8="0") as terminal:
        assert terminal.wait() == 0
    assert "+ Done - 1 step" in terminal.text


def test_an_approval_shows_the_command_harmlessly_and_remembers_as_told(machine: Machine) -> None:
    with machine.run("asks") as terminal:
        shown = terminal.expect("Allow? ")
        assert "$ pytest -q\\x1b[2K" in shown
        assert "pytest does more than read" in shown
        terminal.expect("always (pytest *)")
        terminal.expect("instead: ")
        terminal.keys("a\n")
        terminal.expect("✓ Run pytest -q · 2.0 s")
        assert terminal.wait() == 0
    assert machine.told["decisions"] == [{"approval_id": "a1", "allowed": True, "remember": "always", "comment": ""}]


@pytest.mark.parametrize(
    ("typed", "allowed", "comment"),
    [("\n\ny\n", True, ""), ("n\n", False, ""), ("use make test instead\n", False, "use make test instead")],
)
def test_words_that_are_no_answer_are_a_refusal_with_a_comment(
    machine: Machine, typed: str, allowed: bool, comment: str
) -> None:
    with machine.run("asks") as terminal:
        for line in typed.splitlines(keepends=True):
            terminal.expect("instead: ")
            terminal.keys(line)
        assert terminal.wait() == 0
    decision = machine.told["decisions"][0]
    assert (decision["allowed"], decision["comment"]) == (allowed, comment)


@pytest.mark.parametrize(("typed", "allowed"), [("y\n", False), ("rm build\n", True)])
def test_something_dangerous_wants_its_words_typed(machine: Machine, typed: str, allowed: bool) -> None:
    with machine.run("danger") as terminal:
        terminal.expect("Type 'rm build' to allow it")
        terminal.expect(": ")
        terminal.keys(typed)
        assert terminal.wait() == 0
    assert machine.told["decisions"][0]["allowed"] is allowed


def test_a_question_is_answered_by_number_or_in_words(machine: Machine) -> None:
    with machine.run("question") as terminal:
        terminal.expect("2. blue")
        terminal.expect("words: ")
        terminal.keys("2\n")
        assert terminal.wait() == 0
    assert machine.told["answers"] == [["q1", "blue"]]


def test_ctrl_d_at_a_question_stops_the_turn(machine: Machine) -> None:
    with machine.run("asks") as terminal:
        terminal.expect("instead: ")
        terminal.keys("\x04")
        assert terminal.wait() == 130
    assert machine.told["decisions"] == []


def test_one_ctrl_c_stops_the_turn_and_what_was_done_is_kept(machine: Machine) -> None:
    with machine.run("hangs") as terminal:
        terminal.expect("Half an ans")
        terminal.keys("\x03")
        terminal.expect("Stopping; what is done is kept")
        terminal.expect("■ Interrupted")
        terminal.expect('with other words: cherry -c "…"')
        assert terminal.wait() == 130
    assert machine.told["interrupts"] == 1
    assert machine.told["closed"] is True


def test_quiet_in_a_terminal_still_shows_what_must_be_decided_and_then_the_answer(machine: Machine) -> None:
    with machine.run("asks", "-q", "do it") as terminal:
        assert "$ pytest -q" in terminal.expect("instead: ")
        terminal.keys("y\n")
        assert terminal.wait() == 0
    assert "✓" not in terminal.text
    assert terminal.text.endswith("All passed.\n")


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_signal_before_there_is_a_turn_ends_the_command(machine: Machine, option: str) -> None:
    command = machine.command("stuck", option, "do it")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert process.stderr.readline() == b"opening\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 143
    assert err == b""
    if option == "--json":
        assert json.loads(out.splitlines()[-1])["outcome"] == "interrupted"


def test_ctrl_c_at_a_question_stops_the_turn(machine: Machine) -> None:
    with machine.run("asks") as terminal:
        terminal.expect("instead: ")
        terminal.keys("\x03")
        assert terminal.wait() == 130
    assert machine.told["decisions"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_other_ways_to_be_stopped_keep_what_is_done_too(machine: Machine, number: signal.Signals, code: int) -> None:
    with machine.run("hangs") as terminal:
        terminal.expect("Half an ans")
        terminal.send_signal(number)
        assert terminal.wait() == code
    assert machine.told["interrupts"] == 1


def test_a_closed_window_interrupts_in_order(machine: Machine) -> None:
    with machine.run("hangs") as terminal:
        terminal.expect("Half an ans")
        terminal.hang_up()
        assert terminal.wait() == 129
    assert machine.told["closed"] is True


def test_json_ends_with_its_end_line_on_an_interrupt(machine: Machine) -> None:
    command = machine.command("hangs", "--json", "do it")
    lines = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1].get("kind") == "working":
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143
    assert lines[-1]["type"] == "end"
    assert lines[-1]["outcome"] == "interrupted"
    assert lines[-1]["exit_code"] == 143


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_reader_that_goes_away_ends_it_quietly(machine: Machine, option: list[str]) -> None:
    command = machine.command("chatter", *option, "do it") if option else machine.command("simple", "do it")
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    if option:
        process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=20) == 141
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors

"""`cherry run` in pipes: what stands on which stream, and what the exit code says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cherry.domain.content import FilePart, ImagePart, TextPart
from cherry.domain.errors import CherryError, gateway, run, storage
from cherry.domain.events import ApprovalRequested, Recorded
from cherry.domain.live import StreamReset, TextStreamed
from cherry.testing.client import Raise, ended, finished, said, started

TURN = [
    TextStreamed(1, "All "),
    TextStreamed(1, "done."),
    started("c", "Read a"),
    ended("c"),
    said("All done."),
    finished(),
]


def test_in_a_pipe_standard_output_is_the_answer_and_nothing_else(commands: Any) -> None:
    commands.script(TURN)
    result = commands.here("run", "do it")
    assert (result.code, result.out) == (0, "All done.\n")
    assert "✓ Read a" in result.err
    assert "✓ Done · 1 step · 120 tokens" in result.err
    assert "\x1b" not in result.err


def test_quiet_leaves_only_the_answer(commands: Any) -> None:
    commands.script(TURN)
    assert commands.here("run", "-q", "do it")[:3] == (0, "All done.\n", "")


def test_an_answer_in_a_pipe_keeps_its_characters_but_commands_no_terminal(commands: Any) -> None:
    commands.script([said("a\tb\n\x1b[31m👩‍💻\r"), finished()])
    assert commands.here("run", "x").out == "a\tb\n\\x1b[31m👩‍💻\n"


def test_words_need_no_quotes_and_no_command(commands: Any) -> None:
    client = commands.script(TURN)
    assert commands.run("mend", "the", "tests").code == 0
    assert client.requests[0].parts == (TextPart(text="mend the tests"),)


@pytest.mark.parametrize("arguments", [["run", "-"], ["run"], ["-"], []])
def test_the_request_can_come_from_standard_input(commands: Any, arguments: list[str]) -> None:
    client = commands.script(TURN)
    assert commands.run(*arguments, stdin="mend it\n").code == 0
    assert client.requests[0].parts == (TextPart(text="mend it"),)


def test_beside_words_standard_input_is_a_file(commands: Any) -> None:
    client = commands.script(TURN)
    commands.run("review this", "-", stdin="diff --git\n")
    assert client.requests[0].parts == (
        TextPart(text="review this"),
        FilePart(name="standard input", text="diff --git\n"),
    )


def test_bytes_that_are_no_text_do_not_stop_a_request(commands: Any) -> None:
    client = commands.script(TURN)
    assert commands.run("-", stdin=b"caf\xe9").code == 0
    assert client.requests[0].parts == (TextPart(text="caf\ufffd"),)


@pytest.mark.parametrize("words", [["run"], ["run", "-"], ["run", "  "], []])
def test_an_empty_request_is_wrong_use(commands: Any, words: list[str]) -> None:
    result = commands.run(*words, stdin="\n")
    assert result.code == 2
    assert "The request is empty" in result.err
    assert "run.no_request" in result.err
    assert commands.fake.opened == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CherryError(gateway.NO_PROVIDER), 5),
        (CherryError(storage.SESSION_BUSY), 1),
        (CherryError(run.NOTHING_TO_CONTINUE), 2),
        (RuntimeError("oops"), 1),
    ],
)
def test_errors_are_words_with_a_next_step_and_a_code_never_a_traceback(
    commands: Any, error: Exception, code: int
) -> None:
    commands.script([Raise(error)])
    result = commands.here("run", "x")
    assert result.code == code
    lines = result.err.splitlines()
    assert lines[-3].startswith("✗ ")
    assert lines[-2].startswith("→ ")
    assert lines[-1].startswith("  ")
    assert "Traceback" not in result.err
    assert result.out == ""


def test_debug_adds_the_traceback(commands: Any) -> None:
    commands.script([Raise(RuntimeError("oops"))])
    result = commands.here("run", "--debug", "x")
    assert "Traceback" in result.err
    assert "run.internal" in result.err


@pytest.mark.parametrize(
    ("outcome", "code"), [("failed", 1), ("limit", 3), ("approval", 4), ("no_provider", 5), ("interrupted", 130)]
)
def test_the_exit_code_tells_how_it_ended(commands: Any, outcome: Any, code: int) -> None:
    error = CherryError(run.COST_LIMIT, "It would cost $3")
    commands.script([said("So far."), finished(outcome, error)])
    assert commands.here("run", "x").code == code


def test_limits_and_model_of_the_command_line_reach_the_turn(commands: Any) -> None:
    client = commands.script(TURN)
    options = ["--max-cost", "0.50", "--max-steps", "3", "--max-time", "5m", "--max-tokens", "900", "-m", "a/b"]
    assert commands.here("run", *options, "x").code == 0
    limits = client.requests[0].limits
    assert (str(limits.max_cost_usd), limits.max_steps, limits.max_seconds, limits.max_tokens) == (
        "0.50",
        3,
        300.0,
        900,
    )
    assert {str(flag.key[-1]): flag.option for flag in commands.fake.opened[0].flags}["max_seconds"] == "--max-time"


@pytest.mark.parametrize(
    ("options", "said_"),
    [
        (["--max-time", "soon"], "is not a time such as 90"),
        (["--max-cost", "free"], "is not a sum of US dollars"),
        (["--max-steps", "0"], "0 is not in the range"),
        (["--no-such"], "No such option"),
        (["-C", "/no/such/folder"], "not a folder"),
    ],
)
def test_wrong_options_are_told_and_nothing_is_opened(commands: Any, options: list[str], said_: str) -> None:
    result = commands.run("run", *options, "x")
    assert result.code == 2
    assert said_ in result.err
    assert commands.fake.opened == []


def test_nobody_is_asked_in_a_pipe_and_yes_is_passed_on(commands: Any) -> None:
    client = commands.script(TURN, TURN)
    commands.here("run", "x")
    commands.here("run", "--yes", "x")
    assert [request.approver for request in client.requests] == ["nobody", "yes"]


def test_continue_goes_on_in_the_last_session_and_resume_in_the_one_named(commands: Any) -> None:
    client = commands.script(TURN, TURN, TURN)
    commands.here("run", "one")
    commands.here("run", "-c", "two")
    commands.here("run", "-r", "0001", "-m", "c/d", "three")
    sessions = json.loads(commands.here("sessions list", "--json").out)
    assert [(info["id"], info["turns"], info["model"]) for info in sessions] == [("s_0001", 3, "c/d")]
    assert len(client.requests) == 3


def test_without_words_continue_takes_up_the_open_turn_and_never_waits_for_input(commands: Any) -> None:
    client = commands.script([finished("limit")], TURN)
    commands.here("run", "one")
    assert commands.here("run", "-c", "--max-steps", "9").code == 0
    assert client.requests[1].parts == ()
    assert client.requests[1].limits.max_steps == 9
    nothing_open = commands.here("run", "-c")
    assert nothing_open.code == 2
    assert "nothing to take up" in nothing_open.err


def test_continue_without_an_earlier_session_is_wrong_use(commands: Any) -> None:
    assert "no earlier session" in commands.here("run", "-c", "x").err


def test_files_are_attached_as_what_they_are(commands: Any, tmp_path: Path) -> None:
    client = commands.script(TURN)
    (tmp_path / "shot.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    (tmp_path / "log.txt").write_text("héllo")
    attached = ["--attach", str(tmp_path / "shot.png"), "--attach", str(tmp_path / "log.txt")]
    assert commands.here("run", *attached, "look").code == 0
    assert client.requests[0].parts[1:] == (
        ImagePart(media_type="image/png", data=b"\x89PNG\r\n\x1a\n123", name="shot.png"),
        FilePart(name="log.txt", text="héllo"),
    )


@pytest.mark.parametrize("kind", ["missing", "binary", "folder", "fifo", "huge"])
def test_a_file_that_cannot_be_attached_is_refused_at_once(commands: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "binary":
        path.write_bytes(b"\x00\xff\xfe")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(2 << 30)
    result = commands.here("run", "--attach", str(path), "x")
    assert result.code == 2
    assert "run.bad_attachment" in result.err


# -- JSON


def lines_of(result: Any) -> list[dict[str, Any]]:
    assert result.out.isascii()
    return [json.loads(line) for line in result.out.splitlines()]


def test_json_begins_with_start_and_ends_with_end(commands: Any) -> None:
    commands.script([*TURN[:2], StreamReset(1, 2, 0.5, "überlastet"), *TURN[2:]])
    result = commands.here("run", "--json", "x")
    lines = lines_of(result)
    assert result.code == 0
    assert result.err == ""
    assert all(line["v"] == 1 for line in lines)
    assert (lines[0]["type"], lines[0]["session"], lines[0]["model"]) == ("start", "s_0001", "fake/model")
    assert [line["event"]["kind"] for line in lines if line["type"] == "event"] == [
        "turn.started",
        "user.message",
        "tool.started",
        "tool.finished",
        "assistant.message",
        "turn.finished",
    ]
    assert {
        "v": 1,
        "type": "live",
        "kind": "reset",
        "step": 1,
        "attempt": 2,
        "wait_seconds": 0.5,
        "reason": "überlastet",
    } in lines
    end = lines[-1]
    assert (end["type"], end["outcome"], end["exit_code"], end["answer"]) == ("end", "done", 0, "All done.")
    assert (end["tokens"], end["cost_usd"], end["steps"]) == (120, "0.0010", 1)


@pytest.mark.parametrize("error", [CherryError(gateway.NO_PROVIDER), RuntimeError("\ud800 oops")])
def test_json_stays_whole_when_a_turn_breaks(commands: Any, error: Exception) -> None:
    commands.script([TextStreamed(1, "half \ud800"), Raise(error)])
    result = commands.here("run", "--json", "x")
    lines = lines_of(result)
    assert [line["type"] for line in lines[-2:]] == ["error", "end"]
    assert lines[-1]["exit_code"] == result.code
    assert lines[-2]["code"] in ("gateway.no_provider", "run.internal")


def test_json_also_tells_errors_from_before_there_was_a_session(commands: Any) -> None:
    commands.fake.refuse_to_open = CherryError(storage.NEWER_DATABASE)
    assert [line["type"] for line in lines_of(commands.here("run", "--json", "x"))] == ["error", "end"]
    commands.fake.environ = {"CHERRY_LIMITS__MAX_STEPS": "x"}
    assert [line.get("code") for line in lines_of(commands.here("run", "--json", "x"))] == ["config.bad_value", None]


def test_with_json_nobody_is_asked(commands: Any) -> None:
    asked = ApprovalRequested(approval_id="a", call_id="c", tool="t", title="T", reason="r")
    client = commands.script([asked, finished("approval")])
    result = commands.here("run", "--json", "x")
    assert result.code == 4
    assert client.requests[0].approver == "nobody"


def test_events_of_json_lines_can_be_read_back_as_events(commands: Any) -> None:
    commands.script(TURN)
    for line in lines_of(commands.here("run", "--json", "x")):
        if line["type"] == "event":
            assert Recorded.model_validate(line).event.kind == line["event"]["kind"]


# -- commands nearly hit


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["sesions"], "cherry sessions"),
        (["modles"], "cherry models"),
        (["sesions", "list"], "cherry sessions list"),
        (["confg", "show"], "cherry config show"),
        (["udno"], "cherry undo"),
        (["Doctor"], "cherry doctor"),
    ],
)
def test_a_word_that_is_nearly_a_command_costs_nothing(commands: Any, words: list[str], meant: str) -> None:
    result = commands.run(*words)
    assert result.code == 2
    assert meant in result.err
    assert commands.fake.opened == []


def test_a_sentence_that_begins_with_a_command_is_told_how_to_be_sent(commands: Any) -> None:
    result = commands.run("undo", "the", "last", "thing")
    assert result.code == 2
    assert 'cherry run "undo the last thing"' in result.err


@pytest.mark.parametrize(
    "words", [["explain"], ["undone is done"], ["modles are slow"], ["sesions", "must", "expire"], ["refactor"]]
)
def test_other_words_are_requests(commands: Any, words: list[str]) -> None:
    client = commands.script(TURN)
    assert commands.run(*words).code == 0
    assert client.requests[0].parts == (TextPart(text=" ".join(words)),)

"""How a command ends, for the scripts around it: exit codes, standard output that is the answer alone, JSON lines that are whole."""

import json
import subprocess
from collections.abc import Sequence
from decimal import Decimal

import pytest

from cherry.testing.program import Program, command, provider
from cherry.testing.scripts import Hang, Refuse, Script, ToolCall, Words, answer
from cherry.testing.wire import WireDouble

QUICK = {"CHERRY_GATEWAY__RETRIES__FIRST_WAIT": "0.01", "CHERRY_GATEWAY__RETRIES__ATTEMPTS": "1"}
PRICED = {"CHERRY_GATEWAY__PRICES": '{"openai/test": {"input": 100, "output": 100}}'}
WRITES = ToolCall("shell.run", {"command": "echo x >> made"})
LISTS = ToolCall("fs.list")


@pytest.mark.parametrize(
    ("answers", "arguments", "code", "outcome", "fault"),
    [
        (["Done."], [], 0, "done", None),
        ([Refuse("bad_request")], [], 1, "failed", "gateway.bad_request"),
        ([LISTS, WRITES, "Done."], ["--max-steps", "1"], 3, "limit", "run.step_limit"),
        ([LISTS, "Done."], ["--max-tokens", "3000"], 3, "limit", "run.token_limit"),
        ([Hang()], ["--max-time", "1"], 3, "limit", "run.time_limit"),
        ([LISTS, "Done."], ["--max-cost", "0.3"], 3, "limit", "run.cost_limit"),
        ([WRITES], [], 4, "approval", "tools.nobody_to_ask"),
        ([ToolCall("ask.user", {"question": "Which?"})], [], 4, "approval", "tools.nobody_to_ask"),
        ([Refuse("wrong_key")], [], 5, "no_provider", "gateway.auth"),
    ],
    ids=["done", "failed", "steps", "tokens", "time", "cost", "approval", "question", "provider"],
)
def test_the_exit_code_says_how_it_ended_and_the_last_line_says_the_same(
    cherry: Program, answers: Sequence[Words], arguments: list[str], code: int, outcome: str, fault: str | None
) -> None:
    with provider(Script(*answers)) as double:
        priced = PRICED if "--max-cost" in arguments else {}
        ended = cherry.run("run", "--json", "go", *arguments, double=double, environ={**QUICK, **priced})
        assert ended.code == code
        assert (ended.end["type"], ended.end["exit_code"], ended.end["outcome"]) == ("end", code, outcome)
        finished = ended.event("turn.finished")
        assert (finished["fault"] or {"code": None})["code"] == fault
        assert ended.lines[0]["type"] == "start"
        assert all(line["v"] == 1 for line in ended.lines)
        assert not (cherry.workspace / "made").exists()


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", ""], ["run", "--no-such-option", "x"], ["run", "-r", "s_none", "x"]]
)
def test_wrong_use_is_two(cherry: Program, arguments: list[str]) -> None:
    ended = cherry.run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "→" in ended.err


def test_a_budget_is_not_exceeded_by_a_single_call(cherry: Program) -> None:
    with provider(Script(LISTS, then="restart")) as double:
        ended = cherry.run("run", "--json", "go", "--max-cost", "0.25", double=double, environ=PRICED)
        assert ended.code == 3
        spent = Decimal(ended.end["cost_usd"])
        assert spent <= Decimal("0.25")
        assert len(double.model_requests) == (1 if spent else 0)


def test_without_a_known_price_a_cost_limit_lets_nothing_through(cherry: Program) -> None:
    with provider("Done.") as double:
        ended = cherry.run("run", "go", "--max-cost", "1", double=double)
        assert ended.code == 3
        assert "run.unpriced" in ended.err
        assert double.model_requests == []


def test_a_limit_that_is_raised_lets_the_turn_go_on(cherry: Program) -> None:
    with provider(Script(LISTS, LISTS, "Done.")) as double:
        assert cherry.run("run", "go", "--max-steps", "2", double=double).code == 3
        ended = cherry.run("run", "-c", "--max-steps", "3", double=double)
        assert (ended.code, ended.out) == (0, "Done.\n")
        assert len(double.model_requests) == 3


def test_standard_input_is_the_request_or_a_file_to_it(cherry: Program) -> None:
    with provider(Script.of(lambda request: f"You said: {request.last_text}")) as double:
        assert cherry.run("run", "-", double=double, stdin="from the pipe").out == "You said: from the pipe\n"
        assert cherry.run(double=double, stdin="even alone").out == "You said: even alone\n"
        ended = cherry.run("review", "this", "-", double=double, stdin=b"a diff \xff\x00 with bytes")
        assert ended.out.startswith("You said: review this")
        assert "a diff" in ended.out
        assert cherry.run("run", "-", double=double, stdin=b"x" * (11 << 20)).code == 2


def test_a_reader_that_leaves_early_ends_it_without_complaint(cherry: Program) -> None:
    with provider(Script(LISTS, answer("word " * 50_000))) as double:
        for option in ("--json", "--quiet"):
            ended = piped(cherry, double, f'"$@" {option} | head -c 100')
            assert ended.stderr.count("Traceback") == 0
            assert "Broken pipe" not in ended.stderr
    assert cherry.log()[-1].event.kind == "turn.finished"


@pytest.mark.parametrize("words", ['"$@" >&-', '"$@" --json >&-', '"$@" 2>&-', '"$@" <&- >&- 2>&-'])
def test_what_it_does_does_not_depend_on_streams_being_there(cherry: Program, words: str) -> None:
    with provider(Script(ToolCall("fs.write", {"path": "made", "content": "x"}), "Done.")) as double:
        ended = piped(cherry, double, words)
        assert (ended.returncode, cherry.read("made")) == (0, "x")
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("option", ["", "--json"])
def test_an_answer_that_cannot_be_written_is_told(cherry: Program, option: str) -> None:
    with provider("Done.") as double:
        ended = piped(cherry, double, f'"$@" {option} > /dev/full')
        assert ended.returncode == 1
        assert "No space left" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr


def test_what_a_model_says_cannot_command_the_terminal_behind_the_pipe(cherry: Program) -> None:
    with provider("\x1b]0;owned\x07 and \x1b[2J text") as double:
        out = cherry.run("run", "go", double=double).out
        assert "\x1b" not in out
        assert "text" in out


def piped(cherry: Program, double: WireDouble, words: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which `"$@"` is the command."""
    environ = {**cherry.environ, **double.environment("openai")}
    whole = ["bash", "-c", words, "bash", *command(), "run", "go"]
    return subprocess.run(whole, cwd=cherry.workspace, env=environ, capture_output=True, text=True, timeout=30)


def test_json_lines_are_whole_after_every_kind_of_end(cherry: Program) -> None:
    with provider(Script("Done.")) as double:
        ended = cherry.run("run", "--json", "go", double=double)
        assert ended.raw.endswith(b"}\n")
        assert ended.raw.isascii()
        assert sum(line["type"] == "end" for line in ended.lines) == 1
    for arguments in (["-c"], ["-r", "s_nothing"], ["--model", "nobody/x", "go"], ["-C", "/no/such/folder", "go"]):
        ended = cherry.run("run", "--json", *arguments)
        assert [line["type"] for line in ended.lines] == ["error", "end"]
        assert ended.end["exit_code"] == ended.code == 2
        assert json.loads(ended.raw.splitlines()[0])["next_step"]

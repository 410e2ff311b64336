"""7.2 It works for minutes and shows nothing; the person thinks it hangs."""

import subprocess
import sys

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall, answer

SLOW = ToolCall("shell.run", {"command": "echo compiling part 1; sleep 1.2; echo compiling part 2"})
NAIVE = "import time; time.sleep(0.5); print('Done')"


def test_naively_nothing_is_heard_until_the_end() -> None:
    with subprocess.Popen([sys.executable, "-c", NAIVE], stdout=subprocess.PIPE, text=True) as naive:
        assert naive.stdout is not None
        assert naive.stdout.read() == "Done\n"


def test_in_a_pipe_it_says_in_plain_lines_what_it_does_while_it_does_it(cherry: Program) -> None:
    with provider(Script(SLOW, "Done.")) as double:
        running = cherry.start("run", "--yes", "go", double=double)
        running.until_err("→ Run echo compiling part 1")
        assert running.process.poll() is None
        ended = running.ended()
        assert ended.out == "Done.\n"
        assert "\x1b" not in ended.err
        assert "2 steps" in ended.err.splitlines()[-1]


def test_in_a_terminal_it_shows_what_runs_how_long_and_the_last_line_of_it(cherry: Program) -> None:
    with (
        provider(Script(answer(SLOW, delay=0.3), "Done.")) as double,
        cherry.terminal("run", "--yes", "go", double=double) as terminal,
    ):
        terminal.expect("Waiting for openai/test")
        terminal.expect("compiling part 1")
        terminal.expect("Done.")
        assert terminal.wait() == 0


def test_for_programs_every_moment_is_a_line(cherry: Program) -> None:
    with provider(Script(SLOW, "Done.")) as double:
        running = cherry.start("run", "--json", "--yes", "go", double=double)
        running.until(lambda line: line["type"] == "live" and line["kind"] == "output" and "part 1" in line["text"])
        assert running.process.poll() is None
        running.ended()

"""5.1 The process dies, and with it all that was done and thought."""

import signal
import subprocess
import sys

from cherry.testing.program import Program, provider, wait_until
from cherry.testing.scripts import Hang, Script, ToolCall

NAIVE = """
import time
done = []
for step in ("first", "second"):
    open("ledger", "a").write(step + "\\n")
    done.append(step)
print("ready", flush=True)
time.sleep(60)
"""
"""Knows what it has done as long as it lives."""


def test_naively_all_is_done_again_from_the_beginning(cherry: Program) -> None:
    for _ in range(2):
        words = [sys.executable, "-c", NAIVE]
        with subprocess.Popen(words, cwd=cherry.workspace, stdout=subprocess.PIPE) as naive:
            assert naive.stdout is not None
            naive.stdout.readline()
            naive.send_signal(signal.SIGKILL)
    assert cherry.read("ledger").split() == ["first", "second", "first", "second"]


def test_a_killed_turn_knows_what_was_done_and_does_the_rest(cherry: Program) -> None:
    steps = [ToolCall("shell.run", {"command": f"echo {step} >> ledger"}) for step in ("first", "second", "third")]
    with provider(Script(steps[0], steps[1], Hang(), steps[2], "All three.")) as double:
        running = cherry.start("run", "--json", "--yes", "three steps", double=double)
        wait_until(lambda: len(double.model_requests) == 3)
        running.kill()
        ended = cherry.run("run", "--yes", "--continue", double=double)
        assert (ended.code, ended.out) == (0, "All three.\n")
        assert cherry.read("ledger").split() == ["first", "second", "third"]
        assert "three steps" in [message.text for message in double.model_requests[-1].seen.messages]
        assert double.complaints == []

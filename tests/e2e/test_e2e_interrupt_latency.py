"""From Ctrl+C to the prompt, in every state of a conversation. `make soak` takes it many times and prints the figures."""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Hang, HangMidStream, Script, ToolCall
from cherry.testing.terminal import Terminal
from cherry.testing.wire import WireDouble

GENEROUS = 5.0
"""Seconds, on a machine that may be busy; the soak looks at the promise itself."""
PROMISED = 0.5
CONFIG = """
[approvals]
rules = [{tool = "shell.run", command = "sleep *", action = "allow"}, {tool = "shell.run", command = "trap *", action = "allow"}]
"""


def command(script: str) -> Script:
    return Script.forever(ToolCall("shell.run", {"command": script}))


WRITE = Script.forever(ToolCall("fs.write", {"path": "made.txt", "content": "made\n"}))
STATES: dict[str, tuple[Script, tuple[float, float]]] = {
    "the model is silent": (Script.forever(Hang()), (0.05, 0.05)),
    "an answer comes": (Script.forever(HangMidStream(after=4)), (0.1, 0.1)),
    "a sandbox is just being made": (command("sleep 71"), (0.0, 0.08)),
    "a command runs": (command("sleep 72"), (0.35, 0.35)),
    "a person is asked": (command("touch asked"), (0.35, 0.35)),
    "another Cherry writes": (WRITE, (0.5, 0.5)),
}
"""State → script, and how long after the request (of the model, or to the lock) it is interrupted: at random between the two."""


@contextmanager
def locked(cherry: Program, *, really: bool) -> Iterator[None]:
    """As if another Cherry were writing a change set in this workspace."""
    with provider(Script(ToolCall("fs.write", {"path": "a.txt", "content": "a\\n"}), "ok")) as double:
        assert cherry.run("run", "first", double=double).code == 0
    (lock,) = cherry.home.rglob("changes.lock")
    handle = os.open(lock, os.O_RDWR)
    try:
        if really:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def interrupted(terminal: Terminal, double: WireDouble, wait: float, *, asks_model: bool) -> float:
    """Seconds from Ctrl+C to the prompt."""
    before = len(double.model_requests)
    terminal.keys("go\r")
    if asks_model:
        give_up = time.monotonic() + 20
        while len(double.model_requests) == before and time.monotonic() < give_up:
            terminal.pump(0.005)
    terminal.pump(wait)
    since = time.monotonic()
    terminal.keys("\x03")
    terminal.expect("Interrupted")
    terminal.expect("› ")
    return time.monotonic() - since


@pytest.mark.parametrize("state", STATES)
def test_ctrl_c_brings_the_prompt_back_at_once(cherry: Program, state: str, soak: bool) -> None:
    if not soak and state not in {"a sandbox is just being made", "another Cherry writes"}:
        pytest.skip("tests/e2e/test_e2e_interrupting.py has it; measured by make soak")
    script, (shortest, longest) = STATES[state]
    moments = random.Random(state)
    config = cherry.home / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG)
    lock = state == "another Cherry writes"
    with locked(cherry, really=lock), provider(script) as double, cherry.terminal("chat", double=double) as terminal:
        terminal.expect("› ")
        taken = sorted(
            interrupted(terminal, double, moments.uniform(shortest, longest), asks_model=not lock)
            for _ in range(60 if soak else 3)
        )
        terminal.keys("\x04")
        assert terminal.wait() == 0
    if soak:
        print(f"\n{state}: median {taken[len(taken) // 2] * 1000:.0f} ms, longest {taken[-1] * 1000:.0f} ms")
    assert taken[len(taken) // 2 if soak else -1] < (PROMISED if soak else GENEROUS)
    assert not (cherry.workspace / "asked").exists()

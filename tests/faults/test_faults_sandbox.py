"""A sandbox whose own program dies while it is still setting up: nothing of it stays behind."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

from cherry.sandbox.choose import choose_sandbox
from cherry.sandbox.port import Command
from cherry.testing.program import wait_until


def running(word: str) -> list[str]:
    """Living processes with this word on their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if word in words:
            found.append(words)
    return found


async def test_bubblewrap_killed_at_any_moment_of_its_start_leaves_nothing(tmp_path: Path) -> None:
    sandbox = choose_sandbox(required=True, environ=dict(os.environ))
    dice = random.Random(7)
    word = f"sleep 6{os.getpid()}.{time.monotonic_ns()}"
    for _ in range(60):
        process = await sandbox.start(Command(script=word, folder=tmp_path, workspace=tmp_path))
        until = time.monotonic() + dice.uniform(0, 0.004)
        while time.monotonic() < until:
            pass
        os.kill(process.pid, signal.SIGKILL)  # type: ignore[attr-defined]  # every process that was started has one
        await process.kill()
    await asyncio.to_thread(wait_until, lambda: running(word) == [], seconds=2, what="the end of all")

"""Runs the project's own commands for validation: in the sandbox, under a deadline, ended with everything they started.

Boundary: the output as text and how it ended; what it means is for `cherry.reports`. One command at a time. When a run is cancelled,
nothing of it is left by the time the cancellation goes on.
"""

import asyncio
import codecs
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cherry.kernel.deadlines import DeadlineExceeded, deadline
from cherry.kernel.locks import OrderedLock
from cherry.kernel.text import one_line
from cherry.sandbox.port import Bounds, Command, Process, Sandbox
from cherry.security.egress import Grant
from cherry.security.leading_files import leading_paths
from cherry.security.protected import unwritable_for_commands

DEADLINE = "validation.command"
HELD_CHARACTERS = 4_000_000
"""Of the beginning, and as much of the end."""
_ENVIRONMENT = {
    "CI": "true",  # no watching, no questions
    "NO_COLOR": "1",
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "PYTHONDONTWRITEBYTECODE": "1",  # what was compiled from a file that changes again within a second would pass for current
}
_OWN_PROGRAMS = (".venv/bin", "venv/bin", "node_modules/.bin")
"""Where a project keeps the programs it is built with; they come before those of the machine."""
_NOT_THERE = (126, 127)


class Ran(NamedTuple):
    output: str
    exit_code: int | None
    """None when it did not end by itself."""
    timed_out: bool = False
    whole: bool = True
    """False when the middle of the output was not kept."""

    @property
    def cannot_run(self) -> bool:
        """The shell did not find the program."""
        return self.exit_code in _NOT_THERE


class CommandRunner:
    def __init__(
        self,
        sandbox: Sandbox,
        workspace: Path,
        *,
        network: tuple[Grant, ...] = (),
        bounds: Bounds | None = None,
        forbidden: Callable[[], str] = str,
    ) -> None:
        """`forbidden` says why no command may run here; empty when they may. It may take some milliseconds."""
        self._sandbox = sandbox
        self._workspace = workspace
        self._network = network
        self._bounds = bounds or Bounds()
        self._forbidden = forbidden
        self._why_not: str | None = None
        self._one = OrderedLock("validation.command")

    async def why_not(self) -> str:
        """Why nothing may be run here; empty when it may."""
        if self._why_not is None:
            self._why_not = await asyncio.to_thread(self._forbidden)
        return self._why_not

    async def run(self, script: str, *, seconds: float) -> Ran:
        """Raises CherryError(sandbox.START_FAILED, sandbox.UNAVAILABLE)."""
        async with self._one:
            process = await self._sandbox.start(self._command(script))
            held = _Held()
            try:
                async with deadline(DEADLINE, seconds):
                    async for data in process.output():
                        held.add(data)
                    ended = await process.wait()
            except DeadlineExceeded:
                await process.kill()
                return Ran(held.text(), None, timed_out=True, whole=held.whole)
            except BaseException:
                await _end_now(process)
                raise
            return Ran(held.text(), ended.code, whole=held.whole)

    def _command(self, script: str) -> Command:
        own = [name for name in _OWN_PROGRAMS if (self._workspace / name).is_dir()]
        path = "".join(f"{shlex.quote(str(self._workspace / name))}:" for name in own)
        return Command(
            script=f"export PATH={path}$PATH; {script}" if own else script,
            folder=self._workspace,
            workspace=self._workspace,
            environment=_ENVIRONMENT,
            network=self._network,
            bounds=self._bounds,
            protected=(*unwritable_for_commands(self._workspace), *leading_paths(self._workspace)),
        )


async def _end_now(process: Process) -> None:
    """Also when cancelled once more meanwhile."""
    ending = asyncio.ensure_future(process.kill(at_once=True))
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            continue


class _Held:
    """The beginning and the end of an output of any length."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head: list[str] = []
        self._head_size = 0
        self._tail = ""
        self.whole = True

    def add(self, data: bytes) -> None:
        text = self._decoder.decode(data)
        room = HELD_CHARACTERS - self._head_size
        if room > 0:
            self._head.append(text[:room])
            self._head_size += len(self._head[-1])
            text = text[room:]
        if text:
            self._tail += text
            if len(self._tail) > 2 * HELD_CHARACTERS:
                self._tail, self.whole = self._tail[-HELD_CHARACTERS:], False

    def text(self) -> str:
        head = "".join(self._head)
        if len(self._tail) <= HELD_CHARACTERS:
            return head + self._tail
        self.whole = False
        return f"{head}\n{self._tail[-HELD_CHARACTERS:]}"


def last_line(output: str) -> str:
    """What a shell says when it does not find a program stands at the end."""
    lines = [line for line in output.splitlines() if line.strip()]
    return one_line(lines[-1], 160) if lines else ""

"""The programs Cherry runs for a session: each with its output held, all of them ended at close.

A `Running` belongs to this process; after a restart of Cherry its id means nothing any more, and ids are never given out twice.
"""

import asyncio
from pathlib import Path

from cherry.domain.errors import CherryError, sandbox, tools
from cherry.kernel.clock import Clock
from cherry.kernel.ids import new_id
from cherry.kernel.tasks import cancel_and_wait
from cherry.kernel.text import human_seconds, plural
from cherry.sandbox.port import Command, Exit, Process, Sandbox
from cherry.tools.live import LiveOutput
from cherry.tools.spool import Spool
from cherry.tools.terminal import PlainText, folded, plain

MAX_RUNNING = 24
MAX_ENDED_KEPT = 24
_LONG = 1 << 20
"""Bytes of output that are worth a thread of their own."""
_LIVE_CHARACTERS = 512 << 10
"""What one command may tell watchers; the result has the rest."""


class Running:
    """A program and what it printed. Made by `Processes.start`."""

    def __init__(self, command: Command, process: Process, spool: Spool, clock: Clock) -> None:
        self.command = command.script
        self.network = command.network
        self._input = command.input
        self.exit: Exit | None = None
        """None while it runs."""
        self._watcher: LiveOutput | None = None
        self._process = process
        self._spool = spool
        self._clock = clock
        self._started = clock.monotonic()
        self._ended = 0.0
        self._stopping: asyncio.Task[None] | None = None
        self._read_upto = 0
        self._news = PlainText()
        self._changed = asyncio.Event()
        self._pump = asyncio.create_task(self._follow())

    @property
    def seconds(self) -> float:
        return (self._clock.monotonic() if self.exit is None else self._ended) - self._started

    @property
    def refused(self) -> tuple[str, ...]:
        """What it tried to reach and was not let."""
        return self._process.refused

    @property
    def runs(self) -> bool:
        return not self._pump.done()

    @property
    def takes_input(self) -> bool:
        return self._input and self.exit is None

    async def type(self, text: str) -> None:
        """To its standard input. Raises BrokenPipeError when it no longer reads."""
        if not self._input:
            raise BrokenPipeError("the input was ended")
        await self._process.write(text.encode("utf-8", "surrogateescape"))

    def end_input(self) -> None:
        self._input = False
        self._process.end_input()

    async def ended(self) -> None:
        """Wait for its end. Cancelling the wait does not touch the program."""
        await asyncio.wait([self._pump])
        if not self._pump.cancelled() and (error := self._pump.exception()):
            raise error

    async def stop(self) -> None:
        """End it with everything it started; returns when nothing is left, even when cancelled meanwhile."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        try:
            await asyncio.shield(self._stopping)
        except asyncio.CancelledError:
            await asyncio.wait([self._stopping])
            raise

    async def printed(self) -> str:
        """All that is held of its output."""
        data = self._spool.read().data
        return plain(data) if len(data) < _LONG else await asyncio.to_thread(plain, data)

    def has_news(self) -> bool:
        return self._spool.size > self._read_upto

    def news(self) -> str:
        """What was printed since `news` was last asked."""
        piece = self._spool.read(self._read_upto)
        self._read_upto = piece.end
        return folded(self._news.feed(piece.data, final=not self.runs))

    async def wait_for_news(self, seconds: float) -> None:
        """Until there is something new to read, it has ended, or the time is up."""
        if self.has_news() or not self.runs:
            return
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def state(self) -> str:
        """One sentence: how it ended and after how long."""
        time = human_seconds(self.seconds)
        if self._stopping is not None and self.exit is not None:
            return f"Stopped after {time}."
        if self.exit is None:
            return f"Running for {time}."
        if self.exit.code is None:
            return f"Ended by signal {self.exit.signal} after {time}."
        return f"Exit code {self.exit.code} after {time}."

    def close(self) -> None:
        self._spool.close()

    def watch(self, watcher: LiveOutput | None) -> None:
        """From now on it gets plain text as it is printed; whoever watched before is told the rest."""
        if self._watcher is not None:
            self._watcher.end()
        self._watcher = watcher

    async def _follow(self) -> None:
        live = PlainText()
        told = 0
        try:
            async for data in self._process.output():
                self._spool.write(data)
                self._changed.set()
                if self._watcher and told < _LIVE_CHARACTERS:
                    text = live.feed(data)
                    told += len(text)
                    self._watcher(text)
                await asyncio.sleep(0)  # a pipe that is never empty would keep everybody else waiting
        finally:
            self.watch(None)
        self.exit = await self._process.wait()
        self._ended = self._clock.monotonic()
        self._changed.set()

    async def _stop(self) -> None:
        if self.exit is None:
            await self._process.kill()
        await asyncio.wait([self._pump], timeout=2)
        if self.exit is None:  # its output is still held open by something that escaped the kill, or could not be read
            await cancel_and_wait([self._pump])
            self.exit = Exit(None, 9)
            self._ended = self._clock.monotonic()


class Processes:
    """Bounded: so many may run at once, so many ended ones are remembered."""

    def __init__(self, sandbox: Sandbox, clock: Clock, *, folder: Path, max_running: int = MAX_RUNNING) -> None:
        """`folder` takes the output that is too much for memory."""
        self._sandbox = sandbox
        self._clock = clock
        self._folder = folder
        self._max_running = max_running
        self._known: dict[str, Running] = {}
        self._unnamed: set[Running] = set()
        self._starting = 0
        self._closed = False

    async def start(self, command: Command) -> Running:
        """In the foreground: the caller waits for it, and calls `finish` in the end.

        Raises CherryError(sandbox.START_FAILED, sandbox.UNAVAILABLE).
        """
        self._check_room()
        self._starting += 1
        try:
            process = await self._sandbox.start(command)
        finally:
            self._starting -= 1
        running = Running(command, process, Spool(self._folder), self._clock)
        self._unnamed.add(running)
        if self._closed:  # closed while it was starting
            await self.finish(running)
            raise CherryError(sandbox.START_FAILED, "The session was closed")
        return running

    def keep(self, running: Running) -> str:
        """From now on it runs in the background under the id returned."""
        self._unnamed.discard(running)
        self._forget_ended()
        process_id = "p_" + new_id("p")[-6:]
        self._known[process_id] = running
        return process_id

    async def finish(self, running: Running) -> None:
        """End it if it still runs, and forget its output."""
        self._unnamed.discard(running)
        if running.exit is None:
            await running.stop()
        running.close()

    def find(self, process_id: str) -> Running:
        """Raises CherryError(tools.UNKNOWN_PROCESS)."""
        if running := self._known.get(process_id):
            return running
        ids = ", ".join(self._known) or "none"
        raise CherryError(
            tools.UNKNOWN_PROCESS, f"There is no background process {process_id[:40]!r}; there are: {ids}"
        )

    async def close(self) -> None:
        """End everything. Nothing can be started afterwards."""
        self._closed = True
        everything = [*self._unnamed, *self._known.values()]
        self._known.clear()
        await asyncio.gather(*(self.finish(running) for running in everything))

    def _check_room(self) -> None:
        if self._closed:
            raise CherryError(sandbox.START_FAILED, "The session was closed")
        running = self._starting + len(self._unnamed) + sum(1 for item in self._known.values() if item.runs)
        if running >= self._max_running:
            raise CherryError(
                sandbox.START_FAILED,
                f"{plural(running, 'command')} are running already, which is the limit",
                next_step=f"Stop one with shell.stop: {', '.join(self._known)}.",
            )

    def _forget_ended(self) -> None:
        ended = [process_id for process_id, running in self._known.items() if not running.runs]
        for process_id in ended[: max(0, len(ended) + 1 - MAX_ENDED_KEPT)]:
            self._known.pop(process_id).close()

"""A started command as a `Process`: reading, writing, waiting, ending. Knows nothing of fences.

How its tree is ended differs from sandbox to sandbox and comes in as a `Tree`. Each descriptor is closed exactly once; a process
that is forgotten without `wait` or `kill` is ended when its output is closed.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from cherry.kernel.deadlines import deadline
from cherry.kernel.locks import OrderedLock
from cherry.sandbox.port import Exit

_CHUNK = 1 << 16
GRACE_SECONDS = 0.2
"""How long children left behind may go on writing after the command itself has ended."""
POLITE_SECONDS = 0.3
"""Between asking the tree to end and ending it. Whoever presses Ctrl+C is to have the prompt back within half a second."""
AGAIN_SECONDS = 0.05
"""After this long whatever is left is killed once more."""
CERTAIN_SECONDS = 5.0
"""For the kernel to clear away what was killed."""
INPUT_SECONDS = 30.0
_FIRST_POLL_SECONDS, _LAST_POLL_SECONDS = 0.0005, 0.02


class Tree(Protocol):
    """All processes of one command."""

    def ask(self) -> bool:
        """Send SIGTERM to each; False when there was nobody to ask."""
        ...

    def end(self) -> None:
        """Send SIGKILL to each, so that none survives. May be called again, for what was being made meanwhile."""
        ...

    def is_gone(self) -> bool:
        """True when none is left."""
        ...

    def close(self) -> None:
        """Called once, when all is over: give back descriptors, remove what was put in place."""
        ...


class Running:
    """One started command. Read its output to the end and `wait`, or `kill` it: either gives everything back."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        output: int,
        tree: Tree,
        *,
        stdin: int | None = None,
        refused: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._child = child
        self._output: int | None = output
        self._stdin = stdin
        self._tree = tree
        self._refused = refused
        self._closed = False
        self._being_read = False
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._woken = asyncio.Event()
        self._finishing = OrderedLock("sandbox.ending")
        os.set_blocking(output, False)
        if stdin is not None:
            os.set_blocking(stdin, False)
        self._watch_exit()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def refused(self) -> tuple[str, ...]:
        return self._refused()

    async def output(self) -> AsyncIterator[bytes]:
        self._being_read = True
        try:
            while chunk := await self._next_chunk():
                yield chunk
            self._close_output()
        finally:
            # Left early, the pipe stays open until the end: closing it would kill a command that still writes.
            self._being_read = False
            if self._exit.done():
                await self._finish()

    async def write(self, data: bytes) -> None:
        if self._stdin is None:
            raise BrokenPipeError("broken pipe: the command has no input, or has ended")
        left = memoryview(data)
        async with deadline("sandbox.input", INPUT_SECONDS):
            while left:
                try:
                    left = left[os.write(self._stdin, left) :]
                except BlockingIOError:
                    await self._ready(self._stdin, self._loop.add_writer, self._loop.remove_writer)

    def end_input(self) -> None:
        self._close_input()

    async def wait(self) -> Exit:
        ended = await asyncio.shield(self._exit)
        if self._output is None:
            await self._finish()
        return ended

    async def kill(self, *, at_once: bool = False) -> None:
        """May be called at any time, also after the end."""
        if not at_once and not self._is_gone() and self._tree.ask():
            await self._until_gone(POLITE_SECONDS)
        await self._finish()

    # -- the end

    async def _finish(self) -> None:
        """End whatever is left of the tree and tidy up. May be called more than once."""
        async with self._finishing:
            if self._closed:
                return
            self._tree.end()
            await self._until_gone(AGAIN_SECONDS)
            if not self._is_gone():  # a process that was being made while the signals were sent
                self._tree.end()
                await self._until_gone(CERTAIN_SECONDS)
            self._closed = True
            self._close_input()
            if not self._being_read:
                self._close_output()
            self._tree.close()

    async def _until_gone(self, seconds: float) -> None:
        give_up = self._loop.time() + seconds
        pause = _FIRST_POLL_SECONDS
        while not self._is_gone() and self._loop.time() < give_up:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_POLL_SECONDS)

    def _is_gone(self) -> bool:
        return self._closed or (self._exit.done() and self._tree.is_gone())

    def _watch_exit(self) -> None:
        if sys.platform != "linux":
            self._loop.run_in_executor(None, self._child.wait).add_done_callback(lambda _: self._ended())
            return
        handle = os.pidfd_open(self._child.pid)

        def readable() -> None:
            self._loop.remove_reader(handle)
            os.close(handle)
            self._ended()

        self._loop.add_reader(handle, readable)

    def _ended(self) -> None:
        code = self._child.wait()
        self._exit.set_result(Exit(code) if code >= 0 else Exit(None, -code))
        self._woken.set()

    # -- output

    async def _next_chunk(self) -> bytes:
        """Empty at the end: when all writers are gone, or a grace after the command itself has ended."""
        give_up: float | None = None
        while self._output is not None:
            try:
                return os.read(self._output, _CHUNK)
            except BlockingIOError:
                pass
            if self._exit.done():
                give_up = give_up or self._loop.time() + GRACE_SECONDS
                if self._loop.time() >= give_up:
                    return await self._last_words()
            await self._readable(None if give_up is None else give_up - self._loop.time())
        return b""

    async def _last_words(self) -> bytes:
        """Somebody left behind holds the pipe: end it, and take what is still in the pipe."""
        await self._finish()
        words = b""
        with contextlib.suppress(BlockingIOError):
            while self._output is not None and len(words) < 1 << 20 and (chunk := os.read(self._output, _CHUNK)):
                words += chunk
        self._close_output()
        return words

    async def _readable(self, seconds: float | None) -> None:
        """Until there is output, the command has ended, or the time is over."""
        self._woken.clear()
        if self._exit.done() and seconds is None:
            return
        assert self._output is not None
        self._loop.add_reader(self._output, self._woken.set)
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            if self._output is not None:
                self._loop.remove_reader(self._output)

    async def _ready(self, handle: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
        ready = asyncio.Event()
        add(handle, ready.set)
        try:
            await ready.wait()
        finally:
            remove(handle)

    def _close_output(self) -> None:
        if self._output is not None:
            handle, self._output = self._output, None
            os.close(handle)

    def _close_input(self) -> None:
        if self._stdin is not None:
            handle, self._stdin = self._stdin, None
            os.close(handle)


def send(pids: list[int], sign: signal.Signals) -> None:
    """Signal each; those that are gone or not ours are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sign)

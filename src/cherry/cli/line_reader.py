"""Lines typed at a terminal, without blocking the loop and without a line-editing library: the terminal itself edits the line."""

import asyncio
import os
import sys
from contextlib import suppress


class LineReader:
    """Reads one file descriptor that is a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""

    async def line(self) -> str | None:
        """The next line without its end; None when the terminal was closed or Ctrl+D was pressed. May be cancelled."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[str | None] = loop.create_future()

        def readable() -> None:
            try:
                data = os.read(self._descriptor, 4096)
            except OSError:
                data = b""
            if result.done():
                return
            if not data:
                result.set_result(None)
            self._buffer += data
            line, newline, rest = self._buffer.partition(b"\n")
            if newline and not result.done():
                self._buffer = rest
                result.set_result(line.decode("utf-8", "replace").strip())

        loop.add_reader(self._descriptor, readable)
        try:
            return await result
        finally:
            loop.remove_reader(self._descriptor)

    def forget_typed(self) -> None:
        """To be called before a question is shown: what was typed earlier cannot be meant for it."""
        self._buffer = b""
        if sys.platform == "win32":
            return
        import termios  # not on every platform

        with suppress(termios.error, OSError):
            termios.tcflush(self._descriptor, termios.TCIFLUSH)

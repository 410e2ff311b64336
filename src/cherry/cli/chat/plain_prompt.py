"""The conversation's prompt on a terminal that cannot move its cursor: lines in, lines out, edited by the terminal itself."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress

from cherry.cli.line_reader import LineReader
from cherry.cli.render.output import Output


class PlainPrompt:
    """Does what `ChatPrompt` does, without history, completion, or a line that changes."""

    def __init__(self, output: Output, *, label: Callable[[], str], on_line: Callable[[str], None]) -> None:
        self._output = output
        self._label = label
        self._on_line = on_line
        self._reader = LineReader(sys.stdin.fileno())
        self._reading: asyncio.Task[str | None] | None = None

    async def run(self) -> None:
        """Until Ctrl+D or `leave`."""
        with suppress(asyncio.CancelledError):
            while True:  # ends with the terminal, or when `leave` cancels the reading
                self._reading = asyncio.ensure_future(self._reader.line())
                line = await self._reading
                if line is None:
                    return
                self._on_line(line)

    def redraw(self) -> None:
        """Nothing here can be drawn again."""

    def leave(self) -> None:
        if self._reading:
            self._reading.cancel()

    def clear(self) -> bool:
        return False  # the terminal has cleared its line by itself

    def put_aside(self) -> None:
        self._output.write(f"{self._label()} › ")

    def bring_back(self) -> None:
        pass  # nothing was put aside

"""Where a turn is drawn: whole lines, streaming text, and one changing line that says what happens now and for how long.

`TerminalSurface` overwrites that line in place; `PlainSurface`, for pipes and dumb terminals, prints lines only and repeats what
it is waiting for every half minute. The chat brings a third one. None of them starts a thread: `ticking` is a task of the running loop.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from cherry.cli.render.output import Output
from cherry.cli.render.style import SPINNER, SPINNER_ASCII, Style, cut_to_width, width_of
from cherry.kernel.clock import Clock
from cherry.kernel.tasks import cancel_and_wait
from cherry.kernel.text import human_seconds

REMIND_SECONDS = 30.0
_ERASE = "\r\x1b[K"


class Surface(Protocol):
    @property
    def style(self) -> Style: ...
    @property
    def columns(self) -> int: ...
    @property
    def announces(self) -> bool:
        """True when what starts needs a line of its own, because there is no changing line that would show it."""
        ...

    def lines(self, text: str) -> None:
        """Finished text; a newline is added."""
        ...

    def stream(self, text: str) -> None:
        """The next piece of a text that is still coming."""
        ...

    def end_stream(self) -> None:
        """The streamed text is complete: what follows starts on a new line."""
        ...

    def status(self, text: str, *, since: float | None = None) -> None:
        """What happens now, since when on the monotonic clock (default: since it was first said). Empty: nothing."""
        ...

    def beat(self) -> None:
        """Called by `ticking` about ten times a second."""
        ...


@asynccontextmanager
async def ticking(surface: Surface, clock: Clock) -> AsyncIterator[None]:
    """Keeps the status alive while the body runs."""
    ticker = asyncio.create_task(_tick(surface, clock))
    try:
        yield
    finally:
        await cancel_and_wait([ticker])
        surface.status("")


async def _tick(surface: Surface, clock: Clock) -> None:
    while True:  # ends with the body of `ticking`
        surface.beat()
        await clock.sleep(0.1)


class PlainSurface:
    """Lines only."""

    announces = True

    def __init__(self, output: Output, style: Style, clock: Clock) -> None:
        self.style = style
        self._output = output
        self._clock = clock
        self._middle = False
        self._status = ""
        self._since = 0.0
        self._next_reminder = 0.0

    @property
    def columns(self) -> int:
        return self._output.columns

    def lines(self, text: str) -> None:
        self.end_stream()
        self._output.write(text + "\n")

    def stream(self, text: str) -> None:
        self._output.write(text)
        self._middle = not text.endswith("\n")

    def end_stream(self) -> None:
        if self._middle:
            self._output.write("\n")
            self._middle = False

    def status(self, text: str, *, since: float | None = None) -> None:
        if text == self._status and since is None:
            return
        now = self._clock.monotonic()
        self._status, self._since = text, now if since is None else since
        self._next_reminder = now + REMIND_SECONDS

    def beat(self) -> None:
        now = self._clock.monotonic()
        if self._status and now >= self._next_reminder:
            self._next_reminder = now + REMIND_SECONDS
            self.lines(self.style("dim", f"… {self._status} ({human_seconds(now - self._since)})"))


class TerminalSurface:
    """Lines, and below them one line that is overwritten in place."""

    announces = False

    def __init__(self, output: Output, style: Style, clock: Clock) -> None:
        self.style = style
        self._output = output
        self._clock = clock
        self._middle = False
        self._shown = ""
        self._status = ""
        self._since = 0.0
        self._frames = SPINNER if output.abilities.unicode else SPINNER_ASCII

    @property
    def columns(self) -> int:
        return self._output.columns

    def lines(self, text: str) -> None:
        self.end_stream()
        self._write(text + "\n")

    def stream(self, text: str) -> None:
        self._write(text)
        self._middle = not text.endswith("\n")

    def end_stream(self) -> None:
        if self._middle:
            self._write("\n")
            self._middle = False

    def status(self, text: str, *, since: float | None = None) -> None:
        if text == self._status and since is None:
            return
        self._status = text
        self._since = self._clock.monotonic() if since is None else since
        if not text:
            self._write("")

    def beat(self) -> None:
        if not self._status or self._middle:
            return
        now = self._clock.monotonic()
        if line := status_line(self._status, now - self._since, self._frames, now, self._output.columns):
            line = self.style("dim", line)
            if line != self._shown:
                self._output.write(_ERASE + line)
                self._shown = line

    def _write(self, text: str) -> None:
        """Write in place of the changing line; the next beat brings it back."""
        if self._shown:
            text = _ERASE + text
            self._shown = ""
        self._output.write(text)


def status_line(status: str, elapsed: float, frames: str, now: float, columns: int) -> str:
    """Spinner, what happens and the time it has taken so far, on one line that does not touch the last column."""
    frame = frames[int(now * 10) % len(frames)]
    tail = f" {human_seconds(elapsed)}" if elapsed >= 1 else ""
    return f"{frame} {cut_to_width(status, columns - 3 - width_of(tail))}{tail}"

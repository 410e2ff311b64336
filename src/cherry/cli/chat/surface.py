"""Drawing above a prompt that stays usable: whole lines scroll up, the line still being written and what happens now
stand just above the prompt."""

from collections.abc import Callable

from cherry.cli.render.output import Output
from cherry.cli.render.style import SPINNER, SPINNER_ASCII, Style, cut_to_width, width_of
from cherry.cli.render.surface import status_line
from cherry.kernel.clock import Clock

MIN_COLUMNS = 20


class ChatSurface:
    """Implements `Surface`. `redraw` asks the prompt to draw itself again."""

    announces = False

    def __init__(self, output: Output, style: Style, clock: Clock, *, redraw: Callable[[], None]) -> None:
        self.style = style
        self._output = output
        self._clock = clock
        self._redraw = redraw
        self._open_line = ""
        self._status = ""
        self._since = 0.0
        self._frames = SPINNER if output.abilities.unicode else SPINNER_ASCII

    @property
    def columns(self) -> int:
        return self._output.columns

    @property
    def open_line(self) -> str:
        """The end of a streamed text that has no line of its own yet; shorter than the terminal is wide."""
        return self._open_line

    def status_text(self) -> str:
        """What happens now, for the line above the prompt; empty when nothing does."""
        if not self._status:
            return ""
        now = self._clock.monotonic()
        return status_line(self._status, now - self._since, self._frames, now, self.columns)

    def lines(self, text: str) -> None:
        self.end_stream()
        self._output.write(text + "\n")

    def stream(self, text: str) -> None:
        *whole, still_open = (self._open_line + text).split("\n")
        for line in whole:
            self._output.write(self._wrapped(line) + "\n")
        self._open_line = self._wrapped(still_open)
        self._redraw()

    def end_stream(self) -> None:
        if self._open_line:
            line, self._open_line = self._open_line, ""
            self._output.write(line + "\n")

    def status(self, text: str, *, since: float | None = None) -> None:
        if text == self._status and since is None:
            return
        self._status = text
        self._since = self._clock.monotonic() if since is None else since
        self._redraw()

    def beat(self) -> None:
        if self._status:
            self._redraw()

    def _wrapped(self, line: str) -> str:
        """Write all of a line but its end. Paragraphs come without newlines: they are broken between words where the terminal ends."""
        columns = max(MIN_COLUMNS, self.columns) - 1
        while width_of(line) > columns:
            fitting = cut_to_width(line, columns).removesuffix("…")
            space = fitting.rfind(" ")
            end = space if space > 0 else len(fitting)
            self._output.write(line[:end] + "\n")
            line = line[end:].removeprefix(" ")
        return line

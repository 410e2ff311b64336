"""What watchers see of a command while it prints: without secrets, even when one comes in pieces.

Whole lines are told at once. The beginning of a line waits for its end, for it may be the beginning of a secret; only what can be none
(dots, bars, percentages) is told when nothing more has come for a moment.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

PAUSE_SECONDS = 0.3


class Cleaner(Protocol):
    """`cherry.security.redaction.StreamRedactor` fits."""

    def feed(self, piece: str) -> str: ...
    def pause(self) -> str: ...
    def finish(self) -> str: ...


class ByLine:
    """For a `clean` that knows whole texts only: lines are passed on when they are whole."""

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        self._clean = clean
        self._held = ""

    def feed(self, piece: str) -> str:
        whole, end, self._held = (self._held + piece).rpartition("\n")
        return self._clean(whole + end)

    def pause(self) -> str:
        return ""

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return self._clean(rest)


class LiveOutput:
    """Call it with each piece of plain text, and `end` it. Belongs to one event loop."""

    def __init__(self, cleaner: Cleaner, tell: Callable[[str], None]) -> None:
        self._cleaner = cleaner
        self._tell = tell
        self._pausing: asyncio.TimerHandle | None = None

    def __call__(self, piece: str) -> None:
        self._say(self._cleaner.feed(piece))
        self._stop()
        self._pausing = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._paused)

    def end(self) -> None:
        """Tell the rest. May be called more than once."""
        self._stop()
        self._say(self._cleaner.finish())

    def _paused(self) -> None:
        self._say(self._cleaner.pause())

    def _stop(self) -> None:
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def _say(self, text: str) -> None:
        if text:
            self._tell(text)

"""Ctrl+C and its relatives while a turn runs: the first asks to stop and keep what is done, the second leaves, the third is the end.

SIGTERM and SIGHUP (the terminal was closed) mean the same as Ctrl+C. A command ended by signal n exits with 128 + n.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def not_ignored(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    """What we were started to ignore (`nohup`, a job in the background of a script) stays ignored."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


class Stops:
    """Counts the signals of one command. Only the main thread's loop can listen."""

    def __init__(self) -> None:
        self.signal = 0
        """Number of the first signal; 0 while there was none."""
        self._count = 0

    @property
    def exit_code(self) -> int:
        return 128 + self.signal

    @contextmanager
    def listening(self, *, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
        """Call `stop` at the first signal and `leave` at the second while the body runs; the third ends the process on the spot."""
        loop = asyncio.get_running_loop()

        def on_signal(number: int) -> None:
            self.signal = self.signal or number
            self._count += 1
            if self._count == 1:
                stop()
            elif self._count == 2:
                leave()
            else:
                os._exit(self.exit_code)

        heard = not_ignored(WATCHED)
        for number in heard:
            loop.add_signal_handler(number, on_signal, number)
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

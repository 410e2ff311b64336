"""Active time of a turn: runs while Cherry works, stands while it waits for a person."""

from collections.abc import Iterator
from contextlib import contextmanager

from cherry.kernel.clock import Clock


class Stopwatch:
    def __init__(self, clock: Clock, *, already: float = 0.0) -> None:
        self._clock = clock
        self._before = already
        self._since: float | None = clock.monotonic()
        self._pauses = 0

    @property
    def seconds(self) -> float:
        running = 0.0 if self._since is None else self._clock.monotonic() - self._since
        return self._before + running

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Overlapping pauses (two approvals at once) count once."""
        if self._pauses == 0:
            self._before, self._since = self.seconds, None
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if self._pauses == 0:
                self._since = self._clock.monotonic()

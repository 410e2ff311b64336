"""One writer at a time per workspace, among all processes of this machine: a lock on a file in Cherry's own folder.

The kernel gives it back when a process dies, so there is no stale lock to judge. There is one lock, hence one order.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cherry.domain.errors import CherryError, edits
from cherry.kernel.clock import Clock
from cherry.kernel.deadlines import DeadlineExceeded

_FILE = "changes.lock"
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05


@contextmanager
def workspace_lock(state_folder: Path, *, seconds: float, stop: threading.Event, clock: Clock) -> Iterator[None]:
    """Blocking; for use in a thread. Raises CherryError(edits.LOCKED) at the deadline or when `stop` is set, OSError."""
    state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state_folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _wait(handle, seconds, stop, clock)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, seconds: float, stop: threading.Event, clock: Clock) -> None:
    end = clock.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= end:
                raise CherryError(edits.LOCKED, why=str(DeadlineExceeded("edits.lock", seconds))) from None
            if stop.wait(pause):
                raise CherryError(edits.LOCKED, "Stopped while waiting for another Cherry") from None
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return

"""One at a time looks after a data folder: backup, restore, repair and pruning keep each other out.

A lock of the kernel on a file of the folder: it ends with its process, however that ends. It does not keep Cherrys from working.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private

LOCK_NAME = "upkeep.lock"
_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


@contextmanager
def upkeep_lock(folder: Path, *, seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """Raises CherryError(storage.BUSY) when another process keeps it for longer than `seconds`, READ_ONLY, NO_SPACE, IO."""
    with os_fault(folder, "Cherry's data folder cannot be used"):
        make_private(folder)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _lock(handle, folder, time.monotonic() + seconds, seconds)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, give_up: float, seconds: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                why = f"it did not end (deadline storage.upkeep, {seconds:g} s)"
                what = "Another Cherry is looking after the data"
                raise CherryError(storage.BUSY, what, where=str(folder), why=why) from None
        else:
            return
        time.sleep(_PAUSE_SECONDS)

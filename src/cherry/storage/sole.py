"""One at a time looks after a data folder: backup, restore, repair and pruning keep each other out.

A lock of the kernel on a file of the folder: it ends with its process, however that ends. It does not keep Cherrys from working.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.kernel.file_locks import Deadlock, LockTimeout, file_lock
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private

LOCK_NAME = "upkeep.lock"
_WAIT_SECONDS = 20.0
_WHAT = "Another Cherry is looking after the data"


@contextmanager
def upkeep_lock(folder: Path, *, seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """Raises CherryError(storage.BUSY) when another process keeps it for longer than `seconds`, READ_ONLY, NO_SPACE, IO."""
    with ExitStack() as held:
        try:
            with os_fault(folder, "Cherry's data folder cannot be used"):
                make_private(folder)
            held.enter_context(file_lock(folder / LOCK_NAME, "storage.upkeep", seconds=seconds))
        except (LockTimeout, Deadlock) as error:
            raise CherryError(storage.BUSY, _WHAT, where=str(folder), why=str(error)) from None
        except OSError:
            with os_fault(folder, "Cherry's data folder cannot be used"):
                raise
        yield

"""One writer at a time per workspace, among all processes of this machine: a lock on a file in Cherry's own folder."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cherry.domain.errors import CherryError, edits
from cherry.kernel.clock import Clock
from cherry.kernel.file_locks import Deadlock, LockTimeout, Stopped, file_lock

_FILE = "changes.lock"


@contextmanager
def workspace_lock(state_folder: Path, *, seconds: float, stop: threading.Event, clock: Clock) -> Iterator[None]:
    """Blocking; for use in a thread. Raises CherryError(edits.LOCKED) at the deadline or when `stop` is set, OSError."""
    state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(state_folder / _FILE, "edits.lock", seconds=seconds, stop=stop, clock=clock))
        except (LockTimeout, Deadlock) as error:
            raise CherryError(edits.LOCKED, why=str(error)) from None
        except Stopped:
            raise CherryError(edits.LOCKED, "Stopped while waiting for another Cherry") from None
        yield

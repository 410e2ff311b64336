"""Pruning by the settings, without being asked each time."""

import os
from pathlib import Path

from cherry.storage import retention
from cherry.storage.faults import os_fault
from cherry.storage.upkeep import Bounds, Pruned

_MARK = "pruned"
_DAY = 86_400.0
_PLAN_SECONDS = 10.0
_VACUUM_BYTES = 256 << 20
"""A larger file is not written anew while somebody waits for the command to end; free pages in it are used again."""


def retain(folder: Path, logs: Path, bounds: Bounds, *, now: float) -> Pruned | None:
    """At most once a day, and never while somebody works on a session: None then. Raises CherryError, DeadlineExceeded."""
    mark = folder / _MARK
    with os_fault(mark, "Old data cannot be removed"):
        if not folder.is_dir() or (mark.exists() and abs(now - mark.stat().st_mtime) < _DAY):
            return None
        if retention.in_use(folder, now=now):
            return None
        mark.touch(mode=0o600)  # first: what fails is not tried again with every command
        os.utime(mark, (now, now))
    planned = retention.plan(folder, logs, bounds, now=now, seconds=_PLAN_SECONDS)
    return retention.prune(folder, logs, planned, now=now, vacuum_upto=_VACUUM_BYTES)

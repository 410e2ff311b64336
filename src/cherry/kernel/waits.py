"""What this process is waiting for right now: each wait has a name, a beginning and perhaps a deadline.

`deadline` and `within` of `cherry.kernel.deadlines` declare theirs by themselves; a wait that has no deadline because only a person
ends it is declared with `waiting`. Costs one entry of a dict. Safe to read from any thread.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wait:
    name: str
    """Dotted: `model.first_byte`."""
    seconds: float | None
    """Its deadline, from `since`; None when there is none: a person is waited for."""
    detail: str = ""
    """Whom or what for: `openai`, a path."""
    since: float = field(default_factory=time.monotonic)
    """Monotonic seconds."""
    thread: int = field(default_factory=threading.get_ident)
    task: "asyncio.Task[object] | None" = None

    @property
    def lasted(self) -> float:
        return time.monotonic() - self.since

    @property
    def overdue(self) -> float:
        """Seconds past its deadline; negative before, and always for a wait without one."""
        return -1.0 if self.seconds is None else self.lasted - self.seconds

    def __str__(self) -> str:
        bound = "no deadline" if self.seconds is None else f"deadline {self.seconds:g} s"
        return f"{self.detail or self.name} since {self.lasted:.0f} s ({self.name}, {bound})"


_serial = itertools.count()
_current: dict[int, Wait] = {}


@contextmanager
def waiting(name: str, seconds: float | None = None, detail: str = "") -> Iterator[None]:
    """Declare a wait while the body runs. Enforces nothing: see `deadline`."""
    number = next(_serial)
    _current[number] = Wait(name, seconds, detail, task=_this_task())
    try:
        yield
    finally:
        del _current[number]


def waits() -> tuple[Wait, ...]:
    """All there are, the oldest first."""
    return tuple(_current.copy().values())


def _this_task() -> "asyncio.Task[object] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # in a thread of its own
        return None

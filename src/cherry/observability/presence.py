"""What each Cherry of this user is doing, for the others to see: one small file per process in `state/running`.

Written when a turn begins, when a wait has become long or is over, and removed at the end. A file whose process is gone is stale and
is removed by the next reader. It holds names of waits and hosts, never anything a user or a model said.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cherry.kernel.text import human_seconds

RUNNING = "running"
"""The folder below the state folder."""
_MAX_BYTES = 100_000


class Waiting(NamedTuple):
    """A wait as another process tells of it."""

    name: str
    detail: str
    since: float
    """Wall time."""
    seconds: float | None


class Presence(NamedTuple):
    pid: int
    started: str
    """Tells the process from a later one of the same number."""
    sessions: tuple[str, ...]
    waits: tuple[Waiting, ...] = ()
    """Those that last for some seconds, the oldest first."""
    hang: str = ""
    """What its watchdog found; empty while all is well."""

    def told(self, now: float) -> str:
        """One line: `waiting for api.openai.com since 12 s (model.first_byte, deadline 60 s)`."""
        if self.hang:
            return f"{self.hang} (process {self.pid})"
        if not self.waits:
            return f"working (process {self.pid})"
        wait = self.waits[0]
        bound = "no deadline" if wait.seconds is None else f"deadline {wait.seconds:g} s"
        lasted = human_seconds(max(0.0, now - wait.since))
        return f"waiting for {wait.detail or wait.name} since {lasted} ({wait.name}, {bound}; process {self.pid})"


class Board:
    """This process' own file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"{os.getpid()}.json"
        self._shown: Presence | None = None

    def show(self, sessions: Sequence[str], waits: Sequence[Waiting], hang: str) -> None:
        """Nothing is written when nothing has changed. A disk that fails disturbs nobody."""
        present = Presence(os.getpid(), start_of(os.getpid()), tuple(sessions), tuple(waits), hang)
        if present == self._shown:
            return
        temporary = self._file.with_suffix(".new")
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(present._asdict()), encoding="utf-8")
            temporary.replace(self._file)
            self._shown = present

    def clear(self) -> None:
        self._shown = None
        with suppress(OSError):
            self._file.unlink()


def present(folder: Path) -> Iterator[Presence]:
    """All living Cherrys that run a turn; what the dead left behind is removed."""
    try:
        files = sorted(folder.glob("*.json"))
    except OSError:
        return
    for file in files:
        found = _read(file)
        if found is not None and start_of(found.pid) == found.started:
            yield found
        elif found is not None:
            with suppress(OSError):
                file.unlink()


def telling(folder: Path) -> dict[str, str]:
    """Session → one line of what its process is doing."""
    now = time.time()
    return {session: one.told(now) for one in present(folder) for session in one.sessions}


def start_of(pid: int) -> str:
    """When a process started, in ticks of the kernel; `alive` where there is no /proc, empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "" if Path("/proc/self").exists() else _signalled(pid)
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def _signalled(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"


def _read(file: Path) -> Presence | None:
    try:
        raw = json.loads(file.read_text(encoding="utf-8")[:_MAX_BYTES])
        waits = tuple(Waiting(**wait) if isinstance(wait, dict) else Waiting(*wait) for wait in raw.pop("waits"))
        return Presence(**{**raw, "sessions": tuple(raw["sessions"]), "waits": waits})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None

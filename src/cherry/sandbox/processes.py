"""Finding processes on this machine by reading /proc; empty answers where there is none (macOS)."""

import os
import signal
from pathlib import Path

_PROC = Path("/proc")
MARK = "CHERRY_COMMAND"
"""Environment variable by which processes of a bare command are known, whatever session they moved to."""


def descendants(pid: int) -> list[int]:
    """All living processes below `pid`, nearest first."""
    children: dict[int, list[int]] = {}
    for process in _younger(pid):
        if (parent := _parent(process)) is not None:
            children.setdefault(parent, []).append(process)
    found: list[int] = []
    queue = [pid]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def marked(mark: str, *, younger_than: int) -> list[int]:
    """All living processes that carry this mark in their environment and were started after the process `younger_than`."""
    needle = f"{MARK}={mark}".encode()
    return [pid for pid in _younger(younger_than) if needle in _environment(pid) and is_alive(pid)]


def end_leftovers() -> int:
    """End what bare commands of a Cherry that is no more have left behind; returns how many were ended."""
    ended = 0
    for pid in _all():
        for entry in _environment(pid):
            name, _, value = entry.partition(b"=")
            if name == MARK.encode() and not _owner_lives(value.decode("ascii", "replace")):
                try:
                    os.kill(pid, signal.SIGKILL)
                    ended += 1
                except (ProcessLookupError, PermissionError):
                    pass
    return ended


def holding(pipe: int) -> list[int]:
    """All other processes that have this pipe open."""
    try:
        name = os.readlink(_PROC / "self" / "fd" / str(pipe))  # noqa: PTH115 — not a path but a name such as pipe:[4711]
    except OSError:
        return []
    return [pid for pid in _all() if pid != os.getpid() and name in _open_files(pid)]


def new_mark(serial: int) -> str:
    """Tells one command of one Cherry process from all others: process id, its start time, and a number."""
    return f"{os.getpid()}.{_started(os.getpid())}.{serial}"


def is_alive(pid: int) -> bool:
    """False for what has ended, waited for or not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in {"Z", "X"}


def _owner_lives(mark: str) -> bool:
    pid, _, rest = mark.partition(".")
    started = rest.partition(".")[0]
    return pid.isdigit() and _started(int(pid)) == started and is_alive(int(pid))


def _all() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 — names are all that is needed
    except OSError:
        return []


def _younger(pid: int) -> list[int]:
    """Processes that may have been started after this one: numbers are given out in order, until they begin again."""
    try:
        latest = int((_PROC / "loadavg").read_text("ascii").split()[-1])
    except (OSError, ValueError):
        return _all()
    began_again = latest < pid
    return [other for other in _all() if other > pid or began_again]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the program's name: state, parent, …; empty when it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 else None


def _started(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else "0"


def _open_files(pid: int) -> list[str]:
    folder = _PROC / str(pid) / "fd"
    try:
        return [os.readlink(folder / name) for name in os.listdir(folder)]  # noqa: PTH115, PTH208 — names, and many of them
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []

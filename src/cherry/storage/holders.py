"""Who holds a lease, and whether it still lives.

A holder is `host:pid:start`: the machine (and its pid namespace), the process, and when that process started, so a reused pid is
not taken for the old process. Whether a process on this machine lives is asked of the kernel and wins over any clock: a
jumping clock neither steals a lease from a working process nor keeps one for a dead process. For holders elsewhere only time
can tell.
"""

import functools
import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from cherry.kernel.text import human_seconds

_PROC = Path("/proc")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Tenure(NamedTuple):
    """A session's lease as a store keeps it. The fence outlives the holder: it only grows."""

    holder: str = ""
    """Empty when nobody holds it."""
    fence: int = 0
    seconds: float = 0.0
    renewed_at: float = 0.0
    """Wall time."""

    def holds(self, now: float) -> bool:
        """Whether others must keep away.

        A renewal that seems to lie in the far future means the clock was set back: then time proves nothing and the lease
        counts as expired, which is safe because of the fence.
        """
        if not self.holder:
            return False
        alive = holder_alive(self.holder)
        return alive if alive is not None else abs(now - self.renewed_at) < self.seconds


def holder_id() -> str:
    """Names this process, the same for its whole life."""
    return f"{_host()}:{os.getpid()}:{_started(os.getpid())}"


def holder_alive(holder: str) -> bool | None:
    """None when it cannot be told from here: another machine, another container, or no holder of this form."""
    host, pid, start = _parts(holder)
    if host != _host() or not pid:
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it lives and belongs to somebody else
    now_there = _started(pid)
    return not now_there or now_there == start


def described(holder: str) -> str:
    """For people: which process to look at."""
    host, pid, _ = _parts(holder)
    return f"process {pid} on this machine" if host == _host() and pid else f"{holder or 'nobody'}"


def at_work(holder: str) -> str:
    """What a holder on this machine runs and for how long, in brackets: ` (cherry run, for 3 min 05 s)`; empty where that is not known."""
    host, pid, _ = _parts(holder)
    if host != _host() or not pid:
        return ""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        ticks = int((_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[19])
        uptime = float((_PROC / "uptime").read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return ""
    seconds = max(0.0, uptime - ticks / os.sysconf("SC_CLK_TCK"))
    return f" ({_program(words)}, for {human_seconds(seconds)})"


def _program(words: list[bytes]) -> str:
    """The program and its command, and no more: a request may hold anything."""
    names = [os.path.basename(word).decode("utf-8", "replace") for word in words if word]  # noqa: PTH119 — words, not paths
    if names and names[0].startswith("python"):
        names = names[1:]
    return " ".join(name for name in names[:2] if _WORD.fullmatch(name)) or "unknown"


def _parts(holder: str) -> tuple[str, int, str]:
    host, _, rest = holder.partition(":")
    pid, _, start = rest.partition(":")
    return host, int(pid) if pid.isascii() and pid.isdigit() else 0, start


def _started(pid: int) -> str:
    """Boot and clock tick at which a process started; `gone` for a zombie, empty where the system does not tell."""
    try:
        # The name of the program stands in brackets and may contain anything, brackets too.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    if fields[0] in {b"Z", b"X"}:
        return "gone"
    return f"{_boot()}.{fields[19].decode()}"


@functools.cache
def _boot() -> str:
    return _content("/proc/sys/kernel/random/boot_id")[:8]


@functools.cache
def _host() -> str:
    """The machine, not the boot: after a restart the old processes are known to be gone."""
    node = os.uname().nodename
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 — not a path but a name such as pid:[4026531836]
    except OSError:
        namespace = ""
    marks = "\0".join((node, _content("/etc/machine-id"), namespace))
    name = "".join(char for char in node if char.isalnum() or char in "-.")[:40]
    return f"{name}.{hashlib.blake2b(marks.encode(), digest_size=4).hexdigest()}"


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

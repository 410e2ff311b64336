"""Running a program to its end and measuring it: wall time, CPU time of its tree, peak memory of its tree.

Boundary: Linux. CPU is what the kernel accounts to the program and the children it waited for (`wait4`). Memory is sampled
from `/proc` and disturbs the other figures, so a run measures either memory or time.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_SAMPLE_SECONDS = 0.004


class Memory(NamedTuple):
    """Of a tree of processes, in bytes."""

    resident: int = 0
    """Summed resident set sizes: what processes share counts for each of them."""
    proportional: int = 0
    """Summed proportional set sizes: what processes share is divided among them, those outside the tree included."""


class Run(NamedTuple):
    """One run of a program. Times in seconds, memory in bytes."""

    code: int
    """Exit code; negative for a signal."""
    wall: float
    cpu: float
    memory: "Memory"
    """Peaks; zeros when it was not measured."""
    output: str
    errors: str
    timed_out: bool = False

    @property
    def trouble(self) -> str:
        """Why the run cannot be used; empty when it can."""
        if self.timed_out:
            return f"did not end within {self.wall:.0f} s"
        if self.code == 0:
            return ""
        said = (self.errors.strip() or self.output.strip()).splitlines()
        return f"exit {self.code}: {said[-1][:160] if said else 'no message'}"


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float = 60.0,
    memory: bool = False,
) -> Run:
    """Run to the end, at most `seconds`. Raises OSError when it cannot be started."""
    output, errors = folder.parent / "output", folder.parent / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        sampler = MemorySampler(process.pid) if memory else None
        killer = threading.Timer(seconds, _kill_group, (process.pid,))
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        process.returncode,
        wall,
        usage.ru_utime + usage.ru_stime,
        sampler.finish() if sampler else Memory(),
        output.read_text(errors="replace"),
        errors.read_text(errors="replace"),
        timed_out=wall >= seconds,
    )


class MemorySampler:
    """Watches a process and all its descendants, those that outlive their parents included."""

    def __init__(self, pid: int) -> None:
        self._members = {pid}
        self._peak = Memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> Memory:
        """Stop and give the peaks."""
        self._done.set()
        self._thread.join(5)
        return self._peak

    def _watch(self) -> None:
        while not self._done.is_set():
            self._members |= _descendants(self._members)
            sizes = [_memory_of(pid) for pid in self._members]
            resident, proportional = (sum(column) for column in zip(*sizes, strict=True))
            self._peak = Memory(max(self._peak.resident, resident), max(self._peak.proportional, proportional))
            self._done.wait(_SAMPLE_SECONDS)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _descendants(members: set[int]) -> set[int]:
    """Processes whose parent is a member, through all generations."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (parent := _parent_of(entry.name)) is not None:
            parents[int(entry.name)] = parent
    found: set[int] = set()
    while new := {pid for pid, parent in parents.items() if parent in members | found} - found:
        found |= new
    return found


def _parent_of(pid: str) -> int | None:
    try:
        stat = Path("/proc", pid, "stat").read_bytes()
    except OSError:
        return None
    return int(stat[stat.rfind(b")") + 2 :].split()[1])


def _memory_of(pid: int) -> Memory:
    """Both resident where the kernel does not tell more; zeros when the process is gone."""
    try:
        fields = dict(line.split(b":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()[1:])
        return Memory(_kilobytes(fields[b"Rss"]), _kilobytes(fields[b"Pss"]))
    except (OSError, KeyError):
        pass  # gone, a kernel without the file, or another user's process
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return Memory()
    return Memory(resident, resident)


def _kilobytes(text: bytes) -> int:
    return int(text.split()[0]) * 1024

"""Locks between processes: the kernel's, on a file that says who holds it and what the holder waits for.

The kernel gives a lock back when its process ends, however it ends. The file holds one line of JSON, for people and for finding
cycles: who, with which command, since when, and the lock this holder waits for itself. It is a hint, never the lock.

Where holders wait for each other in a circle, the one that came last to its wait gets `Deadlock`, which names all of them; the others
go on. Cherry's own locks are taken in one order (`cherry.kernel.locks`), so that takes a plugin or another version.
"""

import fcntl
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.kernel.locks import Held, check_order, give_back, held, taken
from cherry.kernel.waits import waiting

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_TELL_AFTER_SECONDS = 0.05
"""Most waits are over before anybody need know of them."""
_COMMAND_CHARACTERS = 60
_RECORD_BYTES = 4096
_MOST_IN_A_CIRCLE = 64
_A_WORD = re.compile(r"[A-Za-z0-9._-]+")


class Holder(NamedTuple):
    """Who has a lock, as its file tells."""

    pid: int
    command: str
    since: float
    """Wall time."""
    lock: str
    """Path of its file."""
    waits_for: str = ""
    """Path of the lock it waits for itself."""
    waits_since: float = 0.0
    thread: int = 0

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}), which has it since {max(0.0, time.time() - self.since):.0f} s"


class Deadlock(Exception):
    """Waiting would never have ended. The text names everybody in the circle."""


class Stopped(Exception):
    """Whoever waited was asked to stop."""


class LockTimeout(DeadlineExceeded):
    """The text names the deadline and who held the lock."""

    def __init__(self, name: str, seconds: float, holder: Holder | None) -> None:
        super().__init__(name, seconds)
        self.holder = holder

    def __str__(self) -> str:
        by = f": held by {self.holder}" if self.holder else ""
        return f"{super().__str__()}{by}"


class _Mine:
    """A lock this process has."""

    def __init__(self, path: str, handle: int) -> None:
        self._handle = handle
        self._record = Holder(os.getpid(), _command(), time.time(), path, thread=threading.get_ident())
        self._write()

    def tell_wait(self, path: str, since: float) -> None:
        self._record = self._record._replace(waits_for=path, waits_since=since)
        self._write()

    def forget(self) -> None:
        with suppress(OSError):
            os.ftruncate(self._handle, 0)

    def _write(self) -> None:
        with suppress(OSError):  # a full disk takes nothing from the lock itself
            data = json.dumps(self._record._asdict()).encode()
            os.pwrite(self._handle, data.ljust(os.fstat(self._handle).st_size), 0)


_mine: dict[str, _Mine] = {}


@contextmanager
def file_lock(
    path: Path, name: str, *, seconds: float, stop: threading.Event | None = None, clock: Clock | None = None
) -> Iterator[None]:
    """Hold the lock alone while the body runs. Blocking, for use in a thread; the file is made when it is missing.

    Raises LockTimeout at the deadline `name`, Deadlock, Stopped when `stop` is set meanwhile, LockOrderError, OSError.
    """
    key = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 — a link in the file's own place is refused
    check_order(name, key)
    handle = os.open(key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _Waiting(key, name, seconds, stop or threading.Event(), clock or SystemClock()).take(handle)
        holding, _mine[key] = taken(name, key), _Mine(key, handle)
        try:
            yield
        finally:
            _mine.pop(key).forget()
            give_back(holding)
    finally:
        os.close(handle)


@contextmanager
def brief_lock(folder: Path, name: str, *, seconds: float, shared: bool = False) -> Iterator[None]:
    """A lock on a folder that is held for a moment, under which no other is taken; `shared` with others who share it.

    It names no holder. On a file system without locks it protects nothing. Raises LockTimeout, LockOrderError, OSError.
    """
    check_order(name, str(folder))
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    holding = None
    try:
        if not _take_brief(handle, shared=shared):
            with waiting(name, seconds, str(folder)):
                _poll(handle, name, seconds, shared=shared)
        holding = taken(name, str(folder))
        yield
    finally:
        if holding is not None:
            give_back(holding)
        os.close(handle)


def _poll(handle: int, name: str, seconds: float, *, shared: bool) -> None:
    give_up, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while not _take_brief(handle, shared=shared):
        if time.monotonic() >= give_up:
            raise LockTimeout(name, seconds, None)
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _take_brief(handle: int, *, shared: bool) -> bool:
    try:
        return _try(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    except OSError:
        return True  # a file system without locks


def holder_of(path: Path | str) -> Holder | None:
    """Who says to have the lock of this file; None when nobody does, or it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 — of a str or a Path
            told: Any = json.loads(file.read(_RECORD_BYTES))
        return Holder(**told)
    except (OSError, ValueError, TypeError):
        return None


class _Waiting:
    def __init__(self, key: str, name: str, seconds: float, stop: threading.Event, clock: Clock) -> None:
        self._key = key
        self._name = name
        self._seconds = seconds
        self._stop = stop
        self._clock = clock
        self._circle: tuple[Holder, ...] = ()

    def take(self, handle: int) -> None:
        if _try(handle):
            return
        with waiting(self._name, self._seconds, self._key):
            try:
                self._wait(handle)
            finally:
                for mine in self._held_here():
                    mine.tell_wait("", 0.0)

    def _wait(self, handle: int) -> None:
        begun, told = self._clock.monotonic(), False
        pause = _FIRST_PAUSE
        while not _try(handle):
            waited = self._clock.monotonic() - begun
            if waited >= self._seconds:
                raise LockTimeout(self._name, self._seconds, holder_of(self._key))
            if self._stop.wait(pause):
                raise Stopped(self._name)
            if waited >= _TELL_AFTER_SECONDS:
                if not told:
                    told = True
                    for mine in self._held_here():
                        mine.tell_wait(self._key, time.time())
                self._look_for_circle()
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _held_here(self) -> list[_Mine]:
        return [_mine[one.key] for one in _held_with_files()]

    def _look_for_circle(self) -> None:
        """What was seen twice, unchanged, is no passing moment."""
        circle = self._follow()
        if circle and circle == self._circle and _last_to_wait(circle).lock in {one.key for one in _held_with_files()}:
            raise Deadlock(_told(circle))
        self._circle = circle

    def _follow(self) -> tuple[Holder, ...]:
        """The holders from the lock waited for to one held here; empty when they do not lead here."""
        ours = {one.key for one in _held_with_files()}
        chain: list[Holder] = []
        lock = self._key
        while ours and lock and len(chain) < _MOST_IN_A_CIRCLE:
            holder = holder_of(lock)
            if holder is None or holder in chain:
                return ()
            chain.append(holder)
            if lock in ours:
                return tuple(chain)
            lock = holder.waits_for
        return ()


def _held_with_files() -> list[Held]:
    return [one for one in held() if one.key in _mine]


def _try(handle: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_to_wait(circle: tuple[Holder, ...]) -> Holder:
    return max(circle, key=lambda one: (one.waits_since, one.pid, one.thread))


def _told(circle: tuple[Holder, ...]) -> str:
    pieces = [f"process {one.pid} ({one.command}) has {one.lock} and waits for {one.waits_for}" for one in circle]
    return "they wait for each other: " + "; ".join(pieces)


def _command() -> str:
    """The program and its command; never more, for a request may hold anything."""
    words = [os.path.basename(sys.argv[0]), *sys.argv[1:2]]  # noqa: PTH119 — a word, not a path
    return " ".join(word for word in words if _A_WORD.fullmatch(word))[:_COMMAND_CHARACTERS]

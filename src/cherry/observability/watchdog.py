"""Notices when Cherry itself stands still, and says what hangs: the wait, since when, and where in the program.

A thread looks once a second, only while a turn runs, at four things: whether the event loop still turns, whether a wait is past its
deadline (nothing that enforces deadlines may fail silently), whether a turn goes on without anything happening although no wait is
declared, and which waits have become long, which is shown to other processes (`presence`). What it finds goes to the log with the
stack, and to the user as one line. It ends nothing: whoever waits has a deadline.

SIGUSR1 writes all of it to the log at any time, and the stacks of all threads to `stacks.txt` beside it even when nothing else works.
"""

import asyncio
import faulthandler
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cherry.kernel.text import human_seconds
from cherry.kernel.waits import Wait, waits
from cherry.observability.log import Log
from cherry.observability.presence import Board, Waiting

_FRAMES = 20


class Patience(NamedTuple):
    """In seconds."""

    look: float = 1.0
    blocked: float = 5.0
    """The event loop does not turn."""
    overdue: float = 5.0
    """A wait goes on after its deadline."""
    quiet: float = 60.0
    """Nothing happens and nothing is waited for."""
    long_wait: float = 3.0
    """From then on a wait is shown to others."""


class Finding(NamedTuple):
    what: str
    """One line for the user."""
    stack: str = ""


class Turning:
    """A turn that is watched."""

    def __init__(self, session: str, tell: Callable[[str], None]) -> None:
        self.session = session
        self.tell = tell
        """Called in the turn's own loop; when that is blocked, the line goes to standard error."""
        self.last = time.monotonic()
        self.told = False

    def progress(self) -> None:
        """Something has happened."""
        self.last = time.monotonic()
        self.told = False


class Watchdog:
    def __init__(self, log: Log, *, running: Path, stacks: Path, patience: Patience | None = None) -> None:
        """`running`: folder of the presence files; `stacks`: file for SIGUSR1. Nothing is opened before the first turn."""
        self._log = log
        self._patience = patience or Patience()
        self._board = Board(running)
        self._stacks = stacks
        self._turns: list[Turning] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main = 0
        self._asked = _Asked()
        self._file: int | None = None
        self._sent = self._came = 0.0
        self._loop_turns = True
        self._blocked_told = False
        self._overdue_told: set[tuple[str, float]] = set()
        self._hang = ""

    @contextmanager
    def watching(self, session: str, tell: Callable[[str], None]) -> Iterator[Turning]:
        """To be entered in the loop that is to be watched."""
        turning = Turning(session, tell)
        self._turns.append(turning)
        if self._thread is None:
            self._begin()
        try:
            yield turning
        finally:
            self._turns.remove(turning)
            if not self._turns:
                self._end()

    def look(self) -> list[Finding]:
        """One look; what was found before and still holds is not found again."""
        found = [*self._blocked(), *self._overdue(), *self._quiet()]
        if not (self._blocked_told or self._overdue_told or any(turning.told for turning in list(self._turns))):
            self._hang = ""  # whatever hung goes on
        self._show()
        return found

    # -- the four things

    def _blocked(self) -> Iterator[Finding]:
        now = time.monotonic()
        self._loop_turns = self._came >= self._sent
        if self._loop_turns:
            self._blocked_told = False
            self._sent = now
            if self._loop is not None:
                with suppress(RuntimeError):  # it was closed meanwhile
                    self._loop.call_soon_threadsafe(self._beat)
        elif now - self._sent >= self._patience.blocked and not self._blocked_told:
            self._blocked_told = True
            what = f"Cherry stands still since {human_seconds(now - self._sent)}: its event loop is blocked"
            yield Finding(what, _stack_of_thread(self._main))

    def _beat(self) -> None:
        self._came = time.monotonic()

    def _overdue(self) -> Iterator[Finding]:
        current = waits()
        self._overdue_told &= {(wait.name, wait.since) for wait in current}
        for wait in current:
            key = (wait.name, wait.since)
            if wait.overdue >= self._patience.overdue and key not in self._overdue_told:
                self._overdue_told.add(key)
                yield Finding(f"A wait did not end at its deadline: {wait}", _stack_of(wait))

    def _quiet(self) -> Iterator[Finding]:
        if not self._loop_turns:  # that is for `_blocked` to tell
            return
        now = time.monotonic()
        for turning in list(self._turns):
            quiet = now - turning.last
            if quiet >= self._patience.quiet and not turning.told and not waits():
                turning.told = True
                what = f"Nothing has happened for {human_seconds(quiet)}, and nothing is waited for"
                yield Finding(f"{what} (session {turning.session})", self._everything())

    def _show(self) -> None:
        wall = time.time() - time.monotonic()
        long = [wait for wait in waits() if wait.lasted >= self._patience.long_wait]
        shown = [Waiting(wait.name, wait.detail, round(wall + wait.since), wait.seconds) for wait in long]
        self._board.show([turning.session for turning in list(self._turns)], shown, self._hang)

    # -- telling

    def _report(self, found: Finding) -> None:
        self._hang = found.what
        self._log.error("watchdog.hang", what=found.what, stack=found.stack)
        for turning in list(self._turns):
            if self._blocked_told or self._loop is None:
                with suppress(OSError, ValueError):
                    sys.stderr.write(f"cherry: {found.what}\r\n")
                return
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(turning.tell, found.what)

    def _everything(self) -> str:
        """What is waited for, and the stacks of all tasks and threads."""
        told = [str(wait) for wait in waits()] or ["nothing is waited for"]
        tasks: set[asyncio.Task[object]] = set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the set changed while it was read
                tasks = asyncio.all_tasks(self._loop)
        told += [f"task {task.get_name()}\n{_stack_of_task(task)}" for task in tasks]
        told += [f"thread {thread.name}\n{_stack_of_thread(thread.ident or 0)}" for thread in threading.enumerate()]
        return "\n".join(told)

    # -- the thread

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self._sent = self._came = time.monotonic()
        self._hang = ""
        self._listen()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="watchdog", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        """Does not wait for the thread: it holds nothing."""
        self._stop.set()
        self._stop_listening()
        self._thread = self._loop = None
        self._board.clear()

    def _run(self, stop: threading.Event) -> None:
        before = time.monotonic()
        while not stop.wait(self._patience.look):
            now = time.monotonic()
            if now - before > 3 * self._patience.look + 1:  # we ourselves were stopped (Ctrl+Z): that is no hang
                self._came = self._sent = now
            before = now
            self._look_and_report(stop)

    def _look_and_report(self, stop: threading.Event) -> None:
        for found in self.look():
            self._report(found)
        if self._asked.now:
            self._asked.now = False
            self._log.error("watchdog.asked", stack=self._everything())
        if stop.is_set():
            self._board.clear()

    def _listen(self) -> None:
        """To SIGUSR1, unless somebody else does. The handler stays: without one the signal would end the process."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
            signal.signal(signal.SIGUSR1, _Asked())
        asked = signal.getsignal(signal.SIGUSR1)
        if not isinstance(asked, _Asked):
            return
        self._asked = asked
        with suppress(OSError):
            self._stacks.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(
                self._stacks, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            faulthandler.register(signal.SIGUSR1, self._file, all_threads=True, chain=True)

    def _stop_listening(self) -> None:
        if self._file is not None:
            faulthandler.unregister(signal.SIGUSR1)
            file, self._file = self._file, None
            os.close(file)


class _Asked:
    """The handler of SIGUSR1: notes that somebody wants to know."""

    def __init__(self) -> None:
        self.now = False

    def __call__(self, number: int, frame: object) -> None:
        self.now = True


def _stack_of(wait: Wait) -> str:
    return _stack_of_task(wait.task) if wait.task is not None else _stack_of_thread(wait.thread)


def _stack_of_task(task: "asyncio.Task[object]") -> str:
    told = io.StringIO()
    task.print_stack(limit=_FRAMES, file=told)
    return told.getvalue()


def _stack_of_thread(ident: int) -> str:
    frame = sys._current_frames().get(ident)
    return "".join(traceback.format_stack(frame, limit=_FRAMES)) if frame else "the thread has ended"

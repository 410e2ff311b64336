"""The `cherry` command as a process of its own, beside a model provider that follows a script. Standard library only; POSIX.

    with provider(Script("Hello.")) as double, Program(folder) as cherry:
        ended = cherry.run("say hello", double=double)
        assert (ended.code, ended.out) == (0, "Hello.\\n")

A `Program` has a workspace and a home of its own, and an environment that knows nothing of the machine's user: no key, no proxy, no
configuration. Everything waits under a deadline and tells in its error what came until then. Leaving the context kills what still runs.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from cherry.domain.events import Recorded
from cherry.kernel.paths import home_folders
from cherry.storage.open import open_store
from cherry.testing.scripts import Script, Words
from cherry.testing.terminal import Terminal
from cherry.testing.wire import WireDouble

WAIT_SECONDS = 30.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Line = dict[str, Any]
"""One line of `--json`."""


@contextlib.contextmanager
def provider(script: Script | Words = "Hello.", **options: Any) -> Iterator[WireDouble]:
    """A `WireDouble` with a loop in a thread of its own, for tests that are not asynchronous. Raises what its script raised."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="wire double", daemon=True)
    thread.start()
    double = WireDouble(script, **options)

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=10)

    try:
        wait(double.__aenter__())
        try:
            yield double
        except BaseException as error:
            wait(double.__aexit__(type(error)))
            raise
        wait(double.__aexit__(None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Ended(NamedTuple):
    """How one command went."""

    code: int
    """Exit code, or minus the signal that ended it."""
    raw: bytes
    """Standard output as it came."""
    err: str
    seconds: float

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8", "surrogateescape")

    @property
    def lines(self) -> list[Line]:
        """Standard output of `--json`. Raises ValueError when a line is not JSON."""
        return [json.loads(line) for line in self.raw.splitlines()]

    @property
    def events(self) -> list[Line]:
        return [line["event"] for line in self.lines if line["type"] == "event"]

    def event(self, kind: str) -> Line:
        """The last event of a kind."""
        return [event for event in self.events if event["kind"] == kind][-1]

    @property
    def end(self) -> Line:
        """The last line of `--json`."""
        return self.lines[-1]


class Running:
    """A command that runs. Its output is read all the while, so that it never waits for us."""

    def __init__(self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], stdin: bytes) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._changed = threading.Condition()
        self._out = bytearray()
        self._err = bytearray()
        self._open = 2
        self._seconds = 0.0
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._out), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self._err), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        if stdin:
            assert self.process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(stdin)
                self.process.stdin.close()

    @property
    def lines(self) -> list[Line]:
        """The whole lines of `--json` that have come so far."""
        with self._changed:
            whole, _, _ = bytes(self._out).rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def err(self) -> str:
        with self._changed:
            return self._err.decode("utf-8", "replace")

    def until(self, wanted: str | Callable[[Line], bool], *, count: int = 1, seconds: float = WAIT_SECONDS) -> Line:
        """Wait for the line of `--json` that is wanted: a kind of event (`tool.started`), or what a function says; the `count`-th."""
        fits = _kind_is(wanted) if isinstance(wanted, str) else wanted
        until = time.monotonic() + seconds
        while True:
            found = [line for line in self.lines if fits(line)]
            if len(found) >= count:
                return found[count - 1]
            with self._changed:
                over = self._open == 0 or not self._changed.wait(max(0.0, until - time.monotonic()))
            if over and len([line for line in self.lines if fits(line)]) < count:
                raise AssertionError(f"{wanted} did not come; what came is:\n{self._told()}")

    def until_err(self, text: str, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait for words on standard error."""
        until = time.monotonic() + seconds
        while text not in self.err:
            with self._changed:
                over = self._open == 0 or not self._changed.wait(max(0.0, until - time.monotonic()))
            if over and text not in self.err:
                raise AssertionError(f"{text!r} did not come; what came is:\n{self._told()}")

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> Ended:
        """`kill -9`, of this process alone."""
        self.process.send_signal(signal.SIGKILL)
        return self.ended()

    def ended(self, *, seconds: float = WAIT_SECONDS) -> Ended:
        """Wait for its end. Raises AssertionError."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end in {seconds:g} s; what came is:\n{self._told()}") from None
        self._seconds = self._seconds or time.monotonic() - self._started
        for reader in self._readers:
            # A child left behind may hold the pipe open; that is for another assertion to find.
            reader.join(timeout=5)
        with self._changed:
            return Ended(code, bytes(self._out), self._err.decode("utf-8", "replace"), self._seconds)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _read(self, stream: Any, into: bytearray) -> None:
        while data := os.read(stream.fileno(), 1 << 16):
            with self._changed:
                into += data
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _told(self) -> str:
        with self._changed:
            return f"{self._out.decode('utf-8', 'replace')[-2000:]}\n{self._err.decode('utf-8', 'replace')[-4000:]}"


class Program:
    """Cherry with a workspace and a home under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = root / "work"
        self.home = root / "home"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.environ: dict[str, str] = {
            "PATH": _PATH,
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "CHERRY_HOME": str(self.home),
            "CHERRY_MODEL": "openai/test",
        }
        """Of every command; a test may add to it."""
        if places := os.environ.get("PYTHONPATH"):
            self.environ["PYTHONPATH"] = places  # the Cherry that is tested is the one that was imported here
        self._running: list[Running] = []

    def run(
        self,
        *arguments: str,
        double: WireDouble | None = None,
        stdin: str | bytes = b"",
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        seconds: float = WAIT_SECONDS,
    ) -> Ended:
        """Run a command to its end."""
        running = self.start(*arguments, double=double, stdin=stdin, environ=environ, folder=folder)
        try:
            return running.ended(seconds=seconds)
        finally:
            running.close()

    def start(
        self,
        *arguments: str,
        double: WireDouble | None = None,
        stdin: str | bytes = b"",
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        before: Sequence[str] = (),
    ) -> Running:
        """`before`: a program that starts the command, such as `nohup`."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        running = Running(
            [*before, *command(), *arguments],
            folder=folder or self.workspace,
            environ=self._environment(double, environ),
            stdin=given,
        )
        self._running.append(running)
        return running

    def terminal(
        self,
        *arguments: str,
        double: WireDouble | None = None,
        columns: int = 80,
        environ: Mapping[str, str] | None = None,
    ) -> Terminal:
        """A command in a terminal; use it as a context."""
        # The terminal adds to our own environment: what that may hold of keys must not reach the command.
        hidden = {name: "" for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL", "_PROXY", "_proxy"))}
        variables = {**hidden, **self._environment(double, environ)}
        words = ["-C", str(self.workspace), *arguments[1:]] if arguments else ["chat", "-C", str(self.workspace)]
        return Terminal([*command(), *arguments[:1], *words], columns=columns, environ=variables)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the workspace."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, name: str) -> str:
        return (self.workspace / name).read_text(encoding="utf-8")

    def log(self, session: str = "") -> list[Recorded]:
        """The whole log of a session as it stands on disk; without a name that of the last one."""

        async def read() -> list[Recorded]:
            store = open_store(home_folders(self.environ).data)
            try:
                found = session or (await store.index.recent(limit=1))[0].id
                return [recorded async for recorded in store.log.read(found)]
            finally:
                await store.close()

        return asyncio.run(read())

    def leftovers(self) -> list[str]:
        """Living processes, other than the commands started here, that name this workspace or its home, or stand in them."""
        own = {running.process.pid for running in self._running}
        return [line for pid, line in _processes(str(self.root)) if pid not in own]

    def expect_no_leftovers(self, *, seconds: float = 3.0) -> None:
        """All that was started ends within this time. Raises AssertionError with what did not."""
        until = time.monotonic() + seconds
        while left := self.leftovers():
            if time.monotonic() > until:
                raise AssertionError("still running: " + "\n".join(left))
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running:
            running.close()

    def _environment(self, double: WireDouble | None, more: Mapping[str, str] | None) -> dict[str, str]:
        pointed = double.environment("openai") if double else {}
        return {**self.environ, **pointed, **(more or {})}


def command() -> list[str]:
    """How the program is started: the installed script where there is one."""
    script = Path(sys.executable).parent / "cherry"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "cherry.bootstrap.main"]


def wait_until(condition: Callable[[], bool], *, seconds: float = 10.0, what: str = "the condition") -> None:
    """Poll under a deadline. Raises AssertionError."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come about within {seconds:g} s")
        time.sleep(0.005)


def _kind_is(kind: str) -> Callable[[Line], bool]:
    return lambda line: line["type"] == "event" and line["event"]["kind"] == kind


def _processes(place: str) -> Iterator[tuple[int, str]]:
    """Living processes that name a place on their command line or work in it; nothing where there is no /proc."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            state = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            folder = str((entry / "cwd").readlink())
        except (OSError, IndexError):
            continue
        if state not in ("Z", "X") and (place in words or folder.startswith(place)) and int(entry.name) != os.getpid():
            yield int(entry.name), words

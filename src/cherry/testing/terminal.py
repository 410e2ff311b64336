"""A program in a pseudo terminal, for testing what a person sees and types. Standard library only; POSIX.

    with Terminal([sys.executable, "-m", "cherry"], columns=40) as terminal:
        terminal.expect("›")
        terminal.keys("hello\\r")

Boundary: it is no screen. `expect` looks at the characters that came, without escape sequences, in the order they came.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

WAIT_SECONDS = 20.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|[()][A-Z0-9]|[=>78]|\][^\x07]*\x07)")
# A session leader that opens a terminal makes it its controlling one: Ctrl+C and hang-ups then work as in real life.
_TAKE_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'


class Terminal:
    """Starts the program at once; leaving the context kills it."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, rows: int = 24, environ: Mapping[str, str] | None = None
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        given = environ or {}
        variables = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **given}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            if name not in given:
                variables.pop(name, None)
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", _TAKE_TERMINAL, os.ttyname(slave), *command],
            env=variables,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(slave)
        self.raw = ""
        """Everything that came, escape sequences included."""
        self._seen = 0

    @property
    def text(self) -> str:
        """Everything that came, without escape sequences."""
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, text: str, *, seconds: float = WAIT_SECONDS) -> str:
        """Wait until the text comes, after what was expected before. Returns what came up to it. Raises AssertionError."""
        until = time.monotonic() + seconds
        while (found := self.text.find(text, self._seen)) == -1:
            if time.monotonic() > until or not self._read(0.1):
                raise AssertionError(f"{text!r} did not come; what came is:\n{self.text[self._seen :]}")
        came = self.text[self._seen : found]
        self._seen = found + len(text)
        return came

    def pump(self, seconds: float) -> None:
        """Read what comes for so long: a program whose output nobody takes would stand still."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self._read(left):
            pass

    def keys(self, text: str) -> None:
        os.write(self._master, text.encode())

    def hang_up(self) -> None:
        """Close the terminal, as a window is closed."""
        os.close(self._master)
        self._master = -1

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, *, seconds: float = WAIT_SECONDS) -> int:
        """Read to the end. Returns the exit code, or minus the signal that ended it."""
        until = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > until:
                raise AssertionError(f"it did not end; what came is:\n{self.text[self._seen :]}")
            self._read(0.1)
        while self._read(0.05):
            pass
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        """False when nothing can come any more."""
        if self._master == -1:
            time.sleep(seconds)
            return self.process.poll() is None
        if not select.select([self._master], [], [], seconds)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except (
            OSError
        ):  # Linux says EIO while no process has the other side open: before the program took it, and after its end
            time.sleep(0.005)
            return self.process.poll() is None
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self._master != -1:
            os.close(self._master)

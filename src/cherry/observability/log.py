"""Cherry's own log: one JSON object per line in `state/logs/cherry.log`, redacted, rotated by size.

A failure to write never disturbs the work: it is counted and told by `LogFile.failures`. Nothing is ever written to standard output;
to standard error only with `echo`. The standard library's `logging` is not used: it costs start-up time and locks.

    log = Log(LogFile(folders.state / "logs" / "cherry.log"), redact=redactor.redact)
    log.bind(session="s_1").info("turn.started", model="openai/gpt")
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

Level = Literal["debug", "info", "warning", "error"]
_RANKS: Mapping[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_FILE_BYTES = 5 << 20
KEPT_FILES = 4
MAX_LINE_CHARS = 32_000


class Sink(Protocol):
    """Where finished lines go. Never raises."""

    def write(self, line: str) -> None: ...


class LogFile:
    """Appends lines to a file; several processes may share it. A line is written with one call, so lines never mix."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_FILE_BYTES, kept: int = KEPT_FILES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._handle: int | None = None
        self.failures = 0
        """Lines that could not be written."""

    def write(self, line: str) -> None:
        try:
            handle = self._opened()
            os.write(handle, line.encode("utf-8", "backslashreplace") + b"\n")
            if os.fstat(handle).st_size > self._max_bytes:
                self._rotate()
        except OSError:
            self.failures += 1
            self.close()

    def close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)

    def _opened(self) -> int:
        """The open file; opened again when another process has rotated it away."""
        if self._handle is not None and os.fstat(self._handle).st_nlink == 0:
            self.close()
        if self._handle is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._handle = os.open(self._path, flags, 0o600)
        return self._handle

    def _rotate(self) -> None:
        self.close()
        if self._path.stat().st_size <= self._max_bytes:
            return  # another process was faster
        for number in range(self._kept - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))


class StandardError:
    """For `--debug`."""

    def write(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
        except (OSError, ValueError):
            return  # nobody listens


class Nowhere:
    """For tests and for runs without a log."""

    def write(self, line: str) -> None:
        return


class Log:
    """Immutable; `bind` makes one that adds fields to every line."""

    def __init__(
        self,
        *sinks: Sink,
        level: Level = "info",
        redact: Callable[[str], str] = str,
        now: Callable[[], float] = time.time,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self._sinks = sinks
        self._level: Level = level
        self._redact = redact
        self._now = now
        self._fields = dict(fields or {})

    def bind(self, **fields: Any) -> "Log":
        return Log(
            *self._sinks, level=self._level, redact=self._redact, now=self._now, fields={**self._fields, **fields}
        )

    def debug(self, event: str, **fields: Any) -> None:
        self._write("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, *, error: BaseException | None = None, **fields: Any) -> None:
        """With `error`, its traceback is written too."""
        if error is not None:
            fields["error"] = "".join(traceback.format_exception(error))
        self._write("error", event, fields)

    def _write(self, level: Level, event: str, fields: Mapping[str, Any]) -> None:
        if _RANKS[level] < _RANKS[self._level] or not self._sinks:
            return
        record = {"time": _utc(self._now()), "level": level, "event": event, **self._fields, **fields}
        line = self._redact(json.dumps(record, ensure_ascii=False, default=str))
        if len(line) > MAX_LINE_CHARS:
            line = json.dumps(
                {**dict(list(record.items())[:3]), "cut": self._redact(line[:MAX_LINE_CHARS])}, default=str
            )
        for sink in self._sinks:
            sink.write(line)


def _utc(seconds: float) -> str:
    try:
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"

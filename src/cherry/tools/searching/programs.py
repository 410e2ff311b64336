"""Runs a program that prints one JSON object per line, hands them on as they come, and ends it for certain."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cherry.kernel.deadlines import DeadlineExceeded, within

_MAX_LINE = 8 << 20
"""A longer line of output is dropped: it is about a line of a file nobody can read anyway."""
_ENDING_SECONDS = 5.0


class JsonLines:
    """A running program. Iterate `items`, then ask `code` and `errors`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._errors = asyncio.create_task(_head(process.stderr))

    async def items(self) -> AsyncIterator[dict[str, Any]]:
        assert self._process.stdout is not None
        rest, dropping = b"", False
        while piece := await self._process.stdout.read(1 << 16):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if not dropping and line and isinstance(item := _item(line), dict):
                    yield item
                dropping = False
            if len(rest) > _MAX_LINE:
                rest, dropping = b"", True

    async def code(self) -> int:
        return await self._process.wait()

    async def errors(self) -> str:
        return (await self._errors).decode("utf-8", "replace")

    async def end(self) -> None:
        """Nothing is left when this returns."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._errors.cancel()
        await asyncio.gather(self._errors, return_exceptions=True)
        await asyncio.shield(self._emptied())

    async def _emptied(self) -> None:
        with contextlib.suppress(DeadlineExceeded):
            await within("search.ending", _ENDING_SECONDS, self._process.communicate())


@asynccontextmanager
async def json_lines(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: bytes | None = None
) -> AsyncIterator[JsonLines]:
    """Raises OSError when it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    lines = JsonLines(process)
    feeding = asyncio.create_task(_feed(process, stdin)) if stdin is not None else None
    try:
        yield lines
    finally:
        if feeding:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await lines.end()


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _head(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None
    kept = b""
    while piece := await stream.read(1 << 14):
        kept = (kept + piece)[: 1 << 14]
    return kept


def _item(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None

"""The seam between tools and the operating system's fences."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from cherry.security.egress import Grant


class Bounds(NamedTuple):
    """What a command may use. Sizes in bytes, times in seconds."""

    cpu_seconds: int = 3600
    memory_bytes: int = 8 << 30
    processes: int = 1024
    file_bytes: int = 4 << 30
    open_files: int = 4096


class Command(NamedTuple):
    """A shell command to run. It sees nothing of Cherry's own environment but what `environment` gives."""

    script: str
    """Given to `/bin/bash -c`, or `/bin/sh -c` where there is no bash."""
    folder: Path
    """Where it starts; inside the workspace."""
    workspace: Path
    """Besides a private temporary folder, the only place it may write."""
    environment: Mapping[str, str] = {}
    """Added to the clean environment the sandbox makes."""
    network: tuple[Grant, ...] = ()
    """What it may reach, through a proxy of ours; empty: no network at all."""
    bounds: Bounds = Bounds()
    protected: tuple[Path, ...] = ()
    """Paths inside the workspace that must stay unwritable, whether they exist or not (`.git/hooks`, `.cherry`)."""
    input: bool = False
    """True: `Process.write` feeds its standard input. False: its standard input is empty."""


class Exit(NamedTuple):
    code: int | None
    """None when a signal ended it."""
    signal: int | None = None


class Process(Protocol):
    """A running command and everything it started."""

    @property
    def pid(self) -> int: ...

    def output(self) -> AsyncIterator[bytes]:
        """Standard output and error, merged in the order written, until both are closed. May be iterated once.

        The iterator ends when the command has ended even if a child it left behind still holds the pipe.
        """
        ...

    async def write(self, data: bytes) -> None:
        """To its standard input. Raises BrokenPipeError when it no longer reads or was started without `input`."""
        ...

    def end_input(self) -> None:
        """Nothing more will be written: the command reads the end of its input. May be called more than once."""
        ...

    async def wait(self) -> Exit: ...

    @property
    def refused(self) -> tuple[str, ...]:
        """What it tried to reach and was not let: `host:port (why)`."""
        ...

    async def kill(self, *, at_once: bool = False) -> None:
        """End the whole tree: ask politely, then for certain within 2 seconds. Returns when none of it is left.

        `at_once` does not ask: for what has nothing to lose and must be gone now.
        """
        ...


class Sandbox(Protocol):
    """Starts commands behind a fence."""

    @property
    def name(self) -> str:
        """`bubblewrap`, `landlock`, or `none`."""
        ...

    @property
    def confines(self) -> bool:
        """False when commands run bare."""
        ...

    @property
    def gaps(self) -> tuple[str, ...]:
        """What it does not hold on this machine, one sentence each; for `cherry doctor`."""
        ...

    async def start(self, command: Command) -> Process:
        """Raises CherryError(sandbox.START_FAILED or sandbox.UNAVAILABLE)."""
        ...

"""One way to run `git`: clean environment, nothing the repository could run, machine-readable output, deadline, bounded output.

A repository is hostile until trusted: its configuration can name programs for hooks, file-system monitors, filters, external diffs,
signing, transports and editors. None of them is run. Works with git 2.25 and later, in any language.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.kernel.deadlines import DeadlineExceeded, deadline, within
from cherry.kernel.text import one_line, visible

MAX_OUTPUT_BYTES = 16 << 20
DEFAULT_SECONDS = 30.0
_ENDING_SECONDS = 5.0

_OPTIONS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "diff.submodule=short",
    "log.showSignature=false",
    "commit.gpgSign=false",
    "commit.verbose=false",
    "user.useConfigOnly=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "protocol.allow=never",
    "i18n.logOutputEncoding=UTF-8",
    "i18n.commitEncoding=UTF-8",
)
_INHERITED = ("HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "EMAIL")
_IDENTITY = tuple(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))
_FIXED = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": ":",
    "GIT_ASKPASS": "true",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
}
_OWN_FILTERS = ("git-lfs clean -- %f", "git-lfs smudge -- %f", "git-lfs filter-process")
"""What `git lfs install --local` writes: these words start git's own companion and nothing else."""


class Answer(NamedTuple):
    code: int
    stdout: bytes
    stderr: str
    """On few lines, printable."""
    cut: bool = False
    """There was more than `MAX_OUTPUT_BYTES`; git was stopped."""


class Git:
    """Runs git in one folder. Holds nothing; each call is a process of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, apart: Path | None = None) -> None:
        """`environ` is the user's: git is looked up on its PATH, and the user's name and home are taken from it.

        `apart`: a git folder elsewhere that has `folder` for its work tree; what git keeps in `folder` itself is not looked at then.
        """
        self.folder = folder
        self._environment = _environment(environ)
        self._place = () if apart is None else (f"--git-dir={apart}", f"--work-tree={folder}")
        self._program: str | None = None

    async def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        writes: bool = False,
        filters: Sequence[str] = (),
        seconds: float = DEFAULT_SECONDS,
    ) -> Answer:
        """`filters`: options from `neutral_filters`. Raises CherryError(tools.GIT_FAILED) when git cannot be run or takes too long."""
        options = [word for option in (*_OPTIONS, *filters) for word in ("-c", option)]
        command = [self._git(), "--no-pager", *self._place, *options, *arguments]
        environment = self._environment if writes else {**self._environment, "GIT_OPTIONAL_LOCKS": "0"}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.folder,
                env=environment,
                stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CherryError(tools.GIT_FAILED, "Git could not be started", why=str(error)) from error
        try:
            async with deadline(f"git.{arguments[0]}", seconds):
                return await _communicate(process, stdin)
        except DeadlineExceeded as error:
            raise CherryError(tools.GIT_FAILED, f"git {arguments[0]} took too long", why=str(error)) from error
        finally:
            await _end(process)

    async def ask(self, *arguments: str, filters: Sequence[str] = (), seconds: float = DEFAULT_SECONDS) -> Answer:
        """Like `run`, for reading: raises CherryError(tools.NO_REPOSITORY, GIT_FAILED) unless git says 0."""
        answer = await self.run(*arguments, filters=filters, seconds=seconds)
        if answer.code != 0 and not answer.cut:
            raise failure(arguments[0], answer)
        return answer

    async def neutral_filters(self) -> tuple[str, ...]:
        """Options that take the programs out of the filters which this repository's own configuration defines."""
        filters = await self._filters()
        if not filters:
            return ()
        foreign = (
            filters - await self._filters("--global", "--includes") - await self._filters("--system", "--includes")
        )
        keys = sorted({key for key, _ in foreign})
        if any("=" in key for key in keys):
            raise CherryError(
                tools.GIT_FAILED, "The repository's configuration has a filter with an odd name", where=".git/config"
            )
        required = sorted({f"{key.rpartition('.')[0]}.required=false" for key in keys})
        return (*(f"{key}=" for key in keys), *required)

    async def _filters(self, *scope: str) -> set[tuple[str, str]]:
        answer = await self.run("config", *scope, "-z", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$")
        entries = (os.fsdecode(entry).partition("\n") for entry in answer.stdout.split(b"\0") if entry)
        return {(key, value) for key, _, value in entries if value not in _OWN_FILTERS}

    def _git(self) -> str:
        if self._program is None:
            self._program = shutil.which("git", path=self._environment["PATH"])
        if self._program is None:
            raise CherryError(
                tools.GIT_FAILED,
                "There is no git on this machine",
                next_step="Work without git, or ask the user to install it.",
            )
        return self._program


def failure(what: str, answer: Answer) -> CherryError:
    """Git's refusal as an error."""
    if "not a git repository" in answer.stderr.lower():
        return CherryError(tools.NO_REPOSITORY)
    return CherryError(tools.GIT_FAILED, f"git {what} failed", why=answer.stderr or f"exit code {answer.code}")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environ[name] for name in (*_INHERITED, *_IDENTITY) if environ.get(name)}
    # An entry that is not absolute would be looked up in the repository.
    path = ":".join(entry for entry in environ.get("PATH", os.defpath).split(":") if entry.startswith("/"))
    return {**kept, **_FIXED, "PATH": path or "/usr/bin:/bin"}


async def _communicate(process: asyncio.subprocess.Process, stdin: bytes | None) -> Answer:
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_read(process.stderr, 64 << 10))
    try:
        if stdin is not None:
            await _write(process, stdin)
        stdout, cut = await _read(process.stdout, MAX_OUTPUT_BYTES)
        if cut:
            _kill(process)
        stderr, _ = await errors
    finally:
        errors.cancel()
    return Answer(await process.wait(), stdout, _words(stderr), cut)


async def _write(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, limit: int) -> tuple[bytes, bool]:
    pieces: list[bytes] = []
    size = 0
    while piece := await stream.read(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            return b"".join(pieces)[:limit], True
    return b"".join(pieces), False


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it is left when this returns, whatever the reason."""
    if process.returncode is None:
        _kill(process)
        await asyncio.shield(_emptied(process))


async def _emptied(process: asyncio.subprocess.Process) -> None:
    """A daemon that git has started may hold the pipes for ever."""
    with contextlib.suppress(DeadlineExceeded):
        await within("git.ending", _ENDING_SECONDS, process.communicate())


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _words(stderr: bytes) -> str:
    text = stderr.decode("utf-8", "backslashreplace")
    lines = [
        re.sub(r"^(fatal|error|warning|hint): ?", "", line)
        for line in text.splitlines()
        if not line.startswith("hint:")
    ]
    return one_line(visible(" ".join(lines)), 600)

"""The project's own commands as checks: linters, compilers, type checkers. What they complain about and did not before is new."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cherry.agent.validation.before import lines_before
from cherry.agent.validation.newness import TIMEOUT, UNREADABLE, digests, new_problems
from cherry.agent.validation.port import Ahead, Baseline, Contents, Found, Known, Tell
from cherry.agent.validation.running import CommandRunner, Ran, last_line
from cherry.agent.validation.sources import Sources
from cherry.domain.errors import CherryError
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.kernel.text import human_seconds
from cherry.reports.report import Report

MAX_KNOWN = 20_000


class ReadReport(Protocol):
    """`cherry.reports.reading.read_report` for this workspace."""

    def __call__(self, command: str, output: str, exit_code: int | None) -> Report: ...


class Checker:
    """Runs a command, reads what it says, and tells old from new. Shared by all checks of one workspace."""

    def __init__(
        self,
        runner: CommandRunner,
        contents: Contents,
        *,
        sources: Callable[[], Sources],
        load_reader: Callable[[], ReadReport],
    ) -> None:
        """`load_reader` is called when the first command has run: parsers load slowly."""
        self.runner = runner
        self._contents = contents
        self._sources = sources
        self._load_reader = load_reader

    async def baseline(self, name: str, command: str, covers: tuple[str, ...], *, seconds: float) -> BaselineTaken:
        """`name` is the check's, `covers` what the command looks at."""
        try:
            ran = await self.runner.run(command, seconds=seconds)
        except CherryError as error:
            return BaselineTaken(check=name, covers=covers, extent="none", why=error.message)
        if why := _useless(command, ran, seconds):
            return BaselineTaken(check=name, covers=covers, extent="none", why=why)
        report, problems = await self._read(command, ran)
        known = await asyncio.to_thread(digests, problems, self._sources())
        whole = ran.whole and report.complete and len(known) <= MAX_KNOWN
        return BaselineTaken(
            check=name,
            covers=covers,
            known=known[:MAX_KNOWN],
            extent="whole" if whole else "partial",
            why=""
            if whole
            else f"The output of `{command}` is too long to be read whole; only changed lines are looked at.",
        )

    async def new(
        self, command: str, baseline: Baseline | None, changes: Sequence[FileChange], *, seconds: float
    ) -> Found:
        try:
            ran = await self.runner.run(command, seconds=seconds)
        except CherryError as error:
            return Found(notes=(error.message,))
        if ran.cannot_run:
            return Found(notes=(_useless(command, ran, seconds),))
        _, problems = await self._read(command, ran)
        if ran.timed_out:
            problems = (*problems, _timed_out(command, seconds))
        before = await lines_before(changes, self._contents)
        new = await asyncio.to_thread(_new, problems, baseline, changes, self._sources(), before)
        return Found(new, (command,))

    async def _read(self, command: str, ran: Ran) -> tuple[Report, tuple[Problem, ...]]:
        read = self._load_reader()
        report = await asyncio.to_thread(read, command, ran.output, ran.exit_code)
        problems = tuple(problem for problem in report.problems if problem.severity != "info")
        if report.raw and not ran.timed_out:
            text = f"{report.warning}\n{report.raw}"
            problems = (*problems, Problem(path="", message=text, code=UNREADABLE, source=command))
        return report, problems


def _new(
    problems: Sequence[Problem],
    baseline: Baseline | None,
    changes: Sequence[FileChange],
    sources: Sources,
    before: Mapping[str, frozenset[str]],
) -> tuple[Problem, ...]:
    return new_problems(problems, baseline, changes, sources=sources, before=before)


def _useless(command: str, ran: Ran, seconds: float) -> str:
    """Why there is nothing to compare with; empty when there is."""
    if ran.timed_out:
        return f"`{command}` is left out: it takes longer than {human_seconds(seconds)}."
    if ran.cannot_run:
        return f"`{command}` is left out, it cannot be run: {last_line(ran.output)}"
    return ""


def _timed_out(command: str, seconds: float) -> Problem:
    message = f"`{command}` did not end within {human_seconds(seconds)}; before the changes it did."
    return Problem(path="", message=message, code=TIMEOUT, source=command)


class CommandsCheck:
    """Implements `Check` with the commands of the settings, or what the project itself uses."""

    def __init__(self, checker: Checker, *, commands: Callable[[], Sequence[str]], seconds: float) -> None:
        """`commands` is asked when something changes for the first time."""
        self._checker = checker
        self._ask_commands = commands
        self._commands: tuple[str, ...] | None = None
        self._seconds = seconds

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        taken = []
        for command in await self._allowed():
            if command not in known:
                tell(f"Before the first change: {command}")
                taken.append(await self._checker.baseline(command, command, (), seconds=self._seconds))
        return taken

    async def after(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Found:
        problems: list[Problem] = []
        checked: list[str] = []
        notes: list[str] = []
        if self._configured() and (why := await self._checker.runner.why_not()):
            return Found(notes=(f"The project's commands are not run after edits: {why}",))
        for command in self._configured():
            baseline = known.get(command)
            if baseline is not None and baseline.extent == "none":
                continue
            tell(f"Checking the changes: {command}")
            found = await self._checker.new(command, baseline, changes, seconds=self._seconds)
            problems += found.problems
            checked += found.checked
            notes += found.notes
        return Found(tuple(problems), tuple(checked), tuple(notes))

    async def _allowed(self) -> tuple[str, ...]:
        commands = self._configured()
        return () if commands and await self._checker.runner.why_not() else commands

    def _configured(self) -> tuple[str, ...]:
        if self._commands is None:
            self._commands = tuple(self._ask_commands())
        return self._commands

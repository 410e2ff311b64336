"""Runs a command of the project, reads what it says, and tells old from new. Shared by all checks of one workspace."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from cherry.agent.validation.before import lines_before
from cherry.agent.validation.newness import TIMEOUT, UNREADABLE, digests, new_problems
from cherry.agent.validation.port import Baseline, Contents, Found
from cherry.agent.validation.running import CommandRunner, Ran, last_line
from cherry.agent.validation.sources import Sources
from cherry.domain.errors import CherryError
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.kernel.text import human_seconds, one_line
from cherry.reports.report import Report

MAX_KNOWN = 20_000


class ReadReport(Protocol):
    """`cherry.reports.reading.read_report` for this workspace."""

    def __call__(self, command: str, output: str, exit_code: int | None) -> Report: ...


class Look(NamedTuple):
    """One run of a command."""

    name: str
    """Of the check: what the log and a person know it by."""
    command: str
    seconds: float
    covers: tuple[str, ...] = ()
    """What it looks at; empty: everything."""

    @property
    def shown(self) -> str:
        return one_line(self.command, 120)


def _nothing_useless(_report: Report) -> str:
    return ""


class Checker:
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

    async def baseline(self, look: Look, *, useless: Callable[[Report], str] = _nothing_useless) -> BaselineTaken:
        """`useless` says why a report is nothing to compare with; empty when it is."""
        try:
            ran = await self.runner.run(look.command, seconds=look.seconds)
        except CherryError as error:
            return _none(look, error.message)
        if why := _left_out(look, ran):
            return _none(look, why)
        report, problems = await self._read(look, ran)
        if why := useless(report):
            return _none(look, why)
        known = await asyncio.to_thread(digests, problems, self._sources())
        whole = ran.whole and report.complete and len(known) <= MAX_KNOWN
        why = f"What `{look.shown}` prints is too long to be read whole; only changed lines are compared."
        return BaselineTaken(
            check=look.name,
            covers=look.covers,
            known=known[:MAX_KNOWN],
            extent="whole" if whole else "partial",
            why="" if whole else why,
        )

    async def new(self, look: Look, baseline: Baseline | None, changes: Sequence[FileChange]) -> Found:
        """What it finds now and did not then."""
        try:
            ran = await self.runner.run(look.command, seconds=look.seconds)
        except CherryError as error:
            return Found(notes=(error.message,))
        if ran.cannot_run:
            return Found(notes=(_left_out(look, ran),))
        _, problems = await self._read(look, ran)
        if ran.timed_out:
            problems = (*problems, _timed_out(look))
        before = await lines_before(changes, self._contents)

        def compare() -> tuple[Problem, ...]:
            return new_problems(problems, baseline, changes, sources=self._sources(), before=before)

        return Found(await asyncio.to_thread(compare), (look.name,))

    async def _read(self, look: Look, ran: Ran) -> tuple[Report, tuple[Problem, ...]]:
        read = self._load_reader()
        report = await asyncio.to_thread(read, look.command, ran.output, ran.exit_code)
        problems = tuple(problem for problem in report.problems if problem.severity != "info")
        if report.raw and not ran.timed_out:
            text = f"{report.warning}\n{report.raw}"
            problems = (*problems, Problem(path="", message=text, code=UNREADABLE, source=look.name))
        return report, problems


def _none(look: Look, why: str) -> BaselineTaken:
    return BaselineTaken(check=look.name, covers=look.covers, extent="none", why=why)


def _left_out(look: Look, ran: Ran) -> str:
    """Why a run says nothing; empty when it does."""
    if ran.timed_out:
        return f"`{look.shown}` is left out: it takes longer than {human_seconds(look.seconds)}."
    if ran.cannot_run:
        return f"`{look.shown}` is left out, it cannot be run: {last_line(ran.output)}"
    return ""


def _timed_out(look: Look) -> Problem:
    message = f"`{look.shown}` did not end within {human_seconds(look.seconds)}; before the changes it did."
    return Problem(path="", message=message, code=TIMEOUT, source=look.name)

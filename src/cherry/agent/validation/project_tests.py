"""The project's tests as a check: run when the model says that it is done, first those that have to do with the changes.

To know which failures are new, the same tests are run before the first change of the files they belong to. A test is known by its
name: one that failed before and fails now is not new, however it fails.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from cherry.agent.validation.checker import Checker, Look
from cherry.agent.validation.newness import is_test
from cherry.agent.validation.port import Ahead, Baseline, Found, Known, Tell
from cherry.agent.validation.related.project import Project
from cherry.agent.validation.runners import EVERYTHING, Units, command_for, runner_of, units_of
from cherry.agent.validation.sources import Sources
from cherry.domain.events import BaselineTaken, FileChange
from cherry.kernel.text import one_line
from cherry.reports.report import Report

NAME = "tests"


class Selected(NamedTuple):
    """Tests to run."""

    units: Units
    """Empty: nothing has to do with the changes."""
    command: str


class ProjectTests:
    """Implements `Check`."""

    def __init__(
        self,
        checker: Checker,
        *,
        command: Callable[[], str],
        scope: Literal["related", "all"],
        list_files: Callable[[], Awaitable[Sequence[str]]],
        sources: Callable[[], Sources],
        seconds: float,
    ) -> None:
        """`command` runs all tests; empty when there are none. It is asked when something changes for the first time."""
        self._checker = checker
        self._ask_command = command
        self._command: str | None = None
        self._scope = scope
        self._list_files = list_files
        self._sources = sources
        self._seconds = seconds
        self._turn = 0
        self._looked: set[str] = set()
        """Paths whose tests were looked for in this turn: finding them reads the whole project."""

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        baseline = known.get(NAME, Baseline())
        if not self._test_command() or baseline.extent == "none" or EVERYTHING in baseline.covers:
            return []
        if await self._checker.runner.why_not():
            return []
        if ahead.turn != self._turn:
            self._turn, self._looked = ahead.turn, set()
        if self._looked.issuperset(ahead.paths):
            return []
        selected = await self._select(ahead, baseline.covers)
        self._looked.update(ahead.paths)
        if not selected.units:
            return []
        tell(f"Before the first change: {self._title(selected)}")
        look = Look(NAME, selected.command, self._seconds, selected.units)
        return [await self._checker.baseline(look, useless=_no_test_ran)]

    async def after(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Found:
        command, baseline = self._test_command(), known.get(NAME)
        if not command or (baseline is not None and baseline.extent == "none"):
            return Found()
        if why := await self._checker.runner.why_not():
            return Found(notes=(f"The project's tests are not run: {why}",))
        paths = {path for change in changes for path in (change.path, change.renamed_from) if path}
        selected = await self._related(tuple(sorted(paths)))
        found = Found()
        if selected.units:
            found = await self._run(selected, baseline, changes, tell)
        if self._scope == "all" and not found.problems and EVERYTHING not in selected.units:
            found = await self._run(self._all(), baseline, changes, tell)
        return found

    async def _run(
        self, selected: Selected, baseline: Baseline | None, changes: Sequence[FileChange], tell: Tell
    ) -> Found:
        tell(f"Running {self._title(selected)}")
        look = Look(NAME, selected.command, self._seconds)
        # Tests nobody could have run before are new, and so is what fails in them.
        return await self._checker.new(look, baseline or Baseline(), changes)

    async def _select(self, ahead: Ahead, covered: frozenset[str]) -> Selected:
        """What is not known yet of what these changes may break; with it, what later ones may, so that it is run once."""
        return self._all() if self._scope == "all" else await self._related(ahead.paths, ahead.likely, covered)

    async def _related(
        self, paths: Sequence[str], likely: Sequence[str] = (), covered: frozenset[str] = frozenset()
    ) -> Selected:
        files = tuple(await self._list_files())
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._choose, Project(files, self._sources(), stop), paths, likely, covered)
        finally:
            stop.set()

    def _choose(
        self, project: Project, paths: Sequence[str], likely: Sequence[str], covered: frozenset[str]
    ) -> Selected:
        runner = runner_of(self._test_command(), project)
        units = set(units_of(runner, paths, project)) - covered
        if units and likely and EVERYTHING not in units:
            more = units_of(runner, likely, project)
            units |= set() if EVERYTHING in more else set(more) - covered
        chosen = tuple(sorted(units))
        return Selected(chosen, command_for(self._test_command(), runner, chosen, project))

    def _all(self) -> Selected:
        return Selected((EVERYTHING,), self._test_command())

    def _test_command(self) -> str:
        if self._command is None:
            self._command = self._ask_command()
        return self._command

    def _title(self, selected: Selected) -> str:
        if EVERYTHING in selected.units:
            return f"all tests: {one_line(self._test_command(), 60)}"
        return f"the tests of {one_line(', '.join(selected.units), 80)}"


def _no_test_ran(report: Report) -> str:
    """Why a run says nothing about tests: it failed in a way nobody can read, or the runner itself could not begin."""
    if not report.raw and (report.passed is not None or not report.problems or any(map(is_test, report.problems))):
        return ""
    said = next((problem.message for problem in report.problems if problem.severity == "error"), report.raw)
    return f"The project's tests are not run: they could not be before the changes either. {one_line(said[-400:], 200)}"

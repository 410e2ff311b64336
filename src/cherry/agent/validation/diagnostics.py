"""The place of language servers in validation: whatever can say what is wrong with files implements `Diagnostics`."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from cherry.agent.validation.before import lines_before
from cherry.agent.validation.newness import digests, new_problems
from cherry.agent.validation.port import Ahead, Contents, Found, Known, Tell
from cherry.agent.validation.sources import Sources
from cherry.domain.errors import CherryError
from cherry.domain.events import BaselineTaken, FileChange, Problem

NAME = "lsp"


class Diagnostics(Protocol):
    """A language server, or several behind one front."""

    def covers(self, path: str) -> bool:
        """Whether it knows files of this name; asked often, answers at once."""
        ...

    async def problems(self, paths: Sequence[str]) -> Sequence[Problem]:
        """What it finds in these files as they are on disk now. Has a deadline of its own. Raises CherryError when it cannot say."""
        ...


class DiagnosticsCheck:
    """Implements `Check`."""

    def __init__(self, diagnostics: Diagnostics, contents: Contents, *, sources: Callable[[], Sources]) -> None:
        self._diagnostics = diagnostics
        self._contents = contents
        self._sources = sources

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        seen = known[NAME].covers if NAME in known else frozenset()
        unseen = tuple(path for path in ahead.paths if path not in seen and self._diagnostics.covers(path))
        if not unseen:
            return []
        try:
            problems = await self._diagnostics.problems(unseen)
        except CherryError as error:
            return [BaselineTaken(check=NAME, covers=unseen, extent="none", why=error.message)]
        known_now = await asyncio.to_thread(digests, tuple(problems), self._sources())
        return [BaselineTaken(check=NAME, covers=unseen, known=known_now)]

    async def after(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Found:
        baseline = known.get(NAME)
        paths = [change.path for change in changes if change.after and self._diagnostics.covers(change.path)]
        if not paths or (baseline is not None and baseline.extent == "none"):
            return Found()
        tell("Checking the changes: language server")
        try:
            problems = await self._diagnostics.problems(paths)
        except CherryError as error:
            return Found(notes=(error.message,))
        before = await lines_before(changes, self._contents)
        told = [problem for problem in problems if problem.severity != "info"]
        new = new_problems(told, baseline, changes, sources=self._sources(), before=before)
        return Found(new, (NAME,))

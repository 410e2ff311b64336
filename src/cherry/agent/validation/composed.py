"""All checks of a workspace as one `Validator`."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

from cherry.agent.validation.port import Ahead, Check, Found, Known, Tell, Validation
from cherry.agent.validation.sources import Sources
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.kernel.text import plural

MAX_PROBLEMS = 200
"""Kept in the log; more are counted."""
MAX_EXCERPTS = 20
"""Problems told with the lines around them."""


class Checks:
    """Runs checks in order, the quick ones first: while files do not even parse, no other check is asked about them."""

    def __init__(
        self,
        after_steps: Sequence[Check],
        after_turns: Sequence[Check] = (),
        *,
        sources: Callable[[], Sources],
        clean: Callable[[str], str] = str,
    ) -> None:
        """`clean` takes secrets out of what programs printed."""
        self._after_steps = tuple(after_steps)
        self._after_turns = tuple(after_turns)
        self._sources = sources
        self._clean = clean
        self._said: set[str] = set()
        """Notes are made once; they hold for the whole session."""

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        taken: list[BaselineTaken] = []
        for check in (*self._after_steps, *self._after_turns):
            taken += await check.before(ahead, known, tell)
        return [one.model_copy(update={"why": self._clean(one.why)}) if one.why else one for one in taken]

    async def check(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Validation:
        return await self._run(self._after_steps, changes, known, tell)

    async def check_turn(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Validation:
        return await self._run(self._after_turns, changes, known, tell)

    async def _run(
        self, checks: Sequence[Check], changes: Sequence[FileChange], known: Known, tell: Tell
    ) -> Validation:
        found: list[Found] = []
        for check in checks:
            found.append(await check.after(changes, known, tell))
            if found[-1].problems:
                break
        everything = [problem for one in found for problem in one.problems]
        problems = tuple(self._cleaned(problem) for problem in everything[:MAX_PROBLEMS])
        if more := len(everything) - len(problems):
            message = f"and {plural(more, 'more problem')} of this kind or another"
            problems += (Problem(path="", message=message, severity="info", source="validation"),)
        return Validation(
            problems=problems,
            checked=tuple(name for one in found for name in one.checked),
            excerpts=await asyncio.to_thread(self._excerpts, problems),
            notes=tuple(self._once(note for one in found for note in one.notes)),
        )

    def _once(self, notes: Iterable[str]) -> Iterator[str]:
        for note in notes:
            if note not in self._said:
                self._said.add(note)
                yield self._clean(note)

    def _cleaned(self, problem: Problem) -> Problem:
        return problem.model_copy(update={"message": self._clean(problem.message)})

    def _excerpts(self, problems: Sequence[Problem]) -> tuple[str, ...]:
        sources = self._sources()
        return tuple(self._clean(sources.around(problem.path, problem.line)) for problem in problems[:MAX_EXCERPTS])

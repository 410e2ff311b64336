"""Syntax of changed files: a file that parsed before and does not now is a fault at its line; so is a new file that does not parse."""

import asyncio
from collections.abc import Callable, Sequence

from cherry.agent.validation.before import text_of
from cherry.agent.validation.port import Ahead, Contents, Found, Known, Tell
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.syntax.languages import Language, language_of

SOURCE = "syntax"
_MAX_HELD = 512

Faults = Callable[[str, Language], Sequence[tuple[int, str]]]


class SyntaxCheck:
    """Implements `cherry.agent.validation.port.Check` by grammars alone: no program is run, and the versions kept are the baseline."""

    def __init__(self, contents: Contents, load_faults: Callable[[], Faults]) -> None:
        """`load_faults` gives the function that finds faults; called when a first file needs it, for grammars load slowly."""
        self._contents = contents
        self._load_faults = load_faults
        self._held: dict[tuple[str, str], tuple[tuple[int, str], ...] | None] = {}
        """By language and content: a turn's files are looked at again after each of its steps."""

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        return []

    async def after(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Found:
        problems: list[Problem] = []
        checked = False
        for change in changes:
            language = language_of(change.path)
            if language is None or not change.after or change.after == change.before:
                continue
            checked = True
            problems.extend(await self._new_problems(change, language))
        return Found(tuple(problems), (SOURCE,) if checked else ())

    async def _new_problems(self, change: FileChange, language: Language) -> list[Problem]:
        found = await self._faults(change.after, language)
        if not found:
            return []
        was = language_of(change.renamed_from) if change.renamed_from else language
        if change.before and was == language and await self._faults(change.before, language):
            return []  # it was broken already; mending it is not this change's duty
        return [Problem(path=change.path, line=line, message=message, source=SOURCE) for line, message in found]

    async def _faults(self, name: str, language: Language) -> tuple[tuple[int, str], ...] | None:
        """Of a version of a file; None when it is not kept or no text."""
        key = (language.name, name)
        if key not in self._held:
            text = await text_of(name, self._contents)
            faults = None if text is None else tuple(await asyncio.to_thread(self._find, text, language))
            if len(self._held) >= _MAX_HELD:
                self._held.clear()
            self._held[key] = faults
        return self._held[key]

    def _find(self, text: str, language: Language) -> Sequence[tuple[int, str]]:
        return self._load_faults()(text, language)

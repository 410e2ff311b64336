"""Syntax of changed files: a file that parsed before and does not now is a fault at its line; so is a new file that does not parse."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from cherry.agent.workbench import Validation
from cherry.domain.errors import CherryError
from cherry.domain.events import FileChange, Problem
from cherry.edits.textfile import decode
from cherry.syntax.languages import Language, language_of

SOURCE = "syntax"


class Contents(Protocol):
    """File versions by content hash."""

    async def get(self, name: str) -> bytes: ...


Faults = Callable[[str, Language], Sequence[tuple[int, str]]]


class SyntaxValidator:
    """Implements `cherry.agent.workbench.Validator` by grammars alone: no program is run."""

    def __init__(self, contents: Contents, load_faults: Callable[[], Faults]) -> None:
        """`load_faults` gives the function that finds faults; called when a first file needs it, for grammars load slowly."""
        self._contents = contents
        self._load_faults = load_faults

    async def check(self, changes: Sequence[FileChange]) -> Validation:
        problems: list[Problem] = []
        checked = False
        for change in changes:
            language = language_of(change.path)
            if language is None or not change.after or change.after == change.before:
                continue
            checked = True
            problems.extend(await self._new_problems(change, language))
        return Validation(tuple(problems), (SOURCE,) if checked else ())

    async def _new_problems(self, change: FileChange, language: Language) -> list[Problem]:
        after = await self._text(change.after)
        if after is None:
            return []
        found: Sequence[tuple[int, str]] = await asyncio.to_thread(self._faults, after, language)
        if not found:
            return []
        before = await self._text(change.before) if change.before else None
        if before is not None and len(await asyncio.to_thread(self._faults, before, language)):
            return []  # it was broken already; mending it is not this change's duty
        return [Problem(path=change.path, line=line, message=message, source=SOURCE) for line, message in found]

    def _faults(self, text: str, language: Language) -> Sequence[tuple[int, str]]:
        return self._load_faults()(text, language)

    async def _text(self, name: str) -> str | None:
        """None when the version is not kept (too large) or is no text: nothing can be said about it then."""
        reading: Awaitable[bytes] = self._contents.get(name)
        try:
            return decode(await reading).text
        except CherryError:
            return None

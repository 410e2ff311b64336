"""The project's own commands as a check: linters, compilers, type checkers. What they complain about and did not before is new."""

from collections.abc import Callable, Sequence

from cherry.agent.validation.checker import Checker, Look
from cherry.agent.validation.port import Ahead, Found, Known, Tell
from cherry.domain.events import BaselineTaken, FileChange, Problem


class CommandsCheck:
    """Implements `Check` with the commands of the settings, or what the project itself uses."""

    def __init__(self, checker: Checker, *, commands: Callable[[], Sequence[str]], seconds: float) -> None:
        """`commands` is asked when something changes for the first time."""
        self._checker = checker
        self._ask_commands = commands
        self._commands: tuple[str, ...] | None = None
        self._seconds = seconds

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> list[BaselineTaken]:
        unknown = [command for command in self._configured() if command not in known]
        if not unknown or await self._checker.runner.why_not():
            return []
        taken = []
        for command in unknown:
            tell(f"Before the first change: {command}")
            taken.append(await self._checker.baseline(self._look(command)))
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
            found = await self._checker.new(self._look(command), baseline, changes)
            problems += found.problems
            checked += found.checked
            notes += found.notes
        return Found(tuple(problems), tuple(checked), tuple(notes))

    def _look(self, command: str) -> Look:
        return Look(command, command, self._seconds)

    def _configured(self) -> tuple[str, ...]:
        if self._commands is None:
            self._commands = tuple(self._ask_commands())
        return self._commands

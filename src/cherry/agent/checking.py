"""Validation after edits: what the changes of a step broke goes back to the model, a bounded number of times in a row."""

from cherry.agent.journal import Journal
from cherry.agent.workbench import Validation, Validator
from cherry.domain.content import TextPart
from cherry.domain.events import FileChange, Notice, Problem, UserMessage, ValidationFinished
from cherry.domain.live import Working
from cherry.kernel.ids import derived_id

MAX_REPAIRS = 5
"""Rounds in which the model is told; then the problems are kept and reported to the person instead."""
PROBLEMS_SHOWN = 20


class Checking:
    def __init__(self, journal: Journal, validator: Validator) -> None:
        self._journal = journal
        self._validator = validator
        self._failed_rounds = 0

    async def check_changes(self) -> None:
        """Check change sets that no validation has seen yet; nothing to do when there are none."""
        state = self._journal.state
        changes = state.changes[state.validated :]
        if not changes:
            return
        self._journal.emit(Working("Checking the changes"))
        validation = await self._validator.check(net_changes([change.files for change in changes]))
        await self._journal.append(
            ValidationFinished(step=state.turn.steps, problems=validation.problems, checked=validation.checked)
        )
        if not validation.problems:
            self._failed_rounds = 0
            return
        await self._tell(validation)

    async def _tell(self, validation: Validation) -> None:
        state = self._journal.state
        self._failed_rounds += 1
        if self._failed_rounds > MAX_REPAIRS:
            text = (
                f"The changes still have problems after {MAX_REPAIRS} attempts to mend them; they are kept as they are."
            )
            await self._journal.append(Notice(level="warning", code="validation.kept", text=text))
            return
        message_id = derived_id("m", state.session, state.turn.number, state.turn.steps, "validation")
        await self._journal.append(
            UserMessage(
                message_id=message_id,
                parts=(TextPart(text=report(validation.problems)),),
                steering=True,
                author="cherry",
            )
        )


def net_changes(change_sets: list[tuple[FileChange, ...]]) -> tuple[FileChange, ...]:
    """One change per path: before the first, after the last."""
    net: dict[str, FileChange] = {}
    for files in change_sets:
        for file in files:
            earlier = net.pop(file.path, None)
            net[file.path] = file.model_copy(update={"before": earlier.before}) if earlier else file
    return tuple(net.values())


def report(problems: tuple[Problem, ...]) -> str:
    """What the model is told, one line a problem."""
    lines = ["Validation of your last change found problems that were not there before:"]
    for problem in problems[:PROBLEMS_SHOWN]:
        place = f"{problem.path}:{problem.line}" if problem.line else problem.path
        code = f" [{problem.code}]" if problem.code else ""
        lines.append(f"- {place}: {problem.source} {problem.severity}{code}: {problem.message}")
    if len(problems) > PROBLEMS_SHOWN:
        lines.append(f"- … and {len(problems) - PROBLEMS_SHOWN} more")
    return "\n".join([*lines, "Mend them before you go on."])

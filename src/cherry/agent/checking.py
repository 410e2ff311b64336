"""Validation after edits: what the turn broke goes back to the model, a bounded number of times in a row; then the policy decides.

Everything it goes by is in the log: what was there before the turn's first change, what each round found, which changes were looked
at. A resumed turn goes on where it stood.
"""

from collections.abc import Sequence

from cherry.agent.journal import Journal
from cherry.agent.state import ChangeRecord
from cherry.agent.validation.port import Ahead, Policy, Validation, Validator
from cherry.domain.content import TextPart
from cherry.domain.errors import CherryError, run
from cherry.domain.events import ChangesUndone, Event, FileChange, Notice, Problem, UserMessage, ValidationFinished
from cherry.domain.live import Working
from cherry.edits.editor import Editor
from cherry.kernel.ids import derived_id
from cherry.kernel.locks import OrderedLock
from cherry.kernel.text import cut_middle, one_line
from cherry.security.framing import frame

PROBLEMS_SHOWN = 20
REPORT_CHARACTERS = 16_000
MAX_LIKELY = 40
"""Files the model has read that are looked at before the first change, besides those it changes."""


class Checking:
    def __init__(self, journal: Journal, *, validator: Validator, policy: Policy, editor: Editor) -> None:
        self._journal = journal
        self._state = journal.state
        self._validator = validator
        self._policy = policy
        self._editor = editor
        self._looking = OrderedLock("validation.looking")

    async def before_edit(self, paths: Sequence[str]) -> None:
        """Called before anything is written: what a check finds now is not the turn's doing."""
        async with self._looking:
            likely = tuple(self._state.seen)[-MAX_LIKELY:]
            ahead = Ahead(tuple(paths), likely, self._state.turn.number)
            taken = await self._validator.before(ahead, self._state.turn.baselines, self._tell)
            notices = [_skipped(baseline.why) for baseline in taken if baseline.why]
            if taken:
                await self._journal.append(*taken, *notices)

    async def check_changes(self) -> None:
        """Check what no validation has seen yet; nothing to do when there is nothing.

        Raises CherryError(run.VALIDATION_FAILED) when the bound is reached and the changes were taken back.
        """
        state = self._state
        if state.validated >= len(state.changes):
            return
        self._journal.emit(Working("Checking the changes"))
        validation = await self._validator.check(self._changes(), state.turn.baselines, self._tell)
        await self._record(validation, "step")
        if validation.problems and state.turn.failed_rounds["step"] > self._policy.max_repairs:
            await self._give_up(validation.problems)

    async def check_turn(self) -> None:
        """The tests, once the model says that it is done; what they find goes back to it, and then it is not done."""
        if not self._standing() or self._state.turn.tested == len(self._state.changes):
            return
        validation = await self._validator.check_turn(self._changes(), self._state.turn.baselines, self._tell)
        if validation.checked or validation.notes or self._state.turn.found.get("turn"):
            await self._record(validation, "turn")

    async def settle(self) -> None:
        """The turn ends: what is still wrong is kept or taken back, as the policy says.

        Raises CherryError(run.VALIDATION_FAILED) when it was taken back.
        """
        problems = tuple(problem for found in self._state.turn.found.values() for problem in found)
        if problems and self._standing():
            await self._give_up(problems)

    async def _record(self, validation: Validation, phase: str) -> None:
        """What was found and what the model is told of it, in one write: a crash leaves both or none."""
        state = self._state
        finished = ValidationFinished(
            step=state.turn.steps,
            problems=validation.problems,
            checked=validation.checked,
            phase="step" if phase == "step" else "turn",
        )
        events: list[Event] = [finished, *(_skipped(note) for note in validation.notes)]
        if validation.problems and state.turn.failed_rounds.get(phase, 0) < self._policy.max_repairs:
            message_id = derived_id("m", state.session, state.turn.number, state.turn.steps, f"validation.{phase}")
            part = TextPart(text=report(validation))
            events.append(UserMessage(message_id=message_id, parts=(part,), steering=True, author="cherry"))
        await self._journal.append(*events)

    async def _give_up(self, problems: tuple[Problem, ...]) -> None:
        if self._policy.on_failure == "roll_back":
            await self._take_back(problems)
            return
        text = "The changes still have problems that were not there before; they are kept as they are."
        await self._journal.append(Notice(level="warning", code="validation.kept", text=text))

    async def _take_back(self, problems: tuple[Problem, ...]) -> None:
        """Raises CherryError(run.VALIDATION_FAILED), unless somebody's work would be lost: then the changes are kept and that is said."""
        standing = self._standing()
        revert = await self._editor.plan_revert([change.files for change in standing])
        if revert.conflicts:
            text = f"The changes still have problems, but cannot be taken back: {' '.join(revert.conflicts)}"
            await self._journal.append(Notice(level="warning", code="validation.kept", text=text))
            return
        state = self._state
        change_id = derived_id("c", state.session, state.turn.number, standing[-1].change_id, "taken back")
        await self._editor.revert(revert, change_id=change_id)
        ids = tuple(change.change_id for change in standing)
        undone = ChangesUndone(undone_turn=state.turn.number, change_ids=ids, nonce=change_id, by="cherry")
        await self._journal.append(undone)
        raise CherryError(run.VALIDATION_FAILED, why=one_line(_line(problems[0]), 200))

    def _standing(self) -> list[ChangeRecord]:
        return [
            change for change in self._state.changes if change.turn == self._state.turn.number and not change.undone
        ]

    def _changes(self) -> tuple[FileChange, ...]:
        return net_changes([change.files for change in self._standing()])

    def _tell(self, what: str) -> None:
        self._journal.emit(Working(what))


def net_changes(change_sets: Sequence[tuple[FileChange, ...]]) -> tuple[FileChange, ...]:
    """One change a path: from before the first to after the last. What came back to where it was is left out."""
    net: dict[str, FileChange] = {}
    for files in change_sets:
        for file in files:
            first = net.pop(file.renamed_from or file.path, file)
            origin = first.renamed_from or (first.path if first.before else "")
            net[file.path] = file.model_copy(
                update={
                    "before": first.before,
                    "mode_before": first.mode_before,
                    "renamed_from": origin if origin != file.path else "",
                }
            )
    return tuple(file for file in net.values() if file.before != file.after or file.renamed_from)


def report(validation: Validation) -> str:
    """What the model is told. What programs printed and files hold is framed: it is data."""
    pieces = []
    for index, problem in enumerate(validation.problems[:PROBLEMS_SHOWN]):
        excerpt = validation.excerpts[index] if index < len(validation.excerpts) else ""
        pieces.append(f"- {_line(problem)}" + (f"\n{excerpt}" if excerpt else ""))
    if len(validation.problems) > PROBLEMS_SHOWN:
        pieces.append(f"- … and {len(validation.problems) - PROBLEMS_SHOWN} more")
    told = cut_middle("\n".join(pieces), REPORT_CHARACTERS).text
    return (
        "Validation of your changes found problems that were not there before this turn:\n"
        f"{frame(told, source=', '.join(validation.checked))}\nMend them before you go on."
    )


def _line(problem: Problem) -> str:
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    code = f" [{problem.code}]" if problem.code else ""
    said = f"{problem.source} {problem.severity}{code}: {problem.message}"
    return f"{place}: {said}" if place else said


def _skipped(text: str) -> Notice:
    return Notice(level="warning", code="validation.skipped", text=text)

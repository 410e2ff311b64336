"""One turn: from a request to its answer, step by step, until done or a limit.

The loop keeps nothing that is not in the log: every round asks the folded state what comes next, so a turn that was interrupted at
any point goes on by running the same loop. It ends by appending `turn.finished`, whatever happens; only a lost lease or a failing
disk can prevent that, and then the turn stays open and is resumed later.
"""

import asyncio
import contextlib
from pathlib import Path

from cherry.agent.answering import Answering
from cherry.agent.calling import Calling
from cherry.agent.checking import Checking
from cherry.agent.journal import Journal
from cherry.agent.leading import Leading
from cherry.agent.listening import Listening
from cherry.agent.noticing import Noticing
from cherry.agent.nudging import Nudging
from cherry.agent.permission import Approver, Permission
from cherry.agent.progress import find_loop
from cherry.agent.stopwatch import Stopwatch
from cherry.agent.workbench import Workbench
from cherry.domain.content import FromAssistant, TextPart
from cherry.domain.errors import CherryError, run
from cherry.domain.events import ContextPrepared, Notice, Outcome, TurnFinished, UserMessage
from cherry.domain.exits import Exit
from cherry.domain.live import Working
from cherry.gateway.port import Gateway
from cherry.kernel.clock import Clock
from cherry.kernel.ids import derived_id, new_id
from cherry.kernel.text import human_seconds
from cherry.security.framing import frame

NEAR = 0.8
"""From this share of its steps or its time on, a person is told."""


class Turn:
    def __init__(
        self, journal: Journal, *, bench: Workbench, gateway: Gateway, clock: Clock, approver: Approver
    ) -> None:
        self._journal = journal
        self._state = journal.state
        self._bench = bench
        self._clock = clock
        self._seconds_before = journal.state.turn.seconds
        """Of earlier stretches: whoever takes the turn up again allows it the whole time once more."""
        self._stopwatch = Stopwatch(clock, already=self._seconds_before)
        self._checking = Checking(journal, validator=bench.validator, policy=bench.policy, editor=bench.editor)
        self._leading = Leading(journal, bench.editor)
        self._permission = Permission(
            journal,
            leading=self._leading,
            toolbox=bench.toolbox,
            approvals=bench.approvals,
            approver=approver,
            stopwatch=self._stopwatch,
            before_edit=self._checking.before_edit,
        )
        self._calling = Calling(journal, bench, self._permission)
        tools = [tool.name for tool in bench.toolbox.tools]
        listening = Listening(gateway, tools)
        self._answering = Answering(journal, bench=bench, gateway=listening)
        self._noticing = Noticing(journal, Path(journal.state.workspace))
        self._nudging = Nudging(journal, listening, has_tools=bool(tools))

    async def run(self) -> None:
        """Raises asyncio.CancelledError when interrupted and whatever was unexpected, both after the turn was closed; storage
        errors when the log cannot be written."""
        try:
            await self._within_time()
        except asyncio.CancelledError:
            await asyncio.shield(self._interrupted())
            raise
        except CherryError as error:
            await self._close(_outcome_of(error), error)
        except Exception as error:  # a fault of Cherry's own: the turn must not stay open for it, and it must be seen
            await self._close("failed", CherryError(run.INTERNAL, why=f"{type(error).__name__}: {error}"))
            raise

    async def _within_time(self) -> None:
        """The whole turn under its wall time; waiting for a person does not count."""
        work = asyncio.create_task(self._steps())
        try:
            while not work.done():
                left = self._state.turn.limits.max_seconds - (self._stopwatch.seconds - self._seconds_before)
                if left <= 0:
                    raise self._out_of_time()
                await asyncio.wait({work}, timeout=max(0.05, left))
            await work
        finally:
            if not work.done():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work

    def _out_of_time(self) -> CherryError:
        allowed = human_seconds(self._state.turn.limits.max_seconds)
        return CherryError(run.TIME_LIMIT, f"The turn has worked for {allowed}, its time limit")

    async def _steps(self) -> None:
        await self._prepare()
        while True:
            await self._calling.finish_open_calls()
            await self._leading.take_back()
            if self._permission.nobody_answered is not None:
                raise self._permission.nobody_answered
            await self._checking.check_changes()
            if await self._answered():
                await self._checking.check_turn()
            if await self._answered():
                await self._checking.settle()
                await self._close("done")
                return
            await self._look_for_loop()
            await self._nudging.tell()
            await self._noticing.look()
            await self._tell_what_is_near()
            await self._step()

    async def _step(self) -> None:
        try:
            await self._answering.step()
        except CherryError as error:
            await self._nudging.tell_of_failure(error)

    async def _prepare(self) -> None:
        for text in self._bench.notices:
            await self._journal.append(Notice(level="warning", code="workspace.notice", text=text))
        for sentence in await self._bench.editor.recover():
            await self._journal.append(Notice(level="warning", code="edits.recovered", text=sentence))
        if self._state.context is None:
            self._journal.emit(Working("Looking at the workspace"))
            await self._journal.append(ContextPrepared(text=await self._bench.prompts.prepare()))

    async def _answered(self) -> bool:
        """True when the model has said its last word and nothing was said to it since."""
        messages = self._state.messages
        if self._state.turn.last_answer is None or await self._nudging.due():
            return False
        return bool(messages) and isinstance(messages[-1], FromAssistant) and not messages[-1].calls

    async def _tell_what_is_near(self) -> None:
        """Once a turn for steps and for time; money and tokens are told where they are reserved."""
        limits, turn = self._state.turn.limits, self._state.turn
        made = turn.steps - turn.steps_before
        if max(1, int(limits.max_steps * NEAR)) <= made < limits.max_steps:
            await self._near("steps", f"{made} of the {limits.max_steps} model calls this turn may make are made.")
        seconds = self._stopwatch.seconds - self._seconds_before
        if seconds >= limits.max_seconds * NEAR:
            allowed = human_seconds(limits.max_seconds)
            await self._near("time", f"The turn has worked for {human_seconds(seconds)} of the {allowed} it may take.")

    async def _near(self, limit: str, text: str) -> None:
        nonce = f"{limit}.{self._state.turn.limits.max_steps}.{self._state.turn.limits.max_seconds}"
        await self._journal.append(Notice(level="warning", code="limit.near", text=text, nonce=nonce))

    async def _look_for_loop(self) -> None:
        """Tell the model once what repeats; end the turn when it goes on."""
        finding = find_loop(self._state.turn.traces)
        if finding is None:
            return
        if finding.must_stop:
            raise CherryError(run.NO_PROGRESS, "The model does not get on", why=finding.evidence)
        # What repeats is told in words of the calls and of what they gave.
        seen = frame(finding.evidence, source="what repeats")
        text = f"You are repeating yourself:\n{seen}\nDo something different, or say what keeps you from going on."
        # The id is the finding's, so the same loop is told once.
        message_id = derived_id("m", self._state.session, self._state.turn.number, finding.kind, finding.key)
        message = UserMessage(message_id=message_id, parts=(TextPart(text=text),), steering=True, author="cherry")
        await self._journal.append(message)

    async def _close(self, outcome: Outcome, error: CherryError | None = None) -> None:
        turn = self._state.turn
        if outcome != "approval":
            await self._calling.cancel_open_calls(error.kind.title if error else "the turn ended")
        await self._journal.append(
            TurnFinished(
                outcome=outcome,
                fault=error.fault() if error else None,
                steps=turn.steps,
                usage=turn.usage,
                cost=turn.cost,
                seconds=self._stopwatch.seconds,
                nonce=new_id("n"),
            )
        )

    async def _interrupted(self) -> None:
        # A log that cannot be written must not hide the interrupt: the turn stays open and is resumed later.
        with contextlib.suppress(CherryError):
            await self._close("interrupted", CherryError(run.INTERRUPTED, "interrupted by the user"))


def _outcome_of(error: CherryError) -> Outcome:
    match error.kind.exit_code:
        case Exit.LIMIT:
            return "limit"
        case Exit.NO_PROVIDER:
            return "no_provider"
        case Exit.APPROVAL:
            return "approval"
        case _:
            return "failed"

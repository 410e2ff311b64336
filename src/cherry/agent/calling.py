"""Runs the open calls of an answer: what an interruption left first, then the rest, side by side where they do not touch the same thing."""

import asyncio

from cherry.agent.journal import Journal
from cherry.agent.permission import Permission
from cherry.agent.workbench import Workbench
from cherry.domain.calls import Call, Result, Status
from cherry.domain.errors import CherryError, tools
from cherry.domain.events import ChangesApplied, Event, ToolFinished, ToolStarted
from cherry.domain.live import Working
from cherry.edits.planning.plan import changes_expected
from cherry.kernel.tasks import cancel_and_wait
from cherry.tools.context import change_id_of
from cherry.tools.results import failed

MAX_CALLS_PER_ANSWER = 64
MAX_CALLS_AT_ONCE = 8


class Calling:
    def __init__(self, journal: Journal, bench: Workbench, permission: Permission) -> None:
        self._journal = journal
        self._bench = bench
        self._permission = permission
        self._places = asyncio.Semaphore(MAX_CALLS_AT_ONCE)

    async def finish_open_calls(self) -> None:
        """Give every open call a result, except those that wait for a person who is not there.

        When cancelled, running tools have ended and nothing is appended for them: see `cancel_open_calls`.
        """
        pending = self._journal.state.pending
        for call in pending.calls[MAX_CALLS_PER_ANSWER:]:
            if call.id not in pending.results:
                await self._refuse_surplus(call, len(pending.calls))
        for call in pending.open_calls:
            if started := pending.started.get(call.id):
                await self._reconcile(call, started)
        await self._run_side_by_side(pending.open_calls)

    async def cancel_open_calls(self, reason: str) -> None:
        """Close what has no result: the conversation may not go on with a call unanswered."""
        state = self._journal.state
        events: list[Event] = []
        for call in state.pending.open_calls:
            started = state.pending.started.get(call.id)
            if started is not None and started.effect == "edit" and (done := await self._applied_edit(call, started)):
                events.extend(done)
                continue
            text = f"Cancelled: {reason}."
            if started is not None and started.effect == "run":
                text += " It had started; look at the state before doing it again."
            events.append(self._finished(call, Result(call_id=call.id, status=Status.CANCELLED, text=text)))
        if events:
            await self._journal.append(*events)

    async def _run_side_by_side(self, calls: tuple[Call, ...]) -> None:
        tasks: list[asyncio.Task[None]] = []
        for index, call in enumerate(calls):
            before = [tasks[earlier] for earlier in range(index) if self._conflict(calls[earlier], call)]
            tasks.append(asyncio.create_task(self._run_after(before, call)))
        try:
            await asyncio.gather(*tasks)
        finally:
            await cancel_and_wait(tasks)

    async def _run_after(self, before: list[asyncio.Task[None]], call: Call) -> None:
        if before:
            await asyncio.wait(before)
        async with self._places:
            await self._run(call)

    async def _run(self, call: Call) -> None:
        self._journal.emit(Working(self._bench.toolbox.title(call)))
        result = await self._bench.toolbox.execute(call, self._permission.context(call))
        if result.fault is not None and result.fault.code == tools.NOBODY_TO_ASK.code:
            return  # stays open: it runs when somebody resumes the turn and answers
        await self._journal.append(self._finished(call, result))

    def _conflict(self, first: Call, second: Call) -> bool:
        box = self._bench.toolbox
        if box.effect(first) == "read" and box.effect(second) == "read":
            return False
        one, other = set(box.resources(first)), set(box.resources(second))
        return bool(one & other) or ("workspace" in one and bool(other)) or ("workspace" in other and bool(one))

    async def _refuse_surplus(self, call: Call, count: int) -> None:
        error = CherryError(
            tools.TOO_MANY_CALLS,
            f"This answer had {count} calls; only the first {MAX_CALLS_PER_ANSWER} of one answer are run",
        )
        await self._journal.append(self._finished(call, failed(call, error)))

    async def _reconcile(self, call: Call, started: ToolStarted) -> None:
        """Law 1: a started effect is never blindly repeated."""
        if started.effect in ("read", "ask"):
            return  # no effect to repeat: it simply runs
        if started.effect == "edit":
            if done := await self._applied_edit(call, started):
                await self._journal.append(*done)
                return
            if started.expects and await self._bench.editor.reconcile(started.expects) == "not_applied":
                return  # provably did not happen: it runs now
        error = CherryError(
            tools.INTERRUPTED, f"Interrupted while running: {started.title}; it is not known how much of it happened"
        )
        await self._journal.append(self._finished(call, failed(call, error)))

    async def _applied_edit(self, call: Call, started: ToolStarted) -> list[Event]:
        """The events that complete an edit that reached the disk before the interruption; empty when it did not."""
        if not started.expects or await self._bench.editor.reconcile(started.expects) != "applied":
            return []
        files = changes_expected(started.expects)
        recorded = any(change.change_id == change_id_of(call) for change in self._journal.state.changes)
        result = Result(
            call_id=call.id,
            status=Status.SUCCESS,
            text="The edit was applied just before an interruption.",
            view=started.view,
        )
        applied: list[Event] = (
            [] if recorded else [ChangesApplied(change_id=change_id_of(call), call_id=call.id, files=files)]
        )
        return [*applied, self._finished(call, result)]

    def _finished(self, call: Call, result: Result) -> ToolFinished:
        return ToolFinished(call_id=call.id, tool=call.tool, title=self._bench.toolbox.title(call), result=result)

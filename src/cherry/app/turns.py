"""Turns: start, resume, watch, steer, decide, interrupt.

One turn runs per session at a time, in one process at a time. Whoever starts it watches it; leaving the watch interrupts the turn.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cherry.agent.answering import model_of
from cherry.agent.calling import Calling
from cherry.agent.journal import Journal, Watcher
from cherry.agent.leading import Leading
from cherry.agent.permission import Approver, Permission
from cherry.agent.settling import settle
from cherry.agent.spending import Spending
from cherry.agent.state import SessionState
from cherry.agent.stopwatch import Stopwatch
from cherry.agent.turn import Turn
from cherry.agent.window import Window
from cherry.agent.workbench import Workbench
from cherry.app.sessions import Sessions
from cherry.app.watching import Watch
from cherry.domain.content import TextPart, UserPart
from cherry.domain.errors import CherryError, run, storage
from cherry.domain.events import (
    ApprovalDecided,
    Event,
    Notice,
    QuestionAnswered,
    Recorded,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.live import Live, Working
from cherry.engine.port import Engine
from cherry.gateway.port import Gateway
from cherry.kernel.clock import Clock
from cherry.kernel.ids import new_id
from cherry.kernel.tasks import cancel_and_wait
from cherry.observability.log import Log
from cherry.observability.watchdog import Watchdog
from cherry.storage.ports import Lease, Store


@dataclass(frozen=True)
class Order:
    """What is to be done: a request, or the open turn of the session again when `parts` is None."""

    parts: tuple[UserPart, ...] | None
    limits: TurnLimits
    approver: Approver


@dataclass
class Running:
    journal: Journal
    task: "asyncio.Task[None]"


class Turns:
    def __init__(
        self,
        store: Store,
        *,
        sessions: Sessions,
        engine: Engine,
        gateway: Gateway,
        clock: Clock,
        open_bench: Callable[[Path], Workbench],
        default_model: Callable[[str], Awaitable[str]],
        log: Log,
        watchdog: Watchdog | None = None,
    ) -> None:
        """`default_model` turns a session's model (perhaps empty) into `provider/model`, or raises why there is none."""
        self._store = store
        self._sessions = sessions
        self._engine = engine
        self._gateway = gateway
        self._clock = clock
        self._open_bench = open_bench
        self._default_model = default_model
        self._log = log
        self._watchdog = watchdog
        self._benches: dict[str, Workbench] = {}
        self._running: dict[str, Running] = {}

    async def run(self, session: str, order: Order) -> AsyncGenerator[Recorded | Live, None]:
        """Do it and watch it. Raises what kept the turn from ending in its own `turn.finished` (storage, lease)."""
        if session in self._running:
            raise CherryError(storage.SESSION_BUSY, "A turn of this session is running already")
        watch = Watch()
        task = asyncio.create_task(self._drive(session, order, watch))
        task.add_done_callback(lambda _: watch.end())
        try:
            async for item in watch:
                yield item
            await _result_of(task)
        finally:
            await cancel_and_wait([task])

    async def steer(self, session: str, parts: Sequence[UserPart]) -> None:
        message = UserMessage(message_id=new_id("m"), parts=tuple(parts), steering=True)
        await self._tell(session, message, "nothing is running in this session")

    async def decide(
        self,
        session: str,
        approval_id: str,
        *,
        allowed: bool,
        remember: Literal["once", "session", "always"],
        comment: str,
    ) -> None:
        decision = ApprovalDecided(approval_id=approval_id, allowed=allowed, remember=remember, comment=comment)
        await self._tell(session, decision, "the turn that asked is not running; resume it first")

    async def answer(self, session: str, question_id: str, answer: str) -> None:
        event = QuestionAnswered(question_id=question_id, answer=answer)
        await self._tell(session, event, "the turn that asked is not running; resume it first")

    async def interrupt(self, session: str) -> None:
        if running := self._running.get(session):
            await cancel_and_wait([running.task])

    async def compact(self, session: str) -> str:
        """Summarise all but the last exchanges now. Returns the summary; empty when there was nothing to summarise."""
        summary = ""

        async def work(lease: Lease) -> None:
            nonlocal summary
            state = await self._sessions.state(session)
            journal = Journal(self._store.log, lease, state, lambda _item: None)
            bench = self.bench(session, Path(state.workspace))
            model = model_of(await self._default_model(state.model))
            spending = Spending(journal, gateway=self._gateway, accounts=bench.accounts)
            window = Window(journal, bench=bench, gateway=self._gateway, spending=spending)
            summary = await window.compact_now(model)

        await self._engine.run(session, work)
        return summary

    def bench(self, session: str, workspace: Path) -> Workbench:
        """The session's workbench, kept while this process lives: background commands outlast a turn."""
        if session not in self._benches:
            self._benches[session] = self._open_bench(workspace)
        return self._benches[session]

    async def close(self) -> None:
        await cancel_and_wait([running.task for running in self._running.values()])
        for bench in self._benches.values():
            await bench.close()
        self._benches.clear()

    async def _drive(self, session: str, order: Order, watch: Watch) -> None:
        async def work(lease: Lease) -> None:
            state = await self._sessions.state(session)
            with self._watched(session, watch) as put:
                journal = Journal(self._store.log, lease, state, put)
                task = asyncio.current_task()
                assert task is not None
                self._running[session] = Running(journal, task)
                try:
                    await self._turn(journal, order)
                except Exception as error:
                    self._log.error("turn.failed", error=error, session=session)
                    raise
                finally:
                    del self._running[session]

        await self._engine.run(session, work)

    @contextmanager
    def _watched(self, session: str, watch: Watch) -> Iterator[Watcher]:
        """Where the turn shows what happens, under the eyes of the watchdog."""
        if self._watchdog is None:
            yield watch.put
            return
        notes: set[asyncio.Task[None]] = set()

        def tell(what: str) -> None:
            watch.put(Working(what))
            notes.add(task := asyncio.create_task(self._note_hang(session, what)))
            task.add_done_callback(notes.discard)

        with self._watchdog.watching(session, tell) as turning:

            def put(item: Recorded | Live) -> None:
                turning.progress()
                watch.put(item)

            yield put

    async def _note_hang(self, session: str, what: str) -> None:
        with suppress(CherryError):  # the log may be what hangs
            if running := self._running.get(session):
                await running.journal.append(
                    Notice(level="warning", code="watchdog.hang", text=what, nonce=new_id("n"))
                )

    async def _turn(self, journal: Journal, order: Order) -> None:
        state = journal.state
        bench = self.bench(state.session, Path(state.workspace))
        await settle(journal, bench.accounts)
        model = await self._default_model(state.model)
        if order.parts is None:
            if not state.turn.open:
                raise CherryError(run.NOTHING_TO_CONTINUE, "The last turn of this session is finished")
            resumed = TurnResumed(model=model, limits=order.limits, nonce=new_id("n"))
            await journal.append(resumed)
        else:
            await self._leave_open_turn(journal, bench, order)
            number = state.turn.number + 1
            start: list[Event] = [
                TurnStarted(model=model, limits=order.limits),
                UserMessage(message_id=new_id("m"), parts=order.parts),
            ]
            await journal.append(*start, turn=number)
        turn = Turn(journal, bench=bench, gateway=self._gateway, clock=self._clock, approver=order.approver)
        await turn.run()

    async def _leave_open_turn(self, journal: Journal, bench: Workbench, order: Order) -> None:
        """A new request while the last turn is open: its calls get an answer first, or no provider would accept the conversation."""
        state = journal.state
        permission = Permission(
            journal,
            toolbox=bench.toolbox,
            approvals=bench.approvals,
            approver=order.approver,
            stopwatch=Stopwatch(self._clock),
            leading=Leading(journal, bench.editor),
        )
        await Calling(journal, bench, permission).cancel_open_calls("the user went on with another request")
        if state.turn.number and state.turn.finished is None:
            await journal.append(_broken_off(state))

    async def _tell(self, session: str, event: Event, otherwise: str) -> None:
        running = self._running.get(session)
        if running is None:
            raise CherryError(run.NOTHING_TO_CONTINUE, f"That reaches nobody: {otherwise}")
        await running.journal.append(event)


async def _result_of(task: "asyncio.Task[None]") -> None:
    """Raise what the task raised; an interrupted turn has ended in order and raises nothing."""
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def _broken_off(state: SessionState) -> TurnFinished:
    turn = state.turn
    error = CherryError(run.INTERRUPTED, "Cherry ended before the turn did")
    return TurnFinished(
        outcome="interrupted",
        fault=error.fault(),
        steps=turn.steps,
        usage=turn.usage,
        cost=turn.cost,
        seconds=turn.seconds,
        nonce=new_id("n"),
    )


def text_request(text: str) -> tuple[UserPart, ...]:
    return (TextPart(text=text),)

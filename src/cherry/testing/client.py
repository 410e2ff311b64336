"""A `Client` that plays scripts, for testing faces without a model, a log or a workspace.

    client = FakeClient(turns=[[TextStreamed(1, "Hello"), said("Hello"), finished()]])

Each turn is a list of what a watcher sees; events are put into `Recorded` by the client. Between them stand steps that wait:
`UntilDecided("a1")`, `UntilAnswered("q1")`, `UntilSteered()`, `UntilInterrupted()`. An interrupt ends the turn with `interrupted`
wherever it is. Everything a face does is written down in public lists (`decisions`, `answers`, `steered`, …).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cherry.client.port import Check, Imported, Request, Seen, UndoPlan
from cherry.domain.calls import Result, Status
from cherry.domain.content import AssistantPart, FromAssistant, TextPart, UserPart
from cherry.domain.errors import CherryError, edits, run, storage
from cherry.domain.events import (
    ApprovalDecided,
    AssistantMessage,
    Event,
    EventBase,
    QuestionAnswered,
    Recorded,
    SessionStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.live import Live
from cherry.domain.prompts import ModelRef
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.domain.usage import Cost, Usage
from cherry.domain.views import DiffView, View
from cherry.kernel.deadlines import within
from cherry.toon.definition import ToolDefinition

WAIT_SECONDS = 20.0
"""How long a script waits for the face before the test fails."""


class UntilDecided(NamedTuple):
    approval_id: str


class UntilAnswered(NamedTuple):
    question_id: str


class UntilSteered(NamedTuple):
    times: int = 1


class UntilInterrupted(NamedTuple):
    pass


class Raise(NamedTuple):
    error: Exception


Step = Event | Live | UntilDecided | UntilAnswered | UntilSteered | UntilInterrupted | Raise


class Decided(NamedTuple):
    approval_id: str
    allowed: bool
    remember: str
    comment: str


class FakeClient:
    """Implements `cherry.client.port.Client`. Sessions live in memory; times count up by one second each."""

    def __init__(self, turns: Iterable[Sequence[Step]] = (), *, model: str = "fake/model") -> None:
        self.model = model
        self.requests: list[Request] = []
        self.decisions: list[Decided] = []
        self.answers: list[tuple[str, str]] = []
        self.steered: list[tuple[UserPart, ...]] = []
        self.interrupts = 0
        self.undone: list[tuple[int | None, bool]] = []
        self.plan: UndoPlan | None = None
        self.standing_diff = DiffView(files=())
        self.known_models: list[ModelRef] = []
        self.known_tools: list[ToolDefinition] = []
        self.known_checks: list[Check] = []
        self.summary = ""
        self.imported: list[Imported] = []
        self.closed = False
        self._turns = [list(turn) for turn in turns]
        self._sessions: dict[str, SessionInfo] = {}
        self._logs: dict[str, list[Recorded]] = {}
        self._changed = asyncio.Event()
        self._interrupted = asyncio.Event()
        self._still = asyncio.Event()
        self._still.set()
        self._time = 1_700_000_000.0

    # -- sessions

    async def create_session(self, workspace: Path, *, model: str = "", title: str = "") -> SessionInfo:
        name = f"s_{len(self._sessions) + 1:04d}"
        chosen = model or self.model
        self._sessions[name] = SessionInfo(
            id=name,
            workspace=str(workspace),
            title=title,
            model=chosen,
            created_at=self._tick(),
            updated_at=self._time,
            turns=0,
            last_seq=0,
        )
        self._logs[name] = []
        self.log(name, SessionStarted(workspace=str(workspace), model=chosen, title=title), turn=0)
        return self._sessions[name]

    async def session(self, session: str) -> SessionInfo:
        found = [info for name, info in self._sessions.items() if name.startswith((session, f"s_{session}"))]
        if not found:
            raise CherryError(storage.UNKNOWN_SESSION, where=session)
        if len(found) > 1:
            raise CherryError(storage.AMBIGUOUS_SESSION, where=session)
        return found[0]

    async def latest_session(self, workspace: Path) -> SessionInfo | None:
        found = await self.sessions(workspace=workspace)
        return found[0] if found else None

    async def sessions(self, *, workspace: Path | None = None, limit: int = 100) -> list[SessionInfo]:
        found = [info for info in self._sessions.values() if workspace is None or info.workspace == str(workspace)]
        return sorted(found, key=lambda info: info.updated_at, reverse=True)[:limit]

    async def search(self, text: str, *, workspace: Path | None = None, limit: int = 50) -> list[SessionMatch]:
        return [
            SessionMatch(self._sessions[name], one.seq, one.turn, excerpt=_said(one.event))
            for name, log in self._logs.items()
            for one in log
            if text.lower() in _said(one.event).lower()
        ][:limit]

    async def events(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        info = await self.session(session)
        for recorded in list(self._logs[info.id]):
            if recorded.seq > after:
                yield recorded

    async def rename(self, session: str, title: str) -> None:
        await self._update(session, title=title)

    async def fork(self, session: str, *, upto_turn: int | None = None) -> SessionInfo:
        origin = await self.session(session)
        copy = await self.create_session(Path(origin.workspace), model=origin.model, title=origin.title)
        for recorded in self._logs[origin.id][1:]:
            if upto_turn is None or recorded.turn <= upto_turn:
                self.log(copy.id, recorded.event, turn=recorded.turn)
        return self._sessions[copy.id]

    async def delete(self, session: str) -> None:
        info = await self.session(session)
        del self._sessions[info.id], self._logs[info.id]

    async def export(self, session: str, *, contents: bool = False) -> AsyncIterator[str]:
        async for recorded in self.events(session):
            yield recorded.model_dump_json()

    async def import_sessions(self, file: Path, *, workspace: Path | None = None) -> list[Imported]:
        """Takes nothing in: what a test puts into `imported` is what it says."""
        return self.imported

    async def choose_model(self, session: str, model: str) -> None:
        await self._update(session, model=model)

    # -- turns

    async def run(self, session: str, request: Request | None) -> AsyncIterator[Seen]:
        info = await self.session(session)
        asked = request or Request(parts=())
        self.requests.append(asked)
        resumes = not asked.parts
        if resumes and not info.open_turn:
            raise CherryError(run.NOTHING_TO_CONTINUE)
        turn = info.open_turn if resumes else info.turns + 1
        await self._update(info.id, turns=turn, open_turn=turn)
        self._interrupted.clear()
        self._still.clear()
        try:
            for opening in _opening(asked, info.model, turn):
                yield self.log(info.id, opening, turn=turn)
            async for item in self._play(info.id, turn):
                yield item
        finally:
            self._still.set()

    async def _play(self, session: str, turn: int) -> AsyncIterator[Seen]:
        for step in self._turns.pop(0) if self._turns else [finished()]:
            if isinstance(step, Raise):
                raise step.error
            if not await self._reached(step):
                yield self._finish(session, turn, finished("interrupted"))
                return
            if isinstance(step, TurnFinished):
                yield self._finish(session, turn, step)
            elif isinstance(step, EventBase):
                yield self.log(session, step, turn=turn)
            elif not isinstance(step, UntilDecided | UntilAnswered | UntilSteered | UntilInterrupted):
                yield step
            await asyncio.sleep(0)

    async def _reached(self, step: Step) -> bool:
        """False when the turn was interrupted while waiting."""
        if isinstance(step, UntilDecided):
            await self._until(lambda: any(one.approval_id == step.approval_id for one in self.decisions))
        elif isinstance(step, UntilAnswered):
            await self._until(lambda: any(question == step.question_id for question, _ in self.answers))
        elif isinstance(step, UntilSteered):
            await self._until(lambda: len(self.steered) >= step.times)
        elif isinstance(step, UntilInterrupted):
            await self._until(lambda: False)
        return not self._interrupted.is_set()

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached() and not self._interrupted.is_set():
            self._changed.clear()
            await within("fake_client.wait", WAIT_SECONDS, self._changed.wait())

    def _finish(self, session: str, turn: int, event: TurnFinished) -> Recorded:
        info = self._sessions[session]
        self._sessions[session] = info.model_copy(
            update={
                "open_turn": 0 if event.outcome == "done" else turn,
                "usage": info.usage + event.usage,
                "cost": info.cost + event.cost,
            }
        )
        return self.log(session, event, turn=turn)

    async def steer(self, session: str, parts: Sequence[UserPart]) -> None:
        self.steered.append(tuple(parts))
        self._changed.set()

    async def decide(
        self,
        session: str,
        approval_id: str,
        *,
        allowed: bool,
        remember: Literal["once", "session", "always"] = "once",
        comment: str = "",
    ) -> None:
        self.decisions.append(Decided(approval_id, allowed, remember, comment))
        info = await self.session(session)
        decided = ApprovalDecided(approval_id=approval_id, allowed=allowed, remember=remember, comment=comment)
        self.log(info.id, decided, turn=info.turns)
        self._changed.set()

    async def answer(self, session: str, question_id: str, answer: str) -> None:
        self.answers.append((question_id, answer))
        info = await self.session(session)
        self.log(info.id, QuestionAnswered(question_id=question_id, answer=answer), turn=info.turns)
        self._changed.set()

    async def interrupt(self, session: str) -> None:
        self.interrupts += 1
        self._interrupted.set()
        self._changed.set()
        await within("fake_client.interrupt", WAIT_SECONDS, self._still.wait())

    async def compact(self, session: str) -> str:
        return self.summary

    # -- changes

    async def diff(self, session: str, *, turn: int | None = None) -> DiffView:
        return self.standing_diff

    async def plan_undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        if self.plan is None:
            raise CherryError(edits.NOTHING_TO_REDO if redo else edits.NOTHING_TO_UNDO)
        return self.plan

    async def undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        plan = await self.plan_undo(session, turn=turn, redo=redo)
        if plan.conflicts:
            raise CherryError(edits.UNDO_CONFLICT, where=plan.conflicts[0])
        self.undone.append((turn, redo))
        return plan

    # -- what there is

    async def models(self) -> list[ModelRef]:
        return self.known_models

    async def test_model(self, model: str) -> dict[str, Any]:
        return {"model": model or self.model, "ok": True, "seconds": 0.1}

    def tools(self) -> list[ToolDefinition]:
        return self.known_tools

    async def checks(self) -> list[Check]:
        return self.known_checks

    async def working_model(self) -> ModelRef | None:
        return ModelRef.parse(self.model)

    async def close(self) -> None:
        self.closed = True

    # -- inside

    def log(self, session: str, event: Event, *, turn: int) -> Recorded:
        """Put an event into a session's log; for preparing a test."""
        log = self._logs[session]
        recorded = Recorded(
            id=f"e_{session}_{len(log) + 1}", session=session, seq=len(log) + 1, turn=turn, at=self._tick(), event=event
        )
        log.append(recorded)
        update = {"last_seq": recorded.seq, "updated_at": recorded.at}
        self._sessions[session] = self._sessions[session].model_copy(update=update)
        return recorded

    async def _update(self, session: str, **fields: Any) -> None:
        info = await self.session(session)
        self._sessions[info.id] = info.model_copy(update={**fields, "updated_at": self._tick()})

    def _tick(self) -> float:
        self._time += 1
        return self._time


# -- short forms for scripts


def said(text: str, *, step: int = 1, parts: tuple[AssistantPart, ...] | None = None) -> AssistantMessage:
    """A whole answer of the model."""
    return AssistantMessage(
        step=step,
        message=FromAssistant(parts=parts if parts is not None else (TextPart(text=text),)),
        finish="stop",
        usage=Usage(input_tokens=100, output_tokens=20),
        cost=Cost(usd=Decimal("0.0010")),
        model="fake/model",
    )


def started(
    call_id: str, title: str, *, effect: Literal["read", "edit", "run", "ask"] = "read", view: View | None = None
) -> ToolStarted:
    return ToolStarted(call_id=call_id, tool="fake.tool", arguments={}, title=title, effect=effect, view=view)


def ended(
    call_id: str, title: str = "", *, status: Status = Status.SUCCESS, view: View | None = None, seconds: float = 0.0
) -> ToolFinished:
    result = Result(call_id=call_id, status=status, text="", view=view, seconds=seconds)
    return ToolFinished(call_id=call_id, tool="fake.tool", title=title, result=result)


def finished(
    outcome: Literal["done", "failed", "limit", "approval", "no_provider", "interrupted"] = "done",
    error: CherryError | None = None,
) -> TurnFinished:
    return TurnFinished(
        outcome=outcome,
        fault=error.fault() if error else None,
        steps=1,
        usage=Usage(input_tokens=100, output_tokens=20),
        cost=Cost(usd=Decimal("0.0010")),
        seconds=1.5,
    )


def _opening(request: Request, model: str, turn: int) -> list[Event]:
    if not request.parts:
        return [TurnResumed(model=model, limits=request.limits, nonce=f"n{turn}")]
    return [
        TurnStarted(model=model, limits=request.limits or TurnLimits()),
        UserMessage(message_id=f"m_{turn}", parts=request.parts),
    ]


def _said(event: Event) -> str:
    if isinstance(event, AssistantMessage):
        return event.message.text
    if isinstance(event, UserMessage):
        return " ".join(part.text for part in event.parts if isinstance(part, TextPart))
    return ""

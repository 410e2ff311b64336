"""Watching one turn: draws what comes, asks a person what must be asked, stops when told to.

The same for a one-shot command and for the chat; what differs comes as a `Sink` (where it is drawn) and an `Asker` (who is asked).
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

from cherry.client.port import Client, Request, Seen
from cherry.domain.errors import CherryError, run
from cherry.domain.events import (
    ApprovalDecided,
    ApprovalRequested,
    AssistantMessage,
    Event,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
    ToolFinished,
    TurnFinished,
)
from cherry.domain.exits import Exit
from cherry.kernel.deadlines import DeadlineExceeded, within
from cherry.kernel.tasks import cancel_and_wait

INTERRUPT_SECONDS = 10.0
"""A turn that does not stand still by then is left."""
CLOSE_SECONDS = 2.0

Ask = ApprovalRequested | QuestionAsked


class Decision(NamedTuple):
    allowed: bool
    remember: Literal["once", "session", "always"] = "once"
    comment: str = ""


class Sink(Protocol):
    def draw(self, seen: Seen) -> None: ...


class Asker(Protocol):
    """A person at the face. Both methods may be cancelled, and return None when the person has gone."""

    holds_output: bool
    """True when nothing may be drawn while the person types."""

    async def decide(self, request: ApprovalRequested) -> Decision | None: ...
    async def answer(self, question: QuestionAsked) -> str | None: ...


class TurnEnd(NamedTuple):
    finished: TurnFinished | None
    """None when the turn had to be left before it stood still."""
    answer: str
    """The model's last words that called no tool."""


class TurnWatch:
    """One turn. `interrupt` and `leave` may be called from signal handlers of the same loop."""

    def __init__(self, client: Client, session: str, *, sink: Sink, asker: Asker | None) -> None:
        self._client = client
        self._session = session
        self._sink = sink
        self._asker = asker
        self._asks: deque[Recorded] = deque()
        self._known: set[str] = set()
        """Ids that were asked once, so that nothing is asked twice."""
        self._asking: asyncio.Task[None] | None = None
        self._held: list[Recorded] = []
        self._watching: asyncio.Task[object] | None = None
        self._interrupting: asyncio.Task[None] | None = None
        self._left = False
        self._failure: Exception | None = None
        """What went wrong while asking."""
        self._finished: TurnFinished | None = None
        self._answer = ""

    async def run(self, request: Request) -> TurnEnd:
        """A request without parts takes up the open turn. Raises CherryError."""
        self._watching = asyncio.current_task()
        open_asks = await self._open_asks() if not request.parts and self._asker else []
        items = self._client.run(self._session, request)
        try:
            async for seen in items:
                self._take(seen)
                while open_asks:
                    self._ask(open_asks.pop(0))
        except asyncio.CancelledError:
            if not self._left or self._watching is None:
                raise
            self._watching.uncancel()
        finally:
            await self._stop_asking()
            self._release()
            with suppress(DeadlineExceeded):
                await within("cli.close_watch", CLOSE_SECONDS, _close(items))
            if self._interrupting:
                await cancel_and_wait([self._interrupting])
        if self._failure:
            raise self._failure
        return TurnEnd(self._finished, self._answer)

    @property
    def over(self) -> bool:
        """The turn stands still; `run` is about to return."""
        return self._finished is not None

    def interrupt(self) -> None:
        """Stop the turn and keep what is done. `run` returns when it stands still, or after a deadline."""
        if self._interrupting is None:
            self._interrupting = asyncio.create_task(self._interrupt())

    def leave(self) -> None:
        """Do not wait for the turn any longer."""
        self._left = True
        if self._watching:
            self._watching.cancel()

    async def _interrupt(self) -> None:
        try:
            await within("cli.interrupt", INTERRUPT_SECONDS, self._client.interrupt(self._session))
        except (DeadlineExceeded, CherryError):
            self.leave()

    def _take(self, seen: Seen) -> None:
        if not isinstance(seen, Recorded):
            if not self._holding:  # what is only live may be lost
                self._sink.draw(seen)
            return
        event = seen.event
        if isinstance(event, AssistantMessage) and not event.message.calls:
            self._answer = event.message.text
        if isinstance(event, ApprovalRequested | QuestionAsked) and self._asker:
            self._ask(seen)
        elif self._holding and not isinstance(event, TurnFinished):
            self._held.append(seen)
        else:
            self._end_of_turn(event)
            self._sink.draw(seen)
        self._forget(event)

    def _end_of_turn(self, event: Event) -> None:
        if isinstance(event, TurnFinished):
            self._finished = event
            self._asks.clear()
            if self._asking:
                self._asking.cancel()
            self._release()

    @property
    def _holding(self) -> bool:
        return bool(self._asker and self._asker.holds_output and self._asking)

    def _ask(self, recorded: Recorded) -> None:
        ask = recorded.event
        assert isinstance(ask, ApprovalRequested | QuestionAsked)
        if _id_of(ask) in self._known:
            return
        self._known.add(_id_of(ask))
        self._asks.append(recorded)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_one_by_one())

    def _forget(self, event: Event) -> None:
        """Decided elsewhere, or no longer needed: not asked any more."""
        if isinstance(event, ApprovalDecided):
            self._drop(lambda ask: isinstance(ask, ApprovalRequested) and ask.approval_id == event.approval_id)
        elif isinstance(event, QuestionAnswered):
            self._drop(lambda ask: isinstance(ask, QuestionAsked) and ask.question_id == event.question_id)
        elif isinstance(event, ToolFinished):
            self._drop(lambda ask: ask.call_id == event.call_id)

    def _drop(self, concerned: Callable[[Ask], bool]) -> None:
        kept = [one for one in self._asks if not concerned(_ask_of(one))]
        self._asks = deque(kept)

    async def _ask_one_by_one(self) -> None:
        try:
            while self._asks:
                recorded = self._asks.popleft()
                self._sink.draw(recorded)
                if not await self._settled(_ask_of(recorded)):
                    self.interrupt()
                    return
        except Exception as error:  # whatever it is, `run` raises it: a task of its own would hide it
            if not (isinstance(error, CherryError) and error.kind is run.NOTHING_TO_CONTINUE):
                self._failure = error
                self.interrupt()
        finally:
            self._asking = None
            self._release()

    async def _settled(self, ask: Ask) -> bool:
        """False when the person has gone."""
        assert self._asker is not None
        if isinstance(ask, QuestionAsked):
            answer = await self._asker.answer(ask)
            if answer is not None:
                await self._client.answer(self._session, ask.question_id, answer)
            return answer is not None
        decision = await self._asker.decide(ask)
        if decision is not None:
            await self._client.decide(
                self._session,
                ask.approval_id,
                allowed=decision.allowed,
                remember=decision.remember,
                comment=decision.comment,
            )
        return decision is not None

    def _release(self) -> None:
        held, self._held = self._held, []
        for recorded in held:
            self._sink.draw(recorded)

    async def _stop_asking(self) -> None:
        if self._asking:
            await cancel_and_wait([self._asking])

    async def _open_asks(self) -> list[Recorded]:
        """What the open turn had asked before it stood still: a resumed turn waits for it without asking again."""
        asked: dict[str, Recorded] = {}
        async for recorded in self._client.events(self._session):
            event = recorded.event
            if isinstance(event, ApprovalRequested | QuestionAsked):
                asked[_id_of(event)] = recorded
            elif isinstance(event, ApprovalDecided):
                asked.pop(event.approval_id, None)
            elif isinstance(event, QuestionAnswered):
                asked.pop(event.question_id, None)
            elif isinstance(event, ToolFinished):
                asked = {key: one for key, one in asked.items() if _ask_of(one).call_id != event.call_id}
        return list(asked.values())


_EXITS: dict[str, Exit] = {
    "done": Exit.DONE,
    "failed": Exit.FAILED,
    "limit": Exit.LIMIT,
    "approval": Exit.APPROVAL,
    "no_provider": Exit.NO_PROVIDER,
    "interrupted": Exit.INTERRUPTED,
}


def exit_code_of(end: TurnEnd) -> int:
    return int(_EXITS[end.finished.outcome] if end.finished else Exit.INTERRUPTED)


def _ask_of(recorded: Recorded) -> Ask:
    event = recorded.event
    assert isinstance(event, ApprovalRequested | QuestionAsked)
    return event


def _id_of(ask: Ask) -> str:
    return ask.approval_id if isinstance(ask, ApprovalRequested) else ask.question_id


async def _close(items: AsyncIterator[Seen]) -> None:
    if isinstance(items, AsyncGenerator):
        await items.aclose()

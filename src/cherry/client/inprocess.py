"""The client protocol straight onto the use cases of this process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from cherry.app.changes import Changes, Undoing
from cherry.app.models import Models
from cherry.app.sessions import Sessions
from cherry.app.transfer import Transfer
from cherry.app.turns import Order, Turns
from cherry.client.port import Check, Imported, Request, Seen, UndoPlan
from cherry.domain.content import UserPart
from cherry.domain.events import Recorded
from cherry.domain.limits import TurnLimits
from cherry.domain.prompts import ModelRef
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.domain.views import DiffView
from cherry.toon.definition import ToolDefinition


class InProcessClient:
    """Implements `cherry.client.port.Client`."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        turns: Turns,
        changes: Changes,
        models: Models,
        transfer: Transfer,
        definitions: Callable[[], list[ToolDefinition]],
        checks: Callable[[], Awaitable[list[Check]]],
        default_limits: TurnLimits,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._sessions = sessions
        self._turns = turns
        self._changes = changes
        self._models = models
        self._transfer = transfer
        self._definitions = definitions
        self._checks = checks
        self._default_limits = default_limits
        self._close = close

    async def create_session(self, workspace: Path, *, model: str = "", title: str = "") -> SessionInfo:
        chosen = str(await self._models.resolve(model))
        return await self._sessions.create(workspace, model=chosen, title=title)

    async def session(self, session: str) -> SessionInfo:
        return await self._sessions.find(session)

    async def latest_session(self, workspace: Path) -> SessionInfo | None:
        return await self._sessions.latest(workspace)

    async def sessions(self, *, workspace: Path | None = None, limit: int = 100) -> list[SessionInfo]:
        return await self._sessions.recent(workspace=workspace, limit=limit)

    async def search(self, text: str, *, workspace: Path | None = None, limit: int = 50) -> list[SessionMatch]:
        return await self._sessions.search(text, workspace=workspace, limit=limit)

    def events(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        return self._sessions.events(session, after=after)

    async def run(self, session: str, request: Request | None) -> AsyncIterator[Seen]:
        info = await self._sessions.find(session)
        order = (
            Order(parts=None, limits=self._default_limits, approver="person")
            if request is None
            else Order(parts=request.parts or None, limits=request.limits, approver=request.approver)
        )
        items = self._turns.run(info.id, order)
        try:
            async for item in items:
                yield item
        finally:
            await items.aclose()

    async def steer(self, session: str, parts: Sequence[UserPart]) -> None:
        await self._turns.steer(await self._id(session), parts)

    async def decide(
        self,
        session: str,
        approval_id: str,
        *,
        allowed: bool,
        remember: Literal["once", "session", "always"] = "once",
        comment: str = "",
    ) -> None:
        await self._turns.decide(
            await self._id(session), approval_id, allowed=allowed, remember=remember, comment=comment
        )

    async def answer(self, session: str, question_id: str, answer: str) -> None:
        await self._turns.answer(await self._id(session), question_id, answer)

    async def interrupt(self, session: str) -> None:
        await self._turns.interrupt(await self._id(session))

    async def choose_model(self, session: str, model: str) -> None:
        await self._sessions.choose_model(session, str(await self._models.resolve(model)))

    async def compact(self, session: str) -> str:
        return await self._turns.compact(await self._id(session))

    async def rename(self, session: str, title: str) -> None:
        await self._sessions.rename(session, title)

    async def fork(self, session: str, *, upto_turn: int | None = None) -> SessionInfo:
        return await self._sessions.fork(session, upto_turn=upto_turn)

    async def delete(self, session: str) -> None:
        await self._sessions.delete(session)

    async def export(self, session: str, *, contents: bool = False) -> AsyncIterator[str]:
        async for line in self._transfer.export(await self._id(session), contents=contents):
            yield line

    async def import_sessions(self, file: Path, *, workspace: Path | None = None) -> list[Imported]:
        return await self._transfer.take_in(file, workspace=workspace)

    async def diff(self, session: str, *, turn: int | None = None) -> DiffView:
        return await self._changes.diff(await self._id(session), turn=turn)

    async def plan_undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        return _plan_of(await self._changes.plan(await self._id(session), turn=turn, redo=redo))

    async def undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        return _plan_of(await self._changes.undo(await self._id(session), turn=turn, redo=redo))

    async def models(self) -> list[ModelRef]:
        return await self._models.available()

    async def test_model(self, model: str) -> dict[str, Any]:
        return await self._models.test(model)

    def tools(self) -> list[ToolDefinition]:
        return self._definitions()

    async def checks(self) -> list[Check]:
        return await self._checks()

    async def working_model(self) -> ModelRef | None:
        return await self._models.default()

    async def close(self) -> None:
        await self._close()

    async def _id(self, session: str) -> str:
        return (await self._sessions.find(session)).id


def _plan_of(undoing: Undoing) -> UndoPlan:
    revert = undoing.revert
    return UndoPlan(
        turn=undoing.target.turn, files=tuple(revert.files), view=revert.view, conflicts=tuple(revert.conflicts)
    )

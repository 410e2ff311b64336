"""What a face can do. The same protocol in-process and, later, against a server."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from cherry.agent.permission import Approver
from cherry.app.doctor import Check
from cherry.app.transfer import Imported
from cherry.domain.content import UserPart
from cherry.domain.events import FileChange, Recorded
from cherry.domain.limits import TurnLimits
from cherry.domain.live import Live
from cherry.domain.prompts import ModelRef
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.domain.views import DiffView
from cherry.toon.definition import ToolDefinition

Seen = Recorded | Live
"""One item of a watch: an event of the log, or something that is only live."""


class Request(NamedTuple):
    """What a person asks for, and the bounds of doing it."""

    parts: tuple[UserPart, ...]
    limits: TurnLimits = TurnLimits()
    approver: Approver = "person"


class UndoPlan(NamedTuple):
    """What an undo or redo would do; nothing has been done."""

    turn: int
    files: tuple[FileChange, ...]
    view: DiffView
    conflicts: tuple[str, ...]
    """One sentence per file that cannot be put back without losing what somebody changed since."""


class Client(Protocol):
    """All methods raise CherryError. Sessions are named by id or an unambiguous beginning of it."""

    async def create_session(self, workspace: Path, *, model: str = "", title: str = "") -> SessionInfo: ...
    async def session(self, session: str) -> SessionInfo: ...
    async def latest_session(self, workspace: Path) -> SessionInfo | None: ...
    async def sessions(self, *, workspace: Path | None = None, limit: int = 100) -> list[SessionInfo]: ...
    async def search(self, text: str, *, workspace: Path | None = None, limit: int = 50) -> list[SessionMatch]: ...
    def events(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        """The log as it stands; ends at its end."""
        ...

    def run(self, session: str, request: Request | None) -> AsyncIterator[Seen]:
        """Run a turn and watch it: ends after `turn.finished`. With None or a request without parts, the open turn is taken up again.

        The first items are the turn's own events from `turn.started` (or `turn.resumed`) on. Closing the iterator interrupts the turn.
        """
        ...

    async def steer(self, session: str, parts: Sequence[UserPart]) -> None:
        """Say something to the running turn; the model reads it at its next step."""
        ...

    async def decide(
        self,
        session: str,
        approval_id: str,
        *,
        allowed: bool,
        remember: Literal["once", "session", "always"] = "once",
        comment: str = "",
    ) -> None: ...
    async def answer(self, session: str, question_id: str, answer: str) -> None: ...
    async def interrupt(self, session: str) -> None:
        """Stop the running turn at once; what is done is kept. Returns when it stands still."""
        ...

    async def choose_model(self, session: str, model: str) -> None: ...
    async def compact(self, session: str) -> str:
        """Summarise all but the recent exchanges now; returns the summary."""
        ...

    async def rename(self, session: str, title: str) -> None: ...
    async def fork(self, session: str, *, upto_turn: int | None = None) -> SessionInfo: ...
    async def delete(self, session: str) -> None: ...
    def export(self, session: str, *, contents: bool = False) -> AsyncIterator[str]:
        """The session as JSON lines, see `cherry.app.transfer`; ends with an error where the log cannot be read."""
        ...

    async def import_sessions(self, file: Path, *, workspace: Path | None = None) -> list[Imported]:
        """Take in what `export` gave; into `workspace` instead of the folder it was made in. Raises storage.BAD_IMPORT."""
        ...

    async def diff(self, session: str, *, turn: int | None = None) -> DiffView:
        """All changes of the session (or of one turn) that still stand, as a diff from before to what Cherry wrote."""
        ...

    async def plan_undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        """The last turn with changes that still stand, or all turns from `turn` on. Raises edits.NOTHING_TO_UNDO."""
        ...

    async def undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> UndoPlan:
        """Raises edits.UNDO_CONFLICT and does nothing when any file is in conflict."""
        ...

    async def models(self) -> list[ModelRef]: ...
    async def test_model(self, model: str) -> dict[str, Any]:
        """One small call; what answered, how fast, tools and streaming working, tokens, cost."""
        ...

    def tools(self) -> list[ToolDefinition]: ...
    async def checks(self) -> list[Check]: ...
    async def working_model(self) -> ModelRef | None:
        """What a new session would use; None when no provider is set up."""
        ...

    async def close(self) -> None: ...


__all__ = ["Check", "Client", "Imported", "Request", "Seen", "UndoPlan"]

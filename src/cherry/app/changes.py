"""Undo, redo and diff of what a session changed, by content."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cherry.agent.journal import Journal
from cherry.agent.state import ChangeRecord, SessionState
from cherry.app.sessions import Sessions
from cherry.app.turns import Turns
from cherry.domain.errors import CherryError, edits
from cherry.domain.events import ChangesRedone, ChangesUndone
from cherry.domain.views import DiffView
from cherry.edits.editor import Editor
from cherry.edits.planning.plan import Revert
from cherry.engine.port import Engine
from cherry.kernel.ids import new_id
from cherry.storage.ports import Lease, Store


class Target(NamedTuple):
    """Which change sets an undo or redo is about."""

    turn: int
    changes: tuple[ChangeRecord, ...]


class Undoing(NamedTuple):
    target: Target
    revert: Revert


class Changes:
    def __init__(self, store: Store, *, sessions: Sessions, turns: Turns, engine: Engine) -> None:
        self._store = store
        self._sessions = sessions
        self._turns = turns
        self._engine = engine

    async def diff(self, session: str, *, turn: int | None = None) -> DiffView:
        state = await self._sessions.state(session)
        standing = [
            change.files for change in state.changes if not change.undone and (turn is None or change.turn == turn)
        ]
        return await self._editor(state).diff(standing)

    async def plan(self, session: str, *, turn: int | None = None, redo: bool = False) -> Undoing:
        state = await self._sessions.state(session)
        return await self._plan(state, turn, redo=redo)

    async def undo(self, session: str, *, turn: int | None = None, redo: bool = False) -> Undoing:
        """Raises CherryError(edits.UNDO_CONFLICT) and does nothing when a file cannot be put back without loss."""
        done: list[Undoing] = []

        async def work(lease: Lease) -> None:
            state = await self._sessions.state(session)
            undoing = await self._plan(state, turn, redo=redo)
            await self._editor(state).revert(undoing.revert, change_id=new_id("c"))
            journal = Journal(self._store.log, lease, state, lambda _item: None)
            ids = tuple(change.change_id for change in undoing.target.changes)
            number = undoing.target.turn
            event = (
                ChangesRedone(redone_turn=number, change_ids=ids, nonce=new_id("n"))
                if redo
                else ChangesUndone(undone_turn=number, change_ids=ids, nonce=new_id("n"))
            )
            await journal.append(event)
            done.append(undoing)

        await self._engine.run(session, work)
        return done[0]

    async def _plan(self, state: SessionState, turn: int | None, *, redo: bool) -> Undoing:
        target = redo_target(state) if redo else undo_target(state, turn)
        revert = await self._editor(state).plan_revert([change.files for change in target.changes], redo=redo)
        return Undoing(target, revert)

    def _editor(self, state: SessionState) -> Editor:
        return self._turns.bench(state.session, Path(state.workspace)).editor


def undo_target(state: SessionState, turn: int | None) -> Target:
    """The last turn whose changes stand, or every standing change from `turn` on."""
    standing = [change for change in state.changes if not change.undone]
    if turn is not None:
        standing = [change for change in standing if change.turn >= turn]
    elif standing:
        standing = [change for change in standing if change.turn == standing[-1].turn]
    if not standing:
        since = f" since turn {turn}" if turn is not None else ""
        raise CherryError(edits.NOTHING_TO_UNDO, f"No file changes of this session stand{since}")
    return Target(turn if turn is not None else standing[-1].turn, tuple(standing))


def redo_target(state: SessionState) -> Target:
    """What was undone last, as long as nothing was changed since."""
    if not state.undone:
        raise CherryError(edits.NOTHING_TO_REDO)
    last = state.undone[-1]
    return Target(last.undone_turn, _with_ids(state.changes, last.change_ids))


def _with_ids(changes: Sequence[ChangeRecord], ids: Sequence[str]) -> tuple[ChangeRecord, ...]:
    wanted = set(ids)
    return tuple(change for change in changes if change.change_id in wanted)

"""Sessions as a person handles them: start, find, name, fork, delete; and their folded state."""

from collections.abc import AsyncIterator
from pathlib import Path

from cherry import __version__
from cherry.agent.state import SessionState
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import (
    Event,
    ModelChosen,
    Recorded,
    SessionRenamed,
    SessionStarted,
    TurnFinished,
)
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.engine.port import Engine
from cherry.kernel.ids import new_id
from cherry.storage.ports import Draft, Lease, Store

FORK_BATCH = 500


class Sessions:
    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        self._states: dict[str, SessionState] = {}

    async def create(self, workspace: Path, *, model: str = "", title: str = "") -> SessionInfo:
        session = new_id("s")
        started = SessionStarted(workspace=str(workspace), model=model, title=title, cherry=__version__)
        await self._store.log.create(session, started)
        return await self._store.index.find(session)

    async def find(self, session: str) -> SessionInfo:
        return await self._store.index.find(session)

    async def latest(self, workspace: Path) -> SessionInfo | None:
        found = await self._store.index.recent(workspace=str(workspace), limit=1)
        return found[0] if found else None

    async def recent(self, *, workspace: Path | None, limit: int) -> list[SessionInfo]:
        return await self._store.index.recent(workspace=str(workspace) if workspace else None, limit=limit)

    async def search(self, text: str, *, workspace: Path | None, limit: int) -> list[SessionMatch]:
        return await self._store.index.search(text, workspace=str(workspace) if workspace else None, limit=limit)

    async def events(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        info = await self.find(session)
        async for recorded in self._store.log.read(info.id, after=after):
            yield recorded

    async def state(self, session: str) -> SessionState:
        """The session folded up to the end of its log. Only what is new since the last call is read."""
        state = self._states.get(session) or SessionState()
        async for recorded in self._store.log.read(session, after=state.last_seq):
            state.apply(recorded)
        self._states[session] = state
        return state

    async def rename(self, session: str, title: str) -> None:
        await self.append(session, SessionRenamed(title=title, nonce=new_id("n")))

    async def choose_model(self, session: str, model: str) -> None:
        await self.append(session, ModelChosen(model=model, nonce=new_id("n")))

    async def append(self, session: str, event: Event) -> None:
        """One event outside any turn."""
        info = await self.find(session)

        async def work(lease: Lease) -> None:
            await self._store.log.append(lease, [Draft(0, event)])

        await self._engine.run(info.id, work)

    async def fork(self, session: str, *, upto_turn: int | None = None) -> SessionInfo:
        """A new session with the same past, up to the end of a turn (the last finished one by default).

        The copied events keep their numbers, so what refers to them stays true.
        """
        original = await self.find(session)
        past = await self._past(original, upto_turn)
        fork = new_id("s")
        state = await self.state(original.id)
        started = SessionStarted(
            workspace=original.workspace,
            model=original.model or state.model,
            title=f"{original.title} (fork)".strip(),
            cherry=__version__,
            forked_from=original.id,
            forked_at=past[-1].seq if past else 1,
        )
        await self._store.log.create(fork, started)

        async def copy(lease: Lease) -> None:
            for first in range(0, len(past), FORK_BATCH):
                batch = past[first : first + FORK_BATCH]
                await self._store.log.append(
                    lease, [Draft(recorded.turn, recorded.event, past=True) for recorded in batch]
                )

        await self._engine.run(fork, copy)
        return await self.find(fork)

    async def delete(self, session: str) -> None:
        info = await self.find(session)
        await self._store.index.delete(info.id)
        self._states.pop(info.id, None)

    async def _past(self, original: SessionInfo, upto_turn: int | None) -> list[Recorded]:
        events = [recorded async for recorded in self._store.log.read(original.id, after=1)]
        ends = [
            index
            for index, recorded in enumerate(events)
            if isinstance(recorded.event, TurnFinished) and (upto_turn is None or recorded.turn <= upto_turn)
        ]
        if upto_turn is not None and not any(events[index].turn == upto_turn for index in ends):
            raise CherryError(
                storage.UNKNOWN_SESSION,
                f"Session {original.id} has no finished turn {upto_turn}",
                next_step=f"See its turns with `cherry sessions show {original.id}`.",
            )
        return events[: ends[-1] + 1] if ends else []

"""What the floors above need of storage. Each adapter passes the same contract tests (`tests/contract`)."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

from cherry.domain.events import Event, Recorded
from cherry.domain.limits import Budgets, Scope
from cherry.domain.sessions import SessionInfo, SessionMatch

STANDALONE = "rs"
"""Prefix of reservations for calls whose beginning no event tells."""


class Lease(NamedTuple):
    """The right to append to one session, until somebody takes it over.

    Once expired it can be taken over; as long as nobody has, it still writes and can be renewed.
    """

    session: str
    holder: str
    fence: int
    """Grows by one with every change of holder; an append with a smaller one than the log has seen is refused."""
    seconds: float
    """How long it holds without renewal."""


class Draft(NamedTuple):
    """An event to append."""

    turn: int
    event: Event
    past: bool = False
    """Copied from another log: what it cost was counted there and then, and is not counted again."""


class Amount(NamedTuple):
    usd: Decimal = Decimal(0)
    tokens: int = 0


class Standing(NamedTuple):
    """How an account stands."""

    spent: Amount = Amount()
    reserved: Amount = Amount()
    """By calls under way, in whatever process."""

    @property
    def usd(self) -> Decimal:
        return self.spent.usd + self.reserved.usd

    @property
    def tokens(self) -> int:
        return self.spent.tokens + self.reserved.tokens


class EventLog(Protocol):
    """Append-only events, one strictly ordered log per session.

    Guarantees: what `append` returned is on disk (it survives `kill -9` and power loss) · all events of one append or none ·
    `seq` has no gaps · an event whose deterministic id is already there is not written again and its record is returned ·
    readers never block the writer.

    A call that fails or is cancelled may be made again: what it did after all is recognised. Every call may raise
    CherryError(storage.NEWER_DATABASE, DAMAGED, IO, READ_ONLY); those that write also NO_SPACE and BUSY. After any of them the same
    object goes on working once the cause is gone.
    """

    async def create(self, session: str, first: Event) -> Recorded:
        """Start a log with its `session.started`, in turn 0. A repeat with the same session is a no-op that returns the first start."""
        ...

    async def acquire(self, session: str, holder: str, *, seconds: float) -> Lease:
        """Become the one writer. The same holder gets its own lease again with a higher fence, the old one is then stale.

        Raises CherryError(storage.SESSION_BUSY) while another holder's lease holds, storage.UNKNOWN_SESSION.
        `holder` comes from `cherry.storage.holders.holder_id`. A holder whose process on this machine is gone counts as gone at once,
        one whose process lives keeps its lease whatever the clock says; for holders on other machines `seconds` decide.
        """
        ...

    async def renew(self, lease: Lease) -> None:
        """Raises CherryError(storage.STALE_LEASE) when it was taken over."""
        ...

    async def release(self, lease: Lease) -> None:
        """Giving back a lease that is already lost is not an error."""
        ...

    async def append(self, lease: Lease, drafts: Sequence[Draft]) -> list[Recorded]:
        """The records in the order of the drafts, new ones and those that were there.

        Raises CherryError(storage.STALE_LEASE), BAD_EVENT for an event that could not be read again.
        """
        ...

    def read(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        """Events with seq > after up to the end the log has now, oldest first.

        Raises CherryError(storage.UNKNOWN_SESSION); DAMAGED or NEWER_DATABASE at the first event that cannot be read, after all before it.
        """
        ...

    async def last_seq(self, session: str) -> int:
        """Raises CherryError(storage.UNKNOWN_SESSION)."""
        ...


class SessionIndex(Protocol):
    """Finds sessions; drawn from the logs and kept up to date by `append` in the same transaction."""

    async def recent(self, *, workspace: str | None = None, limit: int = 100) -> list[SessionInfo]:
        """Newest first, by the last event."""
        ...

    async def find(self, prefix: str) -> SessionInfo:
        """By id or by an unambiguous beginning of it, with or without `s_`. Raises UNKNOWN_SESSION, AMBIGUOUS_SESSION."""
        ...

    async def search(self, text: str, *, workspace: str | None = None, limit: int = 50) -> list[SessionMatch]:
        """Events in which every word of `text` occurs, in any case, as a part of a word too; newest first.

        Looked at are what users and models said, the titles of tool calls and of sessions. No text breaks it; none finds nothing.
        """
        ...

    async def delete(self, session: str) -> None:
        """Remove the session and its events. Raises SESSION_BUSY while someone holds its lease, UNKNOWN_SESSION."""
        ...


class Ledger(Protocol):
    """What was spent, and what is set aside for calls under way: by session, by workspace (`project`), by local day.

    What was spent comes from the log alone: appending an event that has a cost counts it, in the same transaction, once, for the day
    on which it is appended. Guarantees of `reserve`: looking and setting aside are one transaction, so calls in any number of
    processes that all reserve before they are made never pass a budget together. Calls may raise as those of `EventLog` do.
    """

    async def standings(self, session: str) -> dict[Scope, Standing]:
        """Of every account this session spends from, now. Raises CherryError(storage.UNKNOWN_SESSION)."""
        ...

    async def reserve(
        self, id: str, session: str, wanted: Amount, budgets: Budgets, *, holder: str, seconds: float
    ) -> Scope | None:
        """Set aside what a call may cost at most; returns the budget that is too short instead, and then sets nothing aside.

        A reservation holds until `release`. When its holder is gone (a process on this machine when it has ended, any other after
        `seconds`) what it holds counts as spent: the call was under way, and nobody can say how much of it was paid. That lasts until
        `settle`; for the day it was made on, until its end. What `holder` is, see `EventLog.acquire`. The same `id` again replaces
        the earlier one. An empty session is none: only the day's account counts then.
        """
        ...

    async def settle(self, session: str) -> None:
        """Forget what dead holders reserved for this session. For its one writer, once its log says what their calls cost.

        What was reserved for a call that the log tells nothing of before its end (`STANDALONE` begins its id) is counted as spent.
        """
        ...

    async def charge(self, id: str, cost: Amount) -> None:
        """Count what a call without a session has cost today, and give back its reservation."""
        ...

    async def release(self, id: str) -> None:
        """After the cost was appended. One that is not there is no error."""
        ...


class Blobs(Protocol):
    """Large contents by hash, outside the log: whole tool outputs, file versions for undo."""

    async def put(self, data: bytes) -> str:
        """Returns `cherry.kernel.ids.content_hash(data)`; durable when it returns."""
        ...

    async def get(self, name: str) -> bytes:
        """Raises CherryError(storage.UNKNOWN_BLOB), DAMAGED when what is kept there is not what was put."""
        ...

    def path(self, name: str) -> Path | None:
        """Where it lies uncompressed as a file, if this store keeps it so."""
        ...


class Store(Protocol):
    """Everything one Cherry keeps."""

    @property
    def log(self) -> EventLog: ...
    @property
    def index(self) -> SessionIndex: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def blobs(self) -> Blobs: ...

    async def close(self) -> None: ...

"""What looking after a store needs beyond the ports: checking it without changing it, mending its index, taking in whole sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from cherry.domain.events import Recorded
from cherry.storage.ports import Store


class Finding(NamedTuple):
    """Something wrong with what is stored."""

    session: str
    """Empty when it concerns the whole database."""
    text: str
    about: Literal["log", "index", "newer", "content"] = "log"
    """What is wrong: events themselves · what a listing says of them, which can be drawn anew · nothing, but only a newer Cherry can
    read them · a content they speak of."""


class Report(NamedTuple):
    sessions: int
    events: int
    findings: tuple[Finding, ...]


class Bounds(NamedTuple):
    """How much is kept. None: no bound."""

    max_age_seconds: float | None = None
    """Since a session's last event."""
    max_bytes: int | None = None
    """Of everything: sessions, contents, logs. The oldest sessions go first."""


class Doomed(NamedTuple):
    """A session that is to go."""

    id: str
    title: str
    updated_at: float
    last_seq: int
    bytes: int
    """Of its events, and of contents nobody else speaks of; about."""


class Plan(NamedTuple):
    sessions: tuple[Doomed, ...] = ()
    blobs: int = 0
    """Contents that no session speaks of, besides those of the sessions that go."""
    blob_bytes: int = 0
    files: tuple[Path, ...] = ()
    """Old logs, and folders with what was put aside."""
    file_bytes: int = 0
    total: int = 0
    """What everything takes now."""
    in_use: int = 0
    """Sessions that would go if nobody worked on them."""
    kept_for: str = ""
    """Folder with what was put aside: as long as it is there, all contents stay. Empty when there is none."""

    @property
    def bytes(self) -> int:
        """By how much everything would become smaller; about."""
        return sum(doomed.bytes for doomed in self.sessions) + self.blob_bytes + self.file_bytes


class Pruned(NamedTuple):
    sessions: int
    blobs: int
    files: int
    bytes: int
    """By how much everything has become smaller."""


class Restored(NamedTuple):
    """A backup that was put in place."""

    made_at: float
    """When the backup was made."""
    cherry: str
    """By which version."""
    sessions: int
    events: int
    blobs: int
    placed: tuple[str, ...]
    """Settings and other small files that were put in place, as paths."""
    left: tuple[str, ...]
    """Small files that were there already and were left as they are."""
    aside: str
    """Folder with what was there before; empty when there was nothing."""


class KeptStore(Store, Protocol):
    """A store that can be looked after."""

    async def check(self) -> Report:
        """Read everything and compare it with what is known of it; changes nothing. Takes as long as reading all events."""
        ...

    async def rebuild(self) -> int:
        """Draw the index of sessions anew from their logs; returns how many sessions there are. Logs are not touched."""
        ...

    async def adopt(self, session: str, records: Sequence[Recorded]) -> None:
        """Take in the whole log of a session that was made elsewhere, with its numbers and times; all of it or nothing.

        What it cost was counted where it was made. Raises CherryError(storage.BAD_IMPORT) when there is such a session, BAD_EVENT, and as
        `EventLog.append`. `records` are in order, without gaps from 1.
        """
        ...

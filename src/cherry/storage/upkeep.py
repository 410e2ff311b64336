"""What looking after a store needs beyond the ports: checking it without changing it, mending its index, taking in whole sessions."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cherry.domain.events import Recorded
from cherry.storage.ports import Store


class Finding(NamedTuple):
    """Something wrong with what is stored."""

    session: str
    """Empty when it concerns the whole database."""
    text: str


class Report(NamedTuple):
    sessions: int
    events: int
    findings: tuple[Finding, ...]


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

"""What `cherry doctor` needs of a store beyond the ports: looking it over without changing it, and mending its index."""

from typing import NamedTuple, Protocol

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

"""Sessions as listed and found."""

from typing import NamedTuple

from cherry.domain.base import Value
from cherry.domain.usage import Cost, Usage


class SessionInfo(Value):
    """One row of a listing; everything in it can be told from the session's log again."""

    id: str
    workspace: str
    title: str
    model: str
    created_at: float
    updated_at: float
    turns: int
    last_seq: int
    usage: Usage = Usage()
    cost: Cost = Cost()
    open_turn: int = 0
    """Number of a turn that has started and not finished as done; 0 when there is none."""
    damaged: str = ""
    """Why the log cannot be read to its end; empty when it is whole."""


class SessionMatch(NamedTuple):
    """One hit of a search over sessions."""

    session: SessionInfo
    seq: int
    turn: int
    excerpt: str

"""Naming a session by its id or an unambiguous beginning of it: the same rule in every store."""

from collections.abc import Sequence

from cherry.domain.errors import CherryError, storage
from cherry.storage.searching import writable

_PREFIX = "s_"
SHOWN = 5
"""How many candidates an error names."""


def beginnings(prefix: str) -> tuple[str, ...]:
    """What the id may begin with, most literal first. Raises CherryError(storage.UNKNOWN_SESSION) when nothing was asked."""
    wanted = writable(prefix.strip())
    if not wanted.removeprefix(_PREFIX):
        raise CherryError(storage.UNKNOWN_SESSION, where=prefix)
    return (wanted,) if wanted.startswith(_PREFIX) else (wanted, _PREFIX + wanted)


def the_one(prefix: str, ids: Sequence[str]) -> str:
    """Raises CherryError(storage.UNKNOWN_SESSION, AMBIGUOUS_SESSION)."""
    exact = [id for id in ids if id in beginnings(prefix)]
    candidates = exact or ids
    if not candidates:
        raise CherryError(storage.UNKNOWN_SESSION, where=prefix)
    if len(candidates) > 1:
        shown = ", ".join(candidates[:SHOWN]) + (", …" if len(candidates) > SHOWN else "")
        raise CherryError(storage.AMBIGUOUS_SESSION, where=prefix, why=shown)
    return candidates[0]

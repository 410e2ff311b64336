"""What is counted as spent, and when a budget is short: the rules of the ledger, the same in every store. Pure.

Money is counted in whole billionths of a dollar, rounded up for each call, so that sums are exact. A day is the local one on the wall
clock. When that clock is set back, what was spent on days that are now to come counts as today's, and with the next call becomes
today's: a clock that jumps back gives nobody a fresh budget, and one that had jumped ahead does not use up the days in between. A
clock that jumps ahead begins a new day, as midnight does.
"""

import time
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Final, NamedTuple

from cherry.domain.events import AssistantMessage, Event, HistoryCompacted, StepFailed
from cherry.domain.limits import Budgets, Scope
from cherry.storage.holders import Tenure
from cherry.storage.ports import Amount, Standing

_PER_DOLLAR: Final = Decimal(1_000_000_000)
_MOST: Final = 2**53
"""Of either count, in one entry: far beyond any price, and sums of them stay far within what a database can add."""


class Counts(NamedTuple):
    """As a store keeps them."""

    nano: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, amount: Amount) -> "Counts":
        nano = (amount.usd * _PER_DOLLAR).to_integral_value(ROUND_CEILING)
        return cls(min(int(nano), _MOST), min(amount.tokens, _MOST))

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.nano + other.nano, self.tokens + other.tokens)

    @property
    def amount(self) -> Amount:
        return Amount(Decimal(self.nano) / _PER_DOLLAR, self.tokens)


def spent_by(event: Event) -> Counts | None:
    """None for events that cost nothing."""
    if not isinstance(event, AssistantMessage | StepFailed | HistoryCompacted):
        return None
    counts = Counts.of(Amount(event.cost.usd, event.usage.total_tokens))
    return counts if any(counts) else None


class Reservation(NamedTuple):
    """As a store keeps it."""

    id: str
    session: str
    workspace: str
    counts: Counts
    tenure: Tenure

    def is_for(self, scope: Scope, name: str, *, dead: bool) -> bool:
        """Whether it counts for this account. A call of yesterday that was cut short is not of today."""
        if scope == "day":
            return not dead or local_day(self.tenure.renewed_at) >= name
        return name != "" and name == (self.session if scope == "session" else self.workspace)


def standing_of(scope: Scope, name: str, spent: Counts, reservations: Iterable[Reservation], *, now: float) -> Standing:
    """What the dead have reserved counts as spent."""
    reserved = Counts()
    for one in reservations:
        dead = not one.tenure.holds(now)
        if one.is_for(scope, name, dead=dead):
            spent, reserved = (spent.plus(one.counts), reserved) if dead else (spent, reserved.plus(one.counts))
    return Standing(spent.amount, reserved.amount)


def shortage(budgets: Budgets, standings: Mapping[Scope, Standing], wanted: Amount) -> Scope | None:
    """The first budget that does not hold so much more."""
    for scope in budgets.scopes:
        allowed, standing = budgets.of(scope), standings[scope]
        if allowed.usd is not None and standing.usd + wanted.usd > allowed.usd:
            return scope
        if allowed.tokens is not None and standing.tokens + wanted.tokens > allowed.tokens:
            return scope
    return None


def local_day(now: float) -> str:
    """`2026-11-21`; days compare as text. A time no calendar knows counts as the first day."""
    try:
        return time.strftime("%Y-%m-%d", time.localtime(now))
    except (OverflowError, ValueError, OSError):
        return "0000-00-00"

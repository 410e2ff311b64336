"""Bounds of one turn, and of what many turns may spend together."""

from decimal import Decimal
from typing import Final, Literal

from cherry.domain.base import Value

Scope = Literal["session", "project", "day"]
"""What money and tokens are counted for, beyond a turn."""
SCOPES: Final[tuple[Scope, ...]] = ("session", "project", "day")


class TurnLimits(Value):
    """None means no bound of that kind; steps and time are never without one."""

    max_steps: int = 100
    """Model calls in one turn."""
    max_seconds: float = 3600.0
    """Wall time, measured on the monotonic clock while the turn runs; waiting for a person does not count."""
    max_cost_usd: Decimal | None = None
    max_tokens: int | None = None
    """Tokens sent and received, summed over the turn's model calls."""


class Allowance(Value):
    """What may be spent from one account; None means no bound of that kind."""

    usd: Decimal | None = None
    tokens: int | None = None

    @property
    def bounds(self) -> bool:
        """Whether it bounds anything."""
        return self.usd is not None or self.tokens is not None


class Budgets(Value):
    """Bounds beyond a turn. What a session or a project spent is counted for good, a day begins anew at local midnight."""

    session: Allowance = Allowance()
    project: Allowance = Allowance()
    """All sessions of one workspace."""
    day: Allowance = Allowance()
    """All sessions of this user, whatever the workspace."""

    def of(self, scope: Scope) -> Allowance:
        allowance: Allowance = getattr(self, scope)
        return allowance

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Those that bound anything."""
        return tuple(scope for scope in SCOPES if self.of(scope).bounds)

"""Bounds of one turn."""

from decimal import Decimal

from cherry.domain.base import Value


class TurnLimits(Value):
    """None means no bound of that kind; steps and time are never without one."""

    max_steps: int = 100
    """Model calls in one turn."""
    max_seconds: float = 3600.0
    """Wall time, measured on the monotonic clock while the turn runs; waiting for a person does not count."""
    max_cost_usd: Decimal | None = None
    max_tokens: int | None = None
    """Tokens sent and received, summed over the turn's model calls."""

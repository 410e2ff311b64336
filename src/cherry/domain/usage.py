"""Tokens and money."""

from decimal import Decimal

from cherry.domain.base import Value

ZERO = Decimal(0)


class Usage(Value):
    """Tokens of one model call or a sum of several, as the provider counted them.

    The four counts do not overlap: `input_tokens` are those neither read from nor written to a cache.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    """Includes reasoning tokens."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    """The part of `output_tokens` spent on reasoning, where the provider says so."""
    estimated: bool = False
    """True when the provider did not report and Cherry counted itself."""

    @property
    def prompt_tokens(self) -> int:
        """Everything that was sent, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


class Cost(Value):
    """US dollars. `known` is False when no price is on record for the model: the amount is then a lower bound."""

    usd: Decimal = ZERO
    known: bool = True

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(usd=self.usd + other.usd, known=self.known and other.known)

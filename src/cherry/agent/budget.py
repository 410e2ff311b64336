"""Money and tokens: the price of a call is reserved before it is made, so a bound is never passed. Pure.

A bound may stand for the turn or for what many turns share; a call must fit what is left of each.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from cherry.domain.errors import CherryError, ErrorKind, gateway, run
from cherry.domain.limits import TurnLimits
from cherry.domain.prompts import Prompt
from cherry.domain.usage import Cost, Usage
from cherry.gateway.port import Gateway

ESTIMATE_MARGIN = Decimal("1.25")
"""Token counts are estimates made offline; what is reserved covers their stated error."""

LEAST_USEFUL_OUTPUT = 256
"""Tokens. An answer that may not be longer than this is not worth its prompt."""

WARN_SHARE = Decimal("0.8")
"""From this share of a bound on, a person is told."""
TIGHT_SHARE = Decimal("0.5")
"""The same when an answer can no longer be as long as it might: calls that are dear beside the bound end it long before the rest."""


class Bound(NamedTuple):
    """How much may be spent, and how much is."""

    whose: str
    """As in a sentence: `the turn`, `this session`."""
    usd: Decimal | None
    tokens: int | None
    spent: Decimal
    used: int
    too_dear: ErrorKind
    too_long: ErrorKind
    dearer: str = ""
    """What to do to spend more money; empty: as the catalogue says."""
    longer: str = ""

    def warning(self, *, tight: bool = False) -> str:
        """What a person is told once the bound is near; empty before. `tight`: the next answer had to be bounded to fit."""
        share = TIGHT_SHARE if tight else WARN_SHARE
        if self.usd is not None and self.spent >= self.usd * share:
            return f"${self.spent:.2f} of the ${self.usd} that {self.whose} may cost are spent."
        if self.tokens is not None and self.used >= self.tokens * share:
            return f"{self.used:,} of the {self.tokens:,} tokens that {self.whose} may take are used."
        return ""


class Reserved(NamedTuple):
    prompt: Prompt
    """The prompt as it may be sent: its answer perhaps bounded tighter."""
    ceiling: Cost
    tokens: int
    """The most it can take, prompt and answer."""
    tight: tuple[Bound, ...] = ()
    """Those that bounded the answer."""


def bound_of_turn(limits: TurnLimits, *, spent: Cost, used: Usage) -> Bound:
    return Bound(
        "the turn",
        limits.max_cost_usd,
        limits.max_tokens,
        spent.usd,
        used.total_tokens,
        run.COST_LIMIT,
        run.TOKEN_LIMIT,
    )


def reserve(prompt: Prompt, prompt_tokens: int, *, bounds: Sequence[Bound], gateway: Gateway) -> Reserved:
    """Bound the answer so that the call fits what is left of the money and tokens of every bound.

    Raises CherryError(run.UNPRICED) and what the bounds name when no useful answer fits.
    """
    padded = int(prompt_tokens * ESTIMATE_MARGIN)
    tight = []
    for bound in bounds:
        bounded = _within_money(_within_tokens(prompt, padded, bound), padded, bound, gateway)
        tight += [bound] if bounded.max_output_tokens != prompt.max_output_tokens else []
        prompt = bounded
    ceiling = gateway.price_ceiling(prompt, padded)
    return Reserved(prompt, ceiling, padded + (prompt.max_output_tokens or 0), tuple(tight))


def cost_of_failure(error: CherryError, ceiling: Cost, *, streamed: bool) -> Cost:
    """A stream that broke off was paid for as far as it went; how far the provider does not say, so the reservation counts."""
    return ceiling if streamed or error.kind in (gateway.CUT_STREAM, gateway.ANSWER_TOO_LONG) else Cost()


def _within_tokens(prompt: Prompt, padded: int, bound: Bound) -> Prompt:
    if bound.tokens is None:
        return prompt
    left = bound.tokens - bound.used - padded
    if left < LEAST_USEFUL_OUTPUT:
        raise CherryError(
            bound.too_long,
            f"The next model call could pass the {bound.tokens:,} tokens that {bound.whose} may take",
            why=f"{bound.used:,} are used or reserved and the prompt needs up to {padded:,}",
            next_step=bound.longer,
        )
    return prompt._replace(max_output_tokens=min(prompt.max_output_tokens or left, left))


def _within_money(prompt: Prompt, padded: int, bound: Bound, gateway: Gateway) -> Prompt:
    if bound.usd is None:
        return prompt
    left = bound.usd - bound.spent
    ceiling = gateway.price_ceiling(prompt, padded)
    if not ceiling.known:
        raise CherryError(
            run.UNPRICED, f"{_capital(bound.whose)} may cost ${bound.usd}, but the price of {prompt.model} is not known"
        )
    if ceiling.usd <= left:
        return prompt
    shortest = gateway.price_ceiling(prompt._replace(max_output_tokens=1), padded).usd
    per_answer_token = (ceiling.usd - shortest) / max(1, (prompt.max_output_tokens or 2) - 1)
    affordable = 1 + int((left - shortest) / per_answer_token) if per_answer_token > 0 and left > shortest else 0
    if affordable < LEAST_USEFUL_OUTPUT:
        raise CherryError(
            bound.too_dear,
            f"The next model call could pass the ${bound.usd} that {bound.whose} may cost",
            why=f"${bound.spent:.4f} is spent or reserved and the prompt alone can cost ${shortest:.4f}",
            next_step=bound.dearer,
        )
    return prompt._replace(max_output_tokens=affordable)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

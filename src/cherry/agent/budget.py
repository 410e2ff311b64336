"""Money and tokens of a turn: the price of a call is reserved before it is made, so a bound is never passed."""

from decimal import Decimal
from typing import NamedTuple

from cherry.domain.errors import CherryError, run
from cherry.domain.limits import TurnLimits
from cherry.domain.prompts import Prompt
from cherry.domain.usage import Cost, Usage
from cherry.gateway.port import Gateway

ESTIMATE_MARGIN = Decimal("1.25")
"""Token counts are estimates made offline; what is reserved covers their stated error."""

LEAST_USEFUL_OUTPUT = 256
"""Tokens. An answer that may not be longer than this is not worth its prompt."""


class Reserved(NamedTuple):
    prompt: Prompt
    """The prompt as it may be sent: its answer perhaps bounded tighter."""
    ceiling: Cost


def reserve(
    prompt: Prompt, prompt_tokens: int, *, limits: TurnLimits, spent: Cost, used: Usage, gateway: Gateway
) -> Reserved:
    """Bound the answer so that the call fits what is left of the turn's money and tokens.

    Raises CherryError(run.COST_LIMIT, run.TOKEN_LIMIT, run.UNPRICED) when no useful answer fits.
    """
    padded = int(prompt_tokens * ESTIMATE_MARGIN)
    prompt = _within_tokens(prompt, padded, limits, used)
    if limits.max_cost_usd is None:
        return Reserved(prompt, gateway.price_ceiling(prompt, padded))
    return _within_money(prompt, padded, limits.max_cost_usd, spent, gateway)


def _within_tokens(prompt: Prompt, padded: int, limits: TurnLimits, used: Usage) -> Prompt:
    if limits.max_tokens is None:
        return prompt
    left = limits.max_tokens - used.total_tokens - padded
    if left < LEAST_USEFUL_OUTPUT:
        raise CherryError(
            run.TOKEN_LIMIT,
            f"The next model call would pass the limit of {limits.max_tokens:,} tokens",
            why=f"{used.total_tokens:,} are used and the prompt needs up to {padded:,}",
        )
    return prompt._replace(max_output_tokens=min(prompt.max_output_tokens or left, left))


def _within_money(prompt: Prompt, padded: int, limit: Decimal, spent: Cost, gateway: Gateway) -> Reserved:
    left = limit - spent.usd
    ceiling = gateway.price_ceiling(prompt, padded)
    if not ceiling.known:
        raise CherryError(
            run.UNPRICED, f"A cost limit of ${limit} is set, but the price of {prompt.model} is not known"
        )
    if ceiling.usd <= left:
        return Reserved(prompt, ceiling)
    shortest = gateway.price_ceiling(prompt._replace(max_output_tokens=1), padded).usd
    per_answer_token = (ceiling.usd - shortest) / max(1, (prompt.max_output_tokens or 2) - 1)
    affordable = 1 + int((left - shortest) / per_answer_token) if per_answer_token > 0 and left > shortest else 0
    if affordable < LEAST_USEFUL_OUTPUT:
        raise CherryError(
            run.COST_LIMIT,
            f"The next model call could pass the limit of ${limit}",
            why=f"${spent.usd:.4f} is spent and the prompt alone can cost ${shortest:.4f}",
        )
    bounded = prompt._replace(max_output_tokens=affordable)
    return Reserved(bounded, gateway.price_ceiling(bounded, padded))

"""What is known of models, and what calls cost: exact arithmetic on facts kept as data (`data/models.json`).

The file is read when first asked for (about 1 ms). A model nobody knows has no facts and a cost that is marked unknown;
nothing is guessed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from cherry.domain.prompts import ModelRef
from cherry.domain.usage import ZERO, Cost, Usage
from cherry.gateway.port import ModelFacts
from cherry.gateway.settings import PriceSetting

DATA: Final = Path(__file__).parent / "data" / "models.json"
FREE: Final = "free"
"""As the name of a price list: calls cost nothing, the server is the user's own."""

_MILLION: Final = Decimal(1_000_000)
_VARIANT: Final = re.compile(r"(?:[-:]latest|@[\w.-]+|-\d{4}-\d\d-\d\d|-\d{8}|-\d{4})$", re.ASCII)


class Price(NamedTuple):
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def of(self, usage: Usage) -> Decimal:
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        ) / _MILLION


class Known(NamedTuple):
    """One row of the data."""

    facts: ModelFacts = ModelFacts()
    reasoning: bool | None = None
    sampling: bool = True
    """False: the model refuses a temperature."""
    price: Price | None = None
    tiers: tuple[tuple[int, Price], ...] = ()
    """With a prompt of more tokens than that, the whole call costs this."""
    hours: tuple[tuple[str, str, Price], ...] = ()
    """Between these times of the day (UTC) it costs this."""

    def price_for(self, prompt_tokens: int, time_of_day: str) -> Price | None:
        for start, end, price in self.hours:
            if time_of_day and _between(start, time_of_day, end):
                return price
        reached = [price for tokens, price in self.tiers if prompt_tokens > tokens]
        return reached[-1] if reached else self.price

    def highest(self, prompt_tokens: int) -> Price | None:
        """The most that could be asked for such a prompt at any time of the day."""
        prices = [price for _, _, price in self.hours]
        if price := self.price_for(prompt_tokens, ""):
            prices.append(price)
        return max(prices, key=lambda price: price.output + price.input, default=None)


_UNKNOWN: Final = Known()
_NOTHING: Final = Price(ZERO, ZERO, ZERO, ZERO)


class Prices:
    """Facts and prices by provider and model. `lists` tells which price list a provider uses when it is not its own."""

    def __init__(
        self,
        overrides: Mapping[str, PriceSetting],
        *,
        now: Callable[[], float],
        lists: Mapping[str, str] | None = None,
        data: Path = DATA,
    ) -> None:
        self._overrides = overrides
        self._now = now
        self._lists = lists or {}
        self._data = data
        self._providers: Mapping[str, Mapping[str, Any]] | None = None
        self._aliases: dict[tuple[str, str], str] = {}
        self._found: dict[ModelRef, Known] = {}

    def known(self, model: ModelRef) -> Known:
        known = self._found.get(model)
        if known is None:
            known = self._found[model] = self._looked_up(model)
        return known

    def cost(self, model: ModelRef, usage: Usage) -> Cost:
        price = self.known(model).price_for(usage.prompt_tokens, self._time_of_day())
        return Cost(usd=price.of(usage)) if price else Cost(known=False)

    def ceiling(self, model: ModelRef, prompt_tokens: int, output_tokens: int | None) -> Cost:
        """The most a call may cost: no token of the prompt cached, each perhaps written to the cache, the whole output used."""
        price = self.known(model).highest(prompt_tokens)
        if price is None or (output_tokens is None and price.output):
            return Cost(known=False)
        prompt = max(price.input, price.cache_write) * prompt_tokens
        return Cost(usd=(prompt + price.output * (output_tokens or 0)) / _MILLION)

    def has(self, provider: str, model: str) -> bool:
        """Whether the price list of a provider names the model."""
        return self._name(self._lists.get(provider, provider), model) is not None

    def _looked_up(self, model: ModelRef) -> Known:
        listed = self._lists.get(model.provider, model.provider)
        name = self._name(listed, model.model)
        known = _row(self._loaded()[listed][name]) if name else _UNKNOWN
        if listed == FREE:
            known = known._replace(price=_NOTHING)
        if override := self._override(model):
            known = known._replace(price=override, tiers=(), hours=())
        return known._replace(facts=known.facts._replace(priced=known.price is not None))

    def _name(self, provider: str, model: str) -> str | None:
        """The name under which the data knows a model: its own, an alias, or what is left without `-latest` or a date."""
        models = self._loaded().get(provider)
        if models is None:
            return None
        candidate = model.lower()
        for _ in range(3):
            if candidate in models:
                return candidate
            if alias := self._aliases.get((provider, candidate)):
                return alias
            shorter = _VARIANT.sub("", candidate)
            if shorter == candidate:
                return None
            candidate = shorter
        return None

    def _override(self, model: ModelRef) -> Price | None:
        names = (str(model), model.model)
        setting = next((self._overrides[name] for name in names if name in self._overrides), None)
        if setting is None:
            fitting = [
                pattern
                for pattern in self._overrides
                if pattern.endswith("*") and any(name.startswith(pattern[:-1]) for name in names)
            ]
            setting = self._overrides[max(fitting, key=len)] if fitting else None
        return _price(setting.input, setting.output, setting.cache_read, setting.cache_write) if setting else None

    def _loaded(self) -> Mapping[str, Mapping[str, Any]]:
        if self._providers is None:
            providers: Mapping[str, Mapping[str, Any]] = orjson.loads(self._data.read_bytes())["providers"]
            self._aliases = {
                (provider, alias): name
                for provider, models in providers.items()
                for name, row in models.items()
                for alias in row.get("aliases", ())
            }
            self._providers = providers
        return self._providers

    def _time_of_day(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).strftime("%H:%M")


def _between(start: str, time_of_day: str, end: str) -> bool:
    """Also over midnight."""
    return start <= time_of_day < end if start < end else time_of_day >= start or time_of_day < end


def _row(row: Mapping[str, Any]) -> Known:
    return Known(
        facts=ModelFacts(row.get("window"), row.get("output"), row.get("images"), row.get("tools")),
        reasoning=row.get("reasoning"),
        sampling=row.get("sampling", True),
        price=_listed(row["price"]) if "price" in row else None,
        tiers=tuple((tokens, _listed(price)) for tokens, price in row.get("tiers", ())),
        hours=tuple((start, end, _listed(price)) for start, end, price in row.get("hours", ())),
    )


def _listed(row: list[str | None]) -> Price:
    prices = [None if price is None else Decimal(price) for price in row]
    return _price(prices[0] or ZERO, prices[1] or ZERO, prices[2], prices[3])


def _price(input_: Decimal, output: Decimal, cache_read: Decimal | None, cache_write: Decimal | None) -> Price:
    """What has no price of its own costs like input."""
    return Price(
        input_, output, input_ if cache_read is None else cache_read, input_ if cache_write is None else cache_write
    )

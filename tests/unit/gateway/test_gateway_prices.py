"""Facts and prices: exact sums, and no guess about a model nobody knows."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from cherry.domain.prompts import ModelRef
from cherry.domain.usage import Cost, Usage
from cherry.gateway.prices import DATA, Prices
from cherry.gateway.settings import PriceSetting

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()


def prices(*, at: float = NOON, lists: dict[str, str] | None = None, **overrides: PriceSetting) -> Prices:
    return Prices(
        {name.replace("__", "/"): setting for name, setting in overrides.items()}, now=lambda: at, lists=lists
    )


def setting(input_: str, output: str, **more: str) -> PriceSetting:
    return PriceSetting(
        input=Decimal(input_), output=Decimal(output), **{name: Decimal(value) for name, value in more.items()}
    )


def test_a_cost_is_exact_to_the_last_digit() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=333, cache_read_tokens=7, cache_write_tokens=11)
    cost = prices().cost(ModelRef("anthropic", "claude-opus-5-5"), usage)
    # 1,000 at 4, 333 at 20, 7 at 0.2 and 11 at 5 dollars a million
    assert cost == Cost(usd=Decimal("0.0107164"))


@pytest.mark.parametrize(
    "name", ["gpt-5", "GPT-5", "gpt-5-2025-08-07", "gpt-5-latest", "gpt-5:latest", "gpt-5-20250807", "gpt-5@20250807"]
)
def test_a_model_is_found_with_a_date_or_latest_behind_it(name: str) -> None:
    assert prices().known(ModelRef("openai", name)) == prices().known(ModelRef("openai", "gpt-5"))
    assert prices().known(ModelRef("openai", name)).facts.context_window == 400_000


def test_no_other_beginning_counts() -> None:
    assert not prices().cost(ModelRef("openai", "gpt-5-nobody-knows"), Usage(input_tokens=1)).known
    mini, plain = (prices().known(ModelRef("openai", name)).price for name in ("gpt-5-mini", "gpt-5"))
    assert mini != plain


def test_an_alias_is_the_same_model() -> None:
    dated = prices().known(ModelRef("anthropic", "claude-opus-4-20250514"))
    assert dated == prices().known(ModelRef("anthropic", "claude-opus-4-0"))
    assert dated.price


def test_an_unknown_model_has_no_facts_and_an_unknown_cost() -> None:
    for ref in (ModelRef("openai", "wonder-1"), ModelRef("nobody", "gpt-5")):
        assert prices().cost(ref, Usage(input_tokens=9)) == Cost(known=False)
        facts = prices().known(ref).facts
        assert (facts.context_window, facts.images, facts.priced) == (None, None, False)


def test_a_long_prompt_costs_its_tier_in_whole() -> None:
    ref = ModelRef("openai", "gpt-6.1-sol")
    assert prices().cost(ref, Usage(input_tokens=272_000)) == Cost(usd=Decimal("0.544"))
    assert prices().cost(ref, Usage(input_tokens=272_001, output_tokens=1)) == Cost(usd=Decimal("1.088019"))


def test_the_hour_of_the_day_counts_where_a_provider_says_so() -> None:
    ref, usage = ModelRef("deepseek", "deepseek-flash"), Usage(input_tokens=1_000_000)
    peak = datetime(2026, 11, 20, 1, 0, tzinfo=UTC).timestamp()
    assert prices().cost(ref, usage).usd * 2 == prices(at=peak).cost(ref, usage).usd
    assert prices().ceiling(ref, 1_000_000, 0) == prices(at=peak).cost(ref, usage)


def test_a_ceiling_is_never_below_what_a_call_costs() -> None:
    for ref in (
        ModelRef("anthropic", "claude-opus-5-5"),
        ModelRef("openai", "gpt-6.1-sol"),
        ModelRef("qwen", "qwen3-coder-plus"),
    ):
        ceiling = prices().ceiling(ref, 300_000, 1_000).usd
        for parts in ((300_000, 0, 0), (0, 300_000, 0), (0, 0, 300_000), (100_000, 100_000, 100_000)):
            usage = Usage(
                input_tokens=parts[0], cache_read_tokens=parts[1], cache_write_tokens=parts[2], output_tokens=1_000
            )
            assert prices().cost(ref, usage).usd <= ceiling


def test_a_ceiling_without_a_bound_on_the_answer_is_unknown() -> None:
    assert prices().ceiling(ModelRef("openai", "gpt-5"), 100, None) == Cost(known=False)


def test_the_configuration_has_the_last_word_on_prices() -> None:
    made = prices(openai__gpt_5=setting("1", "1"), **{"gpt-5": setting("3", "4", cache_read="0.5")})
    assert made.cost(ModelRef("openai", "gpt-5"), Usage(input_tokens=1_000_000)).usd == 3
    assert made.cost(ModelRef("openai", "gpt-5"), Usage(cache_read_tokens=1_000_000)).usd == Decimal("0.5")
    assert made.cost(ModelRef("openai", "gpt-5"), Usage(cache_write_tokens=1_000_000)).usd == 3
    assert made.known(ModelRef("openai", "gpt-5")).facts.context_window == 400_000


def test_a_star_in_the_configuration_stands_for_any_ending_and_the_longest_wins() -> None:
    made = prices(**{"mine/*": setting("1", "1"), "mine/big-*": setting("2", "2")})
    assert made.cost(ModelRef("mine", "small"), Usage(input_tokens=1_000_000)).usd == 1
    assert made.cost(ModelRef("mine", "big-7b"), Usage(input_tokens=1_000_000)).usd == 2
    assert made.known(ModelRef("mine", "small")).facts.priced


def test_a_server_of_ones_own_costs_nothing_and_that_is_known() -> None:
    made = prices(lists={"ollama": "free", "proxy": "openai"})
    assert made.cost(ModelRef("ollama", "qwen3"), Usage(input_tokens=10**9)) == Cost()
    assert made.ceiling(ModelRef("ollama", "qwen3"), 10**9, None) == Cost()
    assert made.cost(ModelRef("proxy", "gpt-5"), Usage(input_tokens=1_000_000)).usd == Decimal("1.25")


def test_the_data_says_its_source_and_date_and_every_row_can_be_read() -> None:
    data = orjson.loads(DATA.read_bytes())
    assert data["format"] == 1
    assert data["source"]
    datetime.strptime(data["date"], "%Y-%m-%d").replace(tzinfo=UTC)
    made = prices()
    for provider, models in data["providers"].items():
        for model in models:
            known = made.known(ModelRef(provider, model))
            assert known.price is None or known.price.output >= 0
            assert known.facts.context_window is None or known.facts.context_window > 0
    assert DATA.stat().st_size < 100_000

"""4.2 Tokens are taken for a quarter of the letters: prompts overflow, and costs are wrong."""

from pathlib import Path

import orjson

from cherry.gateway.tokens import family_of, text_tokens
from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, Tokens, answer

VECTORS = orjson.loads((Path(__file__).parents[2] / "unit" / "gateway" / "token_vectors.json").read_bytes())
"""Texts with their exact counts by published vocabularies."""


def naive_tokens(text: str) -> int:
    return len(text) // 4


def off_by(count: int, exact: int) -> float:
    return abs(count / exact - 1)


def test_naively_some_texts_are_counted_as_half_of_what_they_are() -> None:
    assert max(off_by(naive_tokens(one["text"]), one["tokens"]["o200k"]) for one in VECTORS) > 0.4


def test_every_kind_of_text_is_counted_within_the_error_that_is_stated() -> None:
    family = family_of("gpt-5")
    assert max(off_by(text_tokens(one["text"], family), one["tokens"]["o200k"]) for one in VECTORS) <= 0.25


def test_what_the_provider_counted_is_what_is_paid_and_shown(cherry: Program) -> None:
    prices = {"CHERRY_GATEWAY__PRICES": '{"openai/test": {"input": 2, "output": 10}}'}
    with provider(Script(answer("Done.", tokens=Tokens(input=100_000, output=5_000)))) as double:
        ended = cherry.run("run", "--json", "go", double=double, environ=prices)
        assert (ended.end["tokens"], ended.end["cost_usd"]) == (105_000, "0.25")

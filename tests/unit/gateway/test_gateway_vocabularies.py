"""Exact counts: against the published vectors, loaded only when a prompt is worth it, and never in anybody's way."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.content import FromUser, TextPart
from cherry.domain.prompts import ModelRef, Prompt
from cherry.gateway.tokens import EXACT_FROM, TokenCounter, family_of, text_tokens
from cherry.gateway.vocabularies import PACKAGE, Count, Vocabularies, load_count

VECTORS: list[dict[str, Any]] = orjson.loads((Path(__file__).parent / "token_vectors.json").read_bytes())


def prompt(text: str, model: str = "gpt-5") -> Prompt:
    return Prompt(ModelRef("openai", model), "Be good.", (FromUser(parts=(TextPart(text=text),)),))


LONG = "some words " * EXACT_FROM
SHORT = "some words"


@pytest.mark.parametrize(("name", "key"), [("o200k_base", "o200k"), ("cl100k_base", "cl100k")])
def test_the_counts_are_those_of_the_published_vocabularies(name: str, key: str) -> None:
    count = load_count(name)
    assert count is not None
    assert [count(vector["text"]) for vector in VECTORS] == [vector["tokens"][key] for vector in VECTORS]


@pytest.fixture(scope="module")
def o200k() -> Count:
    count = load_count("o200k_base")
    assert count is not None
    return count


def test_any_text_has_an_exact_count(o200k: Count) -> None:
    @given(st.text(st.characters(), max_size=300))
    def has_one(text: str) -> None:
        assert 0 <= o200k(text) <= 4 * len(text)

    has_one()
    assert o200k("a\ud800b") > 0
    assert o200k("<|endoftext|>") > 1, "a special token's name in a text is text"


@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "!" * 1_000_000, "中" * 500_000])
def test_a_megabyte_of_one_letter_is_counted_at_once(o200k: Count, text: str) -> None:
    started = time.process_time()
    o200k(text)
    assert time.process_time() - started < 15


def test_a_long_prompt_is_counted_exactly_once_the_vocabulary_is_there() -> None:
    gate = threading.Event()
    vocabularies = Vocabularies(lambda name: len if gate.wait(30) else None)
    counter = TokenCounter(vocabularies)
    estimated = counter.count(prompt(LONG))
    gate.set()
    vocabularies.wait(10)
    counter.count(prompt(LONG))
    exact = counter.count(prompt(LONG))
    assert exact == pytest.approx(len(LONG), abs=30)
    assert estimated < exact / 2
    assert counter.text("four", ModelRef("openai", "gpt-5")) == 4


def test_a_short_prompt_and_a_model_without_a_vocabulary_load_nothing() -> None:
    asked: list[str] = []
    vocabularies = Vocabularies(asked.append)
    counter = TokenCounter(vocabularies)
    for text, model in ((SHORT, "gpt-5"), (LONG, "claude-opus-5-5"), (LONG, "deepseek-chat"), (LONG, "unknown")):
        counter.count(prompt(text, model))
    vocabularies.wait(10)
    assert asked == []


def test_counting_does_not_wait_for_the_vocabulary() -> None:
    gate = threading.Event()

    def slowly(name: str) -> Count | None:
        gate.wait(30)
        return len

    vocabularies = Vocabularies(slowly)
    counter = TokenCounter(vocabularies)
    estimated = counter.count(prompt(LONG))
    assert counter.count(prompt(LONG)) == estimated
    gate.set()
    vocabularies.wait(10)


def test_without_the_package_the_estimate_serves() -> None:
    vocabularies = Vocabularies(lambda name: None)
    counter = TokenCounter(vocabularies)
    first = counter.count(prompt(LONG))
    vocabularies.wait(10)
    assert counter.count(prompt(LONG)) == first
    assert load_count("no_such_vocabulary") is None


def test_what_the_provider_reported_of_estimates_does_not_correct_exact_counts() -> None:
    gate = threading.Event()
    vocabularies = Vocabularies(lambda name: len if gate.wait(30) else None)
    counter = TokenCounter(vocabularies)
    counter.learn(prompt(LONG), 2 * counter.count(prompt(LONG)))
    gate.set()
    vocabularies.wait(10)
    counter.count(prompt(LONG))
    assert counter.count(prompt(LONG)) == pytest.approx(len(LONG), abs=30)
    counter.learn(prompt(LONG), round(len(LONG) * 1.1))
    assert counter.count(prompt(LONG)) == pytest.approx(len(LONG) * 1.1, rel=0.01)


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("openai/gpt-5", "o200k_base"),
        ("o3", "o200k_base"),
        ("qwen3", ""),
        ("something", ""),
    ],
)
def test_the_vocabulary_of_a_model(model: str, vocabulary: str) -> None:
    assert family_of(model).vocabulary == vocabulary


def test_the_estimates_error_beside_the_exact_count(o200k: Count) -> None:
    whole = "\n".join(vector["text"] for vector in VECTORS)
    assert abs(text_tokens(whole, family_of("gpt-5")) / o200k(whole) - 1) < 0.05


def test_starting_cherry_does_not_import_the_package() -> None:
    code = f"import sys, cherry.gateway.gateway; sys.exit({PACKAGE!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

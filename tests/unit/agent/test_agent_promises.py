"""Answers that only promise, and answers that only look so."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cherry.agent.promises import announces_action

CORPUS: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "answers" / "promises.yaml").read_text("utf-8")
)
REPORT = "I changed `src/app.py` so that the retry starts at once.\n\n"


@pytest.mark.parametrize("answer", CORPUS["announced"])
def test_an_announcement_at_the_end_is_seen(answer: str) -> None:
    assert announces_action(answer)
    assert announces_action(REPORT + answer)


@pytest.mark.parametrize("answer", CORPUS["final"])
def test_a_last_word_is_never_taken_for_an_announcement(answer: str) -> None:
    assert not announces_action(answer)
    assert not announces_action(REPORT + answer)


@pytest.mark.parametrize("announced", CORPUS["announced"])
@pytest.mark.parametrize("last", ["All 14 tests pass.", "Is that right?", "You could add a test next."])
def test_only_the_last_sentence_counts(announced: str, last: str) -> None:
    assert not announces_action(f"{announced}\n\n{last}")


def test_there_are_many_samples_of_both() -> None:
    assert len(CORPUS["announced"]) >= 60
    assert len(CORPUS["final"]) >= 60


@given(st.text(max_size=2_000))
def test_any_text_can_be_judged(text: str) -> None:
    announces_action(text)


def test_a_long_answer_costs_no_more_than_its_end() -> None:
    assert announces_action("word " * 2_000_000 + "\n\nLet me run the tests.")

"""What is kept of the user's words: within the bound, rules before talk, the oldest first."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.context.words import MAX_TEXT, kept_words, said

CHATTER = st.sampled_from(["go on", "thanks", "and now the docs", "hm", "look at it again please", "x" * 900])
RULES = st.integers(0, 10_000).map(lambda number: f"Never touch file{number}.txt.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Never push to main.",
        "You must ask before you delete.",
        "Please don't reformat the code.",
        "do not use print",
        "Use tabs.",
        "Only change files in src",
        "from now on answer in French",
        "We decided on SQLite.",
        "The build should stay under 10 s",
        "Ändere niemals die Tests!",
        "Nutze nur die Standardbibliothek.",
        "N'utilisez jamais print.",
        "No uses nunca print.",
        "Никогда не трогай тесты",
        "不要删除文件",
        "必ずテストを実行してください",
        "절대 지우지 마세요",
    ],
)
def test_a_sentence_that_states_a_rule_is_seen_as_one(sentence: str) -> None:
    assert said(1, f"Hello. {sentence}\nBye.").rules == (sentence,)


@pytest.mark.parametrize(
    "sentence", ["Add a --json flag to the report.", "go on", "What does this do?", "Danke, weiter so!"]
)
def test_plain_requests_are_no_rules(sentence: str) -> None:
    assert said(1, sentence).rules == ()


@given(st.lists(st.one_of(CHATTER, RULES, st.tuples(CHATTER, RULES).map(" ".join)), max_size=120))
def test_no_rule_is_lost_and_the_bound_holds(texts: list[str]) -> None:
    everything = [said(turn, text) for turn, text in enumerate(texts, start=1)]
    rules = {rule for one in everything for rule in one.rules}
    limit = 200 + sum(len(rule) + 30 for rule in rules)
    kept = kept_words(everything, limit)
    assert all(rule in kept for rule in rules)
    assert len(kept) <= limit + 200


@given(st.lists(st.text(max_size=300), max_size=40), st.integers(0, 3_000))
def test_whatever_was_said_the_bound_holds_and_the_order_stays(texts: list[str], limit: int) -> None:
    kept = kept_words([said(turn, text) for turn, text in enumerate(texts, start=1)], limit)
    assert len(kept) <= limit + 200
    turns = [int(line.split(":")[0].removeprefix("- turn ")) for line in kept.split("\n") if line.startswith("- turn ")]
    if not any("- turn " in text for text in texts):
        assert turns == sorted(turns)


def test_of_more_rules_than_fit_the_oldest_and_the_newest_stay_and_the_rest_is_counted() -> None:
    everything = [said(turn, f"Never touch file{turn}.txt, it belongs to somebody else.") for turn in range(1, 201)]
    kept = kept_words(everything, 2_000)
    assert "file1.txt" in kept
    assert "file2.txt" in kept
    assert "file200.txt" in kept
    assert "file100.txt" not in kept
    assert "further rules had no room here" in kept


def test_first_and_last_come_before_the_talk_in_between() -> None:
    talk = [said(turn, f"and then number {turn} " + "talk " * 20) for turn in range(2, 60)]
    kept = kept_words([said(1, "Build a parser"), *talk, said(60, "Mend the lexer")], 600)
    assert "- turn 1: Build a parser" in kept
    assert "- turn 60: Mend the lexer" in kept
    assert "further messages left out" in kept


def test_what_was_said_twice_is_shown_once_where_it_was_said_last() -> None:
    kept = kept_words([said(1, "start"), said(2, "go on"), said(3, "go on")], 500)
    assert kept == "- turn 1: start\n- turn 3: go on"


def test_a_rule_deep_in_a_long_message_is_found_and_the_message_shortened() -> None:
    one = said(1, "a" * 20_000 + "\nYou must never log passwords.\n" + "b" * 20_000)
    assert one.rules == ("You must never log passwords.",)
    assert len(one.text) < MAX_TEXT + 100
    assert "You must never log passwords." in kept_words([one], 400)


@pytest.mark.parametrize(
    "text", ["never " * 200_000, "." * 1_000_000, " \n" * 500_000, "x" * 1_000_000, "。" * 500_000]
)
def test_a_message_of_a_megabyte_costs_little_and_keeps_little(text: str) -> None:
    started = time.process_time()
    one = said(1, text)
    assert time.process_time() - started < 1.0
    assert len(one.text) + sum(map(len, one.rules)) < 2 * MAX_TEXT


def test_nothing_said_is_nothing_kept() -> None:
    assert kept_words([], 100) == ""

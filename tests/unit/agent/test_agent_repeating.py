"""Repetition without end, and repetition for a reason."""

import random
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cherry.agent.repeating import RepetitionWatch

ROOT = Path(__file__).parents[3]
CORPUS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (ROOT / "tests" / "corpus" / "answers" / "repeating.yaml").read_text("utf-8")
)


def text_of(sample: dict[str, Any]) -> str:
    if "text" in sample:
        return str(sample["text"])
    return f"{sample.get('before', '')}{sample['piece'] * sample['times']}{sample.get('after', '')}"


def seen_in(text: str, size: int = 40) -> str:
    watch = RepetitionWatch()
    for start in range(0, len(text), size):
        if found := watch.feed(text[start : start + size]):
            return found
    return ""


@pytest.mark.parametrize("sample", CORPUS["endless"], ids=lambda sample: repr(sample["piece"][:40]))
def test_what_repeats_without_end_is_seen(sample: dict[str, Any]) -> None:
    assert seen_in(text_of(sample))


@pytest.mark.parametrize("sample", CORPUS["fine"], ids=lambda sample: repr(sample.get("piece", "")[:40]))
def test_what_repeats_for_a_reason_is_left_alone(sample: dict[str, Any]) -> None:
    assert seen_in(text_of(sample)) == ""


def test_there_are_many_samples_of_both() -> None:
    assert len(CORPUS["endless"]) >= 60
    assert len(CORPUS["fine"]) >= 60


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "examples", "benchmarks"])
def test_no_file_of_a_real_repository_counts_as_repetition(folder: str) -> None:
    endings = {".py", ".md", ".yaml", ".toml", ".json", ".txt", ".jsonl"}
    corpus = ROOT / "tests" / "corpus" / "answers" / "repeating.yaml"
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in endings and path.is_file() and path != corpus and path.stat().st_size < 300_000:
            assert seen_in(path.read_text("utf-8", errors="replace"), 4_000) == "", path


def test_minified_code_is_left_alone() -> None:
    choose = random.Random(7)
    names = ["".join(choose.choices(string.ascii_lowercase, k=2)) for _ in range(60)]
    code = "".join(f"function {choose.choice(names)}(e,t){{return e.{choose.choice(names)}(t)}}" for _ in range(2_000))
    assert seen_in(code) == ""


_WORDS = st.text(alphabet=string.ascii_lowercase + " ", min_size=20, max_size=300).filter(
    lambda text: len(set(text) - {" "}) >= 6
)


@settings(max_examples=150, deadline=None)
@given(_WORDS, st.text(max_size=500), st.integers(1, 2_000))
def test_any_piece_of_words_is_seen_soon_after_its_twelfth_time(piece: str, before: str, size: int) -> None:
    enough = before + piece * 12 + (piece * (251 // len(piece) + 2))
    assert seen_in(enough, size)


@settings(max_examples=150, deadline=None)
@given(_WORDS, st.integers(1, 11))
def test_fewer_than_twelve_times_are_never_seen(piece: str, times: int) -> None:
    shortest = next(n for n in range(1, len(piece) + 1) if piece == (piece[:n] * len(piece))[: len(piece)])
    if len(piece) // shortest * times < 12:
        assert seen_in(piece * times) == ""


@settings(max_examples=100, deadline=None)
@given(_WORDS, st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_how_the_stream_is_cut_does_not_matter(piece: str, sizes: list[int]) -> None:
    text = piece * 30
    watch, found, start = RepetitionWatch(), "", 0
    for size in sizes * (len(text) // sum(sizes) + 1):
        found = found or watch.feed(text[start : start + size])
        start += size
    assert found == seen_in(text, 1)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
@example(932)
def test_lines_that_are_only_alike_are_left_alone(seed: int) -> None:
    choose = random.Random(seed)
    lines = [f"    ({choose.randrange(10**6)}, 'item {number}', {choose.random():.4f}),\n" for number in range(400)]
    assert seen_in("".join(lines)) == ""


def test_memory_and_time_are_bounded() -> None:
    watch = RepetitionWatch()
    choose = random.Random(1)
    for _ in range(2_000):
        assert not watch.feed("".join(choose.choices(string.printable, k=1_000)))


def test_what_is_told_names_the_piece_and_how_often_it_came() -> None:
    assert "'Let me check the file once more.'" in seen_in("Let me check the file once more.\n" * 40)

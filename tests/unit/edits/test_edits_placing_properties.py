"""What must hold for any file and any edit."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace
from cherry.edits.placing import Placed, apply, place
from cherry.edits.textfile import decode

LANGUAGES = yaml.safe_load((Path(__file__).parents[2] / "corpus" / "edits" / "languages.yaml").read_text("utf-8"))
KINDS = {edits.NOT_FOUND, edits.AMBIGUOUS, edits.ALREADY_APPLIED, edits.NO_CHANGE, edits.OMISSION}

LINE = st.text(st.sampled_from("ab_1 \t=()'\"“’–é\u0301…\u00a0\\n|:"), max_size=8)
TEXT = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\n", "\n", "\r\n"])), max_size=8).map(
    lambda lines: "".join(line + end for line, end in lines)
)


def placed(text: str, old: str, new: str, path: str = "a.py") -> Placed | None:
    """None when the edit was refused in one of the ways it may be."""
    try:
        return place(text, Replace(path=path, old=old, new=new))
    except CherryError as error:
        if error.kind not in KINDS:
            raise
        return None


def attempt(text: str, old: str, new: str, path: str = "a.py") -> str | None:
    """The text afterwards; None when the edit was refused."""
    found = placed(text, old, new, path)
    return None if found is None else apply(text, found)


@settings(deadline=None)
@given(TEXT, st.data())
def test_nothing_outside_the_spans_changes(text: str, data: st.DataObject) -> None:
    old, new = data.draw(TEXT | LINE), data.draw(TEXT | LINE)
    found = placed(text, old, new)
    if found is not None:
        result = apply(text, found)
        first, last = found.spans[0], found.spans[-1]
        assert result.startswith(text[: first.start])
        assert result.endswith(text[last.end :])
        assert all(a.end <= b.start for a, b in pairwise(found.spans))


@settings(deadline=None)
@given(TEXT, TEXT, TEXT, LINE.filter(str.strip), st.text(st.sampled_from("xyz=1"), min_size=1, max_size=5))
def test_bytes_beside_an_edit_never_change(before: str, after: str, more: str, old: str, new: str) -> None:
    text = f"{before}{old}{after}{more}"
    assume(text.count(old) == 1)
    result = attempt(text, old, new)
    if result is not None:
        assert result == f"{before}{new}{after}{more}"


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_bytes_of_any_encoding_beside_an_edit_never_change(before: bytes, after: bytes) -> None:
    data = before + b"\nunique_name = 1\n" + after
    assume(b"unique" not in before + after)
    try:
        file = decode(data)
        result = file.encode(apply(file.text, place(file.text, Replace(path="a.py", old="_name = 1", new="_name = 2"))))
    except CherryError:
        return
    if file.encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        return
    assert result == before + b"\nunique_name = 2\n" + after


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LANGUAGES), st.data())
def test_one_wrong_letter_digit_or_operator_is_refused(sample: dict[str, str], data: st.DataObject) -> None:
    old = sample["old"]
    index = data.draw(st.integers(0, len(old) - 1).filter(lambda i: not old[i].isspace()))
    wrong = data.draw(st.sampled_from("aZ0+=-*/<>!&|.,;(){}[]#:").filter(lambda char: char != old[index]))
    corrupted = old[:index] + wrong + old[index + 1 :]
    assume(corrupted not in sample["before"])
    assert attempt(sample["before"], corrupted, sample["new"], sample["path"]) is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LANGUAGES), st.data())
def test_one_wrong_character_of_any_kind_is_refused_or_overlooked_rightly(
    sample: dict[str, str], data: st.DataObject
) -> None:
    old, before = sample["old"], sample["before"]
    index = data.draw(st.integers(0, len(old) - 2))
    wrong = data.draw(st.sampled_from([*" \t'\"“’–aZ0+=-(){}", ""]))
    kept = data.draw(st.integers(0, 1))
    corrupted = old[:index] + wrong + old[index + 1 - kept :]
    assume(corrupted != old)
    assume(corrupted not in before)  # then it is simply another edit
    result = attempt(before, corrupted, sample["new"], sample["path"])
    assert result in (None, before.replace(old, sample["new"]))


@settings(deadline=None)
@given(st.sampled_from(LANGUAGES))
def test_an_edit_made_twice_is_recognised(sample: dict[str, str]) -> None:
    edit = Replace(path=sample["path"], old=sample["old"], new=sample["new"])
    once = apply(sample["before"], place(sample["before"], edit))
    with pytest.raises(CherryError) as caught:
        place(once, edit)
    assert caught.value.kind is edits.ALREADY_APPLIED


def test_a_refusal_shows_the_nearest_lines_so_that_the_next_try_succeeds() -> None:
    text = "def area(w, h):\n    return w * h\n\n\ndef volume(w, h, d):\n    return w * h * d\n"
    with pytest.raises(CherryError) as caught:
        place(text, Replace(path="shapes.py", old="def volume(w, h, depth):\n    return w * h * d\n", new="x"))
    assert caught.value.message == (
        "The text to replace is not in the file (shapes.py): the nearest is lines 5–6:\n"
        "     5\tdef volume(w, h, d):\n"
        "     6\t    return w * h * d\n"
        "line 5 differs from column 19: 'def volume(w, h, d):' in the file, 'def volume(w, h, depth):' in the edit."
    )


def test_control_characters_of_a_file_are_made_visible_in_a_refusal() -> None:
    with pytest.raises(CherryError) as caught:
        place("a = '\x1b[2J\u202e'\n", Replace(path="a.py", old="a = 'x'", new="b"))
    assert "\x1b" not in caught.value.message
    assert "\u202e" not in caught.value.message


def test_a_result_says_which_lines_it_touches() -> None:
    found = place("a\nb\nc\nd\n", Replace(path="a.py", old="b\nc\n", new="x\n"))
    assert (found.first_line, found.last_line) == (2, 3)


@pytest.mark.parametrize("kind", ["exact", "indentation", "not found"])
def test_a_hundred_edits_of_a_large_file_take_bounded_work(kind: str) -> None:
    text = "".join(f"    line_{number} = compute({number})\n" for number in range(5000))
    started = time.process_time()
    for number in range(0, 5000, 50):
        line = f"    line_{number} = compute({number})\n"
        if kind == "not found":
            assert attempt(text, line.replace(")", ", 1)"), "x\n") is None
            continue
        old = line if kind == "exact" else line.lstrip() + f"line_{number + 1} = compute({number + 1})\n"
        changed = attempt(text, old, old.replace("compute", "done"))
        assert changed is not None
        text = changed
    assert (
        time.process_time() - started < 15
    )  # a second when nothing else runs; what grows with the square takes minutes


def test_placing_an_edit_does_not_load_yaml() -> None:
    code = (
        "import sys, cherry.edits.placing, cherry.edits.reading; print('yaml' in sys.modules, 'difflib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split()[0] == "False"


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("a\n" * 20_000, "a\n" * 50),
        ("a\n" * 20_000, " a\n" * 50),
        ("“é”\n" * 20_000, ' "é"\n' * 200 + "x"),
        ("if x:\n    y()\n" * 10_000, "if x:\n  y()\n" * 20),
        ("x" * 100_000 + "y", "x" * 99_999 + "z"),
        ("é" * 20_000, "e\u0301" * 20_000 + "x"),
    ],
    ids=["exact", "indented", "typographic", "other unit", "one long line", "one long line decomposed"],
)
def test_a_file_of_repetitions_is_refused_in_bounded_time(text: str, old: str) -> None:
    started = time.process_time()
    assert attempt(text, old, "b") is None
    assert time.process_time() - started < 5

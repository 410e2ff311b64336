"""Exact places: one, none, several."""

import pytest

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace, Write
from cherry.edits.placing import apply, complete, place


def edited(text: str, old: str, new: str, *, every: bool = False) -> str:
    return apply(text, place(text, Replace(path="a.py", old=old, new=new, all=every)))


def test_the_one_place_is_replaced_and_all_else_stays() -> None:
    assert edited("a\nb\nc\n", "b", "B") == "a\nB\nc\n"


def test_two_places_are_refused() -> None:
    with pytest.raises(CherryError) as caught:
        edited("x\nx\n", "x", "y")
    assert caught.value.kind is edits.AMBIGUOUS


def test_overlapping_places_are_two_places() -> None:
    with pytest.raises(CherryError) as caught:
        edited("aaa", "aa", "b")
    assert caught.value.kind is edits.AMBIGUOUS


def test_all_places_are_replaced_when_asked() -> None:
    assert edited("x\nx\n", "x", "y", every=True) == "y\ny\n"


def test_an_empty_old_text_fills_an_empty_file_only() -> None:
    assert edited("", "", "x\n") == "x\n"
    with pytest.raises(CherryError) as caught:
        edited("y\n", "", "x\n")
    assert caught.value.kind is edits.NOT_FOUND


def test_an_edit_that_changes_nothing_is_refused() -> None:
    with pytest.raises(CherryError) as caught:
        edited("x\n", "x", "x")
    assert caught.value.kind is edits.NO_CHANGE


def test_a_whole_content_that_leaves_code_out_is_refused() -> None:
    with pytest.raises(CherryError) as caught:
        complete("import a\n\nx = 1\n", Write(path="a.py", content="import a\nx = 2\n# ... rest unchanged\n"))
    assert caught.value.kind is edits.OMISSION


def test_a_whole_content_that_only_adds_is_filled_in() -> None:
    content = "import b\nimport a\n# ... rest unchanged\n"
    assert complete("import a\n\nx = 1\n", Write(path="a.py", content=content)) == "import b\nimport a\n\nx = 1\n"


def test_dots_in_a_new_file_are_only_dots() -> None:
    content = "def f():\n    # ...\n    pass\n"
    assert complete("", Write(path="a.py", content=content)) == content

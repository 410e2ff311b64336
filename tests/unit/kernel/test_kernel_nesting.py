from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cherry.kernel.nesting import cut_below, is_deeper

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inside), default=0)


@given(values, st.integers(0, 6))
def test_a_value_is_deeper_when_its_depth_is_more(value: Any, levels: int) -> None:
    assert is_deeper(value, levels) == (depth(value) > levels)


@given(values, st.integers(0, 6))
def test_what_is_cut_has_the_depth_asked_for_and_what_is_not_deeper_stays(value: Any, levels: int) -> None:
    cut = cut_below(value, levels)
    assert depth(cut) == min(depth(value), levels)
    assert depth(value) > levels or cut == value


def test_neither_needs_a_stack() -> None:
    value: Any = "bottom"
    for _ in range(100_000):
        value = [value]
    assert is_deeper(value, 99_999)
    assert depth(cut_below(value, 3)) == 3
    while isinstance(value, list):  # taking it down level by level: the interpreter's own way would recurse
        value = value.pop()

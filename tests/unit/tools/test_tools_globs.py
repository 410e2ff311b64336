"""File patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, tools
from cherry.tools.globs import matcher


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("*.py", ["a.py", "x/y/a.py", ".py"], ["a.pyc", "a.py/b"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "a.py", "x/src/a.py"]),
        ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["a.py", "src/a.js"]),
        ("**/test_*.py", ["test_a.py", "a/b/test_a.py"], ["a/tests.py"]),
        ("src/**", ["src/a", "src/a/b"], ["lib/a"]),
        ("src/", ["src/a", "src/a/b"], ["a/src"]),
        ("./a/?.c", ["a/b.c"], ["a/bb.c"]),
        ("*.{ts,tsx}", ["a.ts", "x/a.tsx"], ["a.js"]),
        ("{src,lib}/**/{a,b}.*", ["src/a.x", "lib/q/b.y"], ["src/c.x"]),
        ("[ab].c", ["a.c"], ["c.c"]),
        ("[!ab].c", ["c.c"], ["a.c"]),
        ("**", ["a", "a/b/c"], []),
        ("a/**/b/**/c", ["a/b/c", "a/x/b/y/z/c", "a/b/b/c"], ["a/c", "a/b"]),
        ("two\nlines", ["two\nlines"], ["two"]),
        ("Makefile", ["Makefile", "x/Makefile"], ["makefile"]),
    ],
)
def test_patterns_mean_what_people_expect(pattern: str, fits: list[str], misses: list[str]) -> None:
    matches = matcher(pattern)
    assert [path for path in fits if not matches(path)] == []
    assert [path for path in misses if matches(path)] == []


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../x", "a/../b", "x" * 501, "\0", "{a,b}" * 10])
def test_what_cannot_be_meant_is_refused(pattern: str) -> None:
    with pytest.raises(CherryError) as caught:
        matcher(pattern)
    assert caught.value.kind is tools.BAD_PATTERN


def test_hostile_patterns_take_no_time() -> None:
    started = time.process_time()
    path = "/".join(["a" * 200] * 20)
    for pattern in (
        "**/" * 100 + "b",
        "*a" * 200 + "b",
        "a*" * 50 + "/" + "**/*a*a*a*a*b/" * 20 + "c",
        "[" * 400,
        "?*" * 200,
    ):
        matcher(pattern)(path)
    assert time.process_time() - started < 2


@given(
    st.lists(
        st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1),
        min_size=1,
        max_size=6,
    )
)
def test_every_path_fits_the_pattern_of_everything(parts: list[str]) -> None:
    path = "/".join(parts)
    assert matcher("**")(path)
    assert matcher("*")(path)
    assert matcher("**/*")(path)

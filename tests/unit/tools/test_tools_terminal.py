"""Output of programs as plain text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.tools.terminal import PlainText, folded, plain


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b[2J\x1b[H\x1b[?25lx", "x"),
        (b"\x1bPq#0;2;0\x1b\\x", "x"),
        (b"\x1b(Bx\x1b=y\x1b7z", "xyz"),
        ("\x9b31mx".encode(), "x"),
        (b"a\x08ab\x08b", "ab"),
        (b"bell\x07 nul\x00 del\x7f", "bell nul del"),
        (b"tab\tand\nnewline", "tab\tand\nnewline"),
        (b"50%\r100%\n", "100%\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"working\r", "working"),
        (b"\xff\xfe bad", "\ufffd\ufffd bad"),
        ("ünïcödé 漢字".encode(), "ünïcödé 漢字"),
        (b"unfinished \x1b[3", "unfinished "),
        (b"just escape \x1b", "just escape "),
    ],
)
def test_what_a_terminal_would_do_is_taken_out(data: bytes, text: str) -> None:
    assert plain(data) == text


@given(st.binary(max_size=300))
def test_nothing_that_moves_a_cursor_is_ever_left(data: bytes) -> None:
    text = plain(data)
    assert not any(char < " " and char not in "\n\t" for char in text)
    assert not any("\x7f" <= char <= "\x9f" for char in text)


_PIECES = st.sampled_from(
    [b"\x1b", b"[", b"31m", b"]0;", b"t\x07", b"\\", "é".encode(), b"x", b"\r\n", b"\n", b"\xff", b"(B"]
)


@given(st.lists(_PIECES, max_size=20), st.lists(st.integers(0, 60), max_size=6))
def test_how_the_output_is_cut_into_pieces_makes_no_difference(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    stream = PlainText()
    points = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [stream.feed(data[start:end]) for start, end in pairwise(points)]
    pieces.append(stream.feed(b"", final=True))
    assert folded("".join(pieces)) == plain(data)


def test_an_endless_sequence_is_not_held_back_for_ever() -> None:
    stream = PlainText()
    stream.feed(b"\x1b]0;")
    total = sum(len(stream.feed(b"a" * 1000)) for _ in range(10))
    assert total > 5_000

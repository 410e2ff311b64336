"""Sees that a stream of words repeats itself without end, while it comes in.

What counts, always in a row and at the end of what has come:

    words     a piece of 20 characters or more, 12 times; a shorter one 30 times
    code      a piece with brackets, quotes or operators, 80 times: tables, markup and lists repeat lines for a reason
    signs     a piece with fewer than five different letters (rules, boxes, zeros), over 8,000 characters

Pure, of bounded memory, and the same however the stream is cut.
"""

import re
from typing import NamedTuple

from cherry.kernel.text import one_line

_KEPT = 24_000
"""Characters of the end of the stream that are looked at; the longest piece of words is a twelfth of it."""
_EVERY = 251
"""Characters between two looks. A prime, so that no piece hides by always being at the same point of itself."""
_KEY = 20
_TRIES = 6
_LETTERS = 5
_LONG_PIECE = 20
_WORDS_TIMES = 12
_SHORT_TIMES = 30
_CODE_TIMES = 80
_LEAST_TIMES = 12
"""Of whatever repeats: long pieces of few letters are tables, whose lines are alike by chance."""
_SIGNS_CHARACTERS = 8_000
_CODE = re.compile(r"""[<>{}\[\]()=|"`;\\/*#+&%$@^~_]""")


class _Run(NamedTuple):
    piece: str
    times: int


class RepetitionWatch:
    """Watches one stream. Make a new one when the stream begins anew."""

    def __init__(self) -> None:
        self._tail = ""
        self._new: list[str] = []
        self._count = 0

    def feed(self, text: str) -> str:
        """What repeats, in words, once it does; empty otherwise."""
        while text:
            taken, text = text[: _EVERY - self._count], text[_EVERY - self._count :]
            self._new.append(taken)
            self._count += len(taken)
            if self._count == _EVERY:
                self._tail = (self._tail + "".join(self._new))[-_KEPT:]
                self._new, self._count = [], 0
                if run := _run_at_end(self._tail):
                    return f"{one_line(run.piece.strip(), 60)!r} {run.times} times in a row"
        return ""


def _run_at_end(tail: str) -> _Run | None:
    """The repetition the text ends with, when it is too much."""
    key, stop = tail[-_KEY:], len(tail) - 1
    for _ in range(_TRIES):
        before = tail.rfind(key, 0, stop)
        if before < 0:
            return None
        period = len(tail) - _KEY - before
        times = _times(tail, period)
        if _is_endless(tail[-period:], times):
            return _Run(_from_line_start(tail[-period:]), times)
        # The next longer period: before this occurrence, or before all of this run.
        stop = (before if times == 1 else len(tail) - times * period) + _KEY - 1
    return None


def _times(tail: str, period: int) -> int:
    piece, times = tail[-period:], 1
    while tail[len(tail) - (times + 1) * period : len(tail) - times * period] == piece:
        times += 1
    return times


def _is_endless(piece: str, times: int) -> bool:
    if len({letter for letter in piece.lower() if letter.isalpha()}) < _LETTERS:
        return times >= _LEAST_TIMES and times * len(piece) >= _SIGNS_CHARACTERS
    if _CODE.search(piece):
        return times >= _CODE_TIMES
    return times >= (_WORDS_TIMES if len(piece) >= _LONG_PIECE else _SHORT_TIMES)


def _from_line_start(piece: str) -> str:
    """The same repetition told from the beginning of a line, or of a word."""
    at = piece.find("\n") if "\n" in piece else piece.find(" ")
    return piece[at + 1 :] + piece[: at + 1] if at >= 0 else piece

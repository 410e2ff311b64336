"""What it means for a text to be found: every word of the query occurs in it, in any case, as a part of a word too.

The same rule for every store; an index may narrow down where to look but never decides. Works for scripts without spaces.
"""

import re
from typing import NamedTuple

from cherry.kernel.text import one_line, visible

_MAX_WORDS = 16
_MAX_WORD_CHARS = 100
_MAX_TRIGRAMS = 64
_EXCERPT_CHARS = 160
_EXCERPT_BEFORE = 50
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class Wanted(NamedTuple):
    """The words of a query, folded. More than a search needs are dropped."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, query: str) -> "Wanted":
        words = fold_text(query[: _MAX_WORDS * (_MAX_WORD_CHARS + 1)]).split()
        return cls(tuple(dict.fromkeys(word[:_MAX_WORD_CHARS] for word in words[:_MAX_WORDS])))

    def found_in(self, text: str) -> bool:
        folded = fold_text(text)
        return bool(self.words) and all(word in folded for word in self.words)

    def excerpt(self, text: str) -> str:
        """One line around the first place where a word occurs."""
        folded = fold_text(text)
        places = [place for word in self.words if (place := folded.find(word)) >= 0]
        # Folding may change the length of exotic text; the excerpt is then a little off, never out of bounds.
        start = max(0, min(places, default=0) - _EXCERPT_BEFORE)
        piece = visible(text[start : start + 2 * _EXCERPT_CHARS])
        return one_line(("…" if start else "") + piece.strip(), _EXCERPT_CHARS)

    def trigrams(self) -> tuple[str, ...]:
        """Every text that is found contains all of these; empty when the words are too short to say anything."""
        found = dict.fromkeys(word[i : i + 3] for word in self.words for i in range(len(word) - 2))
        return tuple(found)[:_MAX_TRIGRAMS]


def writable(text: str) -> str:
    """Text a database can hold, for showing and searching; a log keeps the original."""
    return _UNWRITABLE.sub("\ufffd", text)


def fold_text(text: str) -> str:
    """Text as it is compared and indexed."""
    return writable(text).casefold()

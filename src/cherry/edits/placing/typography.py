"""Characters that are the same to a reader: typographic punctuation, odd spaces, composed and decomposed letters.

`fold` gives the plain form of a text and where each of its characters came from. Letters, digits and operators stay what
they are: nothing is folded by looks alone (no full-width forms, no look-alike letters).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys(
            "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
        **dict.fromkeys("\u200b\u2060\ufeff\u00ad", ""),
        "…": "...",
    }
)


class Folded(NamedTuple):
    """A text in its plain form."""

    text: str
    origins: Sequence[int]
    """For each character of `text`, and for its end, the position in the original it came from."""

    def is_boundary(self, index: int) -> bool:
        """False inside a character that became several (`…`)."""
        return index == 0 or index >= len(self.text) or self.origins[index] != self.origins[index - 1]


class Cluster(NamedTuple):
    """The same character in two texts, as each of them writes it."""

    ours: str
    theirs: str


@lru_cache(maxsize=16_384)
def fold(text: str) -> Folded:
    """Remembered, because one edit after another looks at the same lines."""
    if text.isascii():
        return Folded(text, range(len(text) + 1))
    folded: list[str] = []
    origins: list[int] = []
    for start, end in _letters(text):
        plain = unicodedata.normalize("NFC", text[start:end]).translate(_PLAIN)
        folded.append(plain)
        origins += [start] * len(plain)
    origins.append(len(text))
    origins[0] = 0  # an invisible character at the start belongs to what follows it
    return Folded("".join(folded), origins)


def plain(text: str) -> str:
    return text if text.isascii() else fold(text).text


def clusters(ours: str, theirs: str) -> list[Cluster]:
    """Two texts of the same plain form, cut where both can be cut."""
    left, right = fold(ours), fold(theirs)
    cuts = [i for i in range(len(left.text) + 1) if left.is_boundary(i) and right.is_boundary(i)]
    return [
        Cluster(ours[left.origins[a] : left.origins[b]], theirs[right.origins[a] : right.origins[b]])
        for a, b in pairwise(cuts)
    ]


def _letters(text: str) -> Iterator[tuple[int, int]]:
    """Bounds of each character with the combining marks that belong to it."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not _continues(text[index]):
            yield start, index
            start = index


def _continues(char: str) -> bool:
    return char > "\u02ff" and (unicodedata.combining(char) != 0 or "\u1160" <= char <= "\u11ff")

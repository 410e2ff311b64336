"""Uniform differences of indentation: proving that one holds for a whole place, and giving new lines the document's own.

Uniform means: one strictly growing function takes each indentation sought to the document's. Lines of the new text that have an
indentation seen in the place get its counterpart; others are derived only where the units on both sides are known.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

_UNITS = (2, 3, 4, 8)


class Reindent(NamedTuple):
    """From the indentation of the text sought to that of the document."""

    seen: dict[str, str]
    own_unit: str
    """One level in the document; empty when it is not known."""

    def mapped(self, new_indents: Iterable[str], given_unit: str) -> dict[str, str] | None:
        """The document's counterpart of every indentation of the new text; None when one cannot be told.

        `given_unit` is one level in the edit; empty when it is not known.
        """
        unseen = set(new_indents) - set(self.seen)
        if not unseen:
            return self.seen
        shifted = self._by_shift(unseen, given_unit)
        derived = shifted if shifted is not None else self._by_levels(unseen, given_unit)
        return None if derived is None else {**self.seen, **derived}

    def _by_shift(self, unseen: set[str], given_unit: str) -> dict[str, str] | None:
        if given_unit and self.own_unit and given_unit != self.own_unit:
            return None
        given, own = next(iter(self.seen.items()))
        if own.endswith(given):
            extra = own[: len(own) - len(given)]
            kinds = set(extra) | set("".join(unseen)) if extra else set()
            fits = len(kinds) <= 1 and all(theirs == extra + ours for ours, theirs in self.seen.items())
            return {indent: extra + indent for indent in unseen} if fits else None
        if given.endswith(own):
            excess = given[: len(given) - len(own)]
            fits = all(ours == excess + theirs for ours, theirs in self.seen.items())
            fits = fits and all(indent.startswith(excess) for indent in unseen)
            return {indent: indent[len(excess) :] for indent in unseen} if fits else None
        return None

    def _by_levels(self, unseen: set[str], given_unit: str) -> dict[str, str] | None:
        if not given_unit or not self.own_unit:
            return None
        offsets = set()
        for ours, theirs in self.seen.items():
            given, own = level(ours, given_unit), level(theirs, self.own_unit)
            if given is None or own is None:
                return None
            offsets.add(own - given)
        if len(offsets) != 1:
            return None
        offset = offsets.pop()
        derived = {}
        for indent in unseen:
            depth = level(indent, given_unit)
            if depth is None or depth + offset < 0:
                return None
            derived[indent] = self.own_unit * (depth + offset)
        return derived


def uniform(given: Sequence[str], own: Sequence[str]) -> dict[str, str] | None:
    """From each indentation of the lines sought to the document's; None when no one growing function does that.

    Blank lines are left out.
    """
    seen: dict[str, str] = {}
    for line, theirs in zip(given, own, strict=True):
        if line.strip() and seen.setdefault(indent_of(line), indent_of(theirs)) != indent_of(theirs):
            return None
    ranked = sorted(seen.items(), key=lambda item: width(item[0]))
    if any(width(a[0]) >= width(b[0]) or width(a[1]) >= width(b[1]) for a, b in pairwise(ranked)):
        return None
    return seen


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def width(indent: str) -> int:
    """In columns, tabs to every eighth."""
    return len(indent.expandtabs(8))


def level(indent: str, unit: str) -> int | None:
    """How many levels deep; None when it is not a whole number of units."""
    count, rest = divmod(len(indent), len(unit))
    return count if not rest and indent == unit * count else None


_UNIT_WINDOW = 300


def unit_near(lines: Sequence[str], line: int) -> str:
    """One level of indentation as the lines around one show it."""
    return unit_of(lines[max(0, line - _UNIT_WINDOW) : line + _UNIT_WINDOW])


def unit_of(lines: Iterable[str]) -> str:
    """One level of indentation as most lines show it: a tab or some spaces; empty when no line tells."""
    indents = [indent_of(line) for line in lines if line.strip()]
    tabbed = sum(indent.startswith("\t") for indent in indents)
    if tabbed * 2 > sum(bool(indent) for indent in indents):
        return "\t"
    widths = [len(indent) for indent in indents if "\t" not in indent]
    # Only steps inwards tell: one outwards may leave several levels at once.
    steps = Counter(b - a for a, b in pairwise(widths) if b - a in _UNITS)
    if not steps:
        return ""
    return " " * min(steps, key=lambda step: (-steps[step], step))

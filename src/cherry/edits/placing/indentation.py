"""Uniform differences of indentation: proving that one holds for a whole place, and giving new lines the document's own.

Lines of the new text that have an indentation seen in the place get its counterpart; others are derived only where one reading
of the difference is left.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from typing import NamedTuple

_UNITS = ("\t", "  ", "   ", "    ", "        ")


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
        offset = _offset(self.seen, given_unit, self.own_unit)
        if offset is None:
            return None
        derived = {}
        for indent in unseen:
            depth = level(indent, given_unit)
            if depth is None or depth + offset < 0:
                return None
            derived[indent] = self.own_unit * (depth + offset)
        return derived


def uniform(given: Sequence[str], own: Sequence[str]) -> dict[str, str] | None:
    """From each indentation of the lines sought to the document's; None when they do not differ uniformly.

    Uniformly: by the same white space on every line, by another unit, or by both where the units are plain. Blank lines are left out.
    """
    seen: dict[str, str] = {}
    for line, theirs in zip(given, own, strict=True):
        if line.strip() and seen.setdefault(indent_of(line), indent_of(theirs)) != indent_of(theirs):
            return None
    if len(seen) <= 1 or _is_shift(seen):
        return seen
    if any(_offset(seen, ours, theirs) == 0 for ours, theirs in product(_UNITS, _UNITS)):
        return seen
    given_unit, own_unit = unit_of(given), unit_of(own)
    is_told = given_unit and own_unit and _offset(seen, given_unit, own_unit) is not None
    return seen if is_told else None


def _is_shift(seen: dict[str, str]) -> bool:
    given, own = next(iter(seen.items()))
    if own.endswith(given):
        extra = own[: len(own) - len(given)]
        return all(theirs == extra + ours for ours, theirs in seen.items())
    excess = given[: len(given) - len(own)]
    return given.endswith(own) and all(ours == excess + theirs for ours, theirs in seen.items())


def _offset(seen: dict[str, str], given_unit: str, own_unit: str) -> int | None:
    """How many levels deeper the document is, when that is the same everywhere."""
    offsets: set[int] = set()
    for ours, theirs in seen.items():
        given, own = level(ours, given_unit), level(theirs, own_unit)
        if given is None or own is None:
            return None
        offsets.add(own - given)
    return offsets.pop() if len(offsets) == 1 else None


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
    steps = Counter(b - a for a, b in pairwise(widths) if " " * (b - a) in _UNITS)
    if not steps:
        return ""
    return " " * min(steps, key=lambda step: (-steps[step], step))

"""Where a text stands in a document when only differences of one harmless kind are overlooked.

Each rung is a function from a document, the lines sought and a line to try, to the matches found there. A match pairs every line
sought with the characters of the document it stands for, so that what an edit keeps is copied from the document.
Rungs are cumulative: each also overlooks what those before it do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cherry.edits.placing.document import Document
from cherry.edits.placing.typography import Folded, fold, plain

_BLANKS = " \t"
MOST_PLACES = 1_000
"""Places that are told apart; more than these are too many for any proof."""
_MOST_COMPARED = 500_000
"""Lines compared on one rung."""
_COUNTED = 5
"""Lines sought whose occurrences are counted, to find the rarest."""


class Pair(NamedTuple):
    """A line sought and the characters of the document that are it."""

    sought: str | None
    """With its `\\n`; None for blank lines of the document that were not sought."""
    start: int
    end: int


class Match(NamedTuple):
    pairs: tuple[Pair, ...]

    @property
    def start(self) -> int:
        return self.pairs[0].start

    @property
    def end(self) -> int:
        return self.pairs[-1].end


Rung = Callable[[Document, Sequence[str], int, int], list[Match]]
"""Arguments: document · lines sought, with their `\\n` · which of them the line to try is · the line to try."""


def find(document: Document, sought: Sequence[str], rung: Rung) -> list[Match]:
    """All distinct places of `sought` under one rung, in order; none where too many lines would have to be compared."""
    found: dict[tuple[int, int], Match] = {}
    tell = telling_line(document, sought)
    allowed = _MOST_COMPARED // len(sought)
    for tried, line in enumerate(candidates(document, sought[tell])):
        if tried > allowed:
            return []  # what was found so far is no proof that it is all there is
        if len(found) > MOST_PLACES:
            break
        for match in rung(document, sought, tell, line):
            found.setdefault((match.start, match.end), match)
    return sorted(found.values(), key=lambda match: (match.start, match.end))


def telling_line(document: Document, sought: Sequence[str]) -> int:
    """The index of the line sought that fewest lines of the document can be."""
    longest = sorted(range(len(sought)), key=lambda index: (-len(sought[index].strip()), index))[:_COUNTED]
    counts = {index: document.plain_text.count(_core(sought[index])) for index in longest if _core(sought[index])}
    return min(counts, key=lambda index: (counts[index], longest.index(index))) if counts else 0


def candidates(document: Document, sought_line: str) -> Iterator[int]:
    """Lines that hold the line sought but for white space around it: no tolerance changes more than typography."""
    core = _core(sought_line)
    if not core:
        yield from range(len(document))
        return
    position = document.plain_text.find(core)
    while position != -1:
        line = document.plain_line_at(position)
        yield line
        position = document.plain_text.find(core, document.plain_line_end(line))


@dataclass(frozen=True, slots=True)
class _SameLines:
    """A rung that compares line by line; the first line may start and the last may end inside a line of the document."""

    fold: Callable[[str], Folded]
    blanks: str
    """Characters overlooked at the end of a line."""

    def __call__(self, document: Document, sought: Sequence[str], tell: int, line: int) -> list[Match]:
        first, last = line - tell, line - tell + len(sought) - 1
        if first < 0 or last >= len(document):
            return []
        whole_end = sought[-1].endswith("\n")
        start, end = sought[0].removesuffix("\n"), sought[-1].removesuffix("\n")
        inner = range(1, len(sought) - 1)
        if any(self._bare(sought[i].removesuffix("\n")) != self._bare(document.lines[first + i]) for i in inner):
            return []
        if len(sought) == 1:
            columns = self._columns(start, document.lines[first], whole_end=whole_end)
            return [_single(document, sought[0], first, *column) for column in columns]
        head = self._tail_column(start, document.lines[first])
        tail = self._head_column(end, document.lines[last], whole_end=whole_end)
        return [] if head is None or tail is None else [_several(document, sought, first, head, tail)]

    def _bare(self, line: str) -> str:
        return self.fold(line).text.rstrip(self.blanks)

    def _tail_column(self, sought: str, line: str) -> int | None:
        """Where in `line` the sought text begins that runs to its end."""
        wanted, have = self._bare(sought), self.fold(line)
        text = have.text.rstrip(self.blanks)
        if not wanted:
            # Blank up to the line end: it must be nothing at all or the whole line, else it would fit anywhere.
            return len(line) if not sought else (0 if not text else None)
        index = len(text) - len(wanted)
        return have.origins[index] if text.endswith(wanted) and have.is_boundary(index) else None

    def _head_column(self, sought: str, line: str, *, whole_end: bool) -> int | None:
        """Where in `line` the sought text ends that starts with it."""
        wanted, have = self.fold(sought).text, self.fold(line)
        bare = wanted.rstrip(self.blanks)
        if have.text.rstrip(self.blanks) == bare:
            return len(line) if whole_end else have.origins[len(bare)]
        if whole_end or not have.text.startswith(wanted) or not have.is_boundary(len(wanted)):
            return None
        return have.origins[len(wanted)]

    def _columns(self, sought: str, line: str, *, whole_end: bool) -> list[tuple[int, int]]:
        """All places of the sought text within one line."""
        if whole_end:
            column = self._tail_column(sought, line)
            return [] if column is None else [(column, len(line))]
        wanted, have = self.fold(sought).text, self.fold(line)
        found = []
        index = have.text.find(wanted) if wanted else -1
        while index != -1:
            if have.is_boundary(index) and have.is_boundary(index + len(wanted)):
                found.append((have.origins[index], have.origins[index + len(wanted)]))
            index = have.text.find(wanted, index + 1)
        bare, text = wanted.rstrip(self.blanks), have.text.rstrip(self.blanks)
        if not found and bare and bare != wanted and text.endswith(bare):
            found.append((have.origins[len(text) - len(bare)], have.origins[len(text)]))
        return found


def _single(document: Document, sought: str, line: int, start: int, end: int) -> Match:
    base = document.starts[line]
    stop = document.starts[line + 1] if sought.endswith("\n") else base + end
    return Match((Pair(sought, base + start, stop),))


def _several(document: Document, sought: Sequence[str], first: int, head: int, tail: int) -> Match:
    pairs = [Pair(text, document.starts[first + i], document.starts[first + i + 1]) for i, text in enumerate(sought)]
    pairs[0] = pairs[0]._replace(start=pairs[0].start + head)
    if not sought[-1].endswith("\n"):
        pairs[-1] = pairs[-1]._replace(end=pairs[-1].start + tail)
    return Match(tuple(pairs))


def _identity(text: str) -> Folded:
    return Folded(text, range(len(text) + 1))


def _whole_lines(document: Document, sought: Sequence[str], tell: int, line: int) -> list[Match]:
    """Every line the same but for its indentation; whether the indentation is uniform is for the caller to prove."""
    first = line - tell
    if first < 0 or first + len(sought) > len(document) or not (sought[0].strip() and sought[-1].strip()):
        return []  # a blank line at an edge proves nothing about the indentation of the others
    if any(_core(text) != _core(document.lines[first + i]) for i, text in enumerate(sought)):
        return []
    pairs = [Pair(text, document.starts[first + i], document.starts[first + i + 1]) for i, text in enumerate(sought)]
    return [Match(tuple(pairs))]


def _blank_lines(document: Document, sought: Sequence[str], tell: int, line: int) -> list[Match]:
    """The same lines in the same order with more or fewer blank lines between and around them."""
    forward = _walk(document, sought, range(tell, len(sought)), line, step=1)
    backward = _walk(document, sought, range(tell, -1, -1), line, step=-1)
    if forward is None or backward is None:
        return []
    lines = {**backward, **forward}
    return [Match(tuple(_pairs_of(document, sought, lines)))]


def _walk(document: Document, sought: Sequence[str], order: range, line: int, *, step: int) -> dict[int, int] | None:
    """For each line sought that is not blank, the line of the document, going one way from `line`."""
    found: dict[int, int] = {}
    for index in order:
        core = _core(sought[index])
        if not core:
            continue
        if found:
            line += step
            while 0 <= line < len(document) and not document.lines[line].strip():
                line += step
        if not 0 <= line < len(document) or _core(document.lines[line]) != core:
            return None
        found[index] = line
    return found


def _pairs_of(document: Document, sought: Sequence[str], lines: dict[int, int]) -> Iterator[Pair]:
    """Blank lines sought take blank lines of the document while there are any there; what is left of either stands alone."""
    first = min(lines)
    next_free = lines[first] - _blanks_before(document, lines[first], first)
    for index, text in enumerate(sought):
        if index in lines:
            if next_free < lines[index]:
                yield Pair(None, document.starts[next_free], document.starts[lines[index]])
            yield Pair(text, document.starts[lines[index]], document.starts[lines[index] + 1])
            next_free = lines[index] + 1
        elif next_free < len(document) and not document.lines[next_free].strip():
            yield Pair(text, document.starts[next_free], document.starts[next_free + 1])
            next_free += 1
        else:
            yield Pair(text, document.starts[next_free], document.starts[next_free])


def _blanks_before(document: Document, line: int, most: int) -> int:
    count = 0
    while count < most and line - count > 0 and not document.lines[line - count - 1].strip():
        count += 1
    return count


def _core(line: str) -> str:
    return plain(line).strip(_BLANKS + "\n")


line_ends: Rung = _SameLines(_identity, "")
trailing_space: Rung = _SameLines(_identity, _BLANKS)
typography: Rung = _SameLines(fold, _BLANKS)
indentation: Rung = _whole_lines
blank_lines: Rung = _blank_lines

"""Saying where an edit nearly fits, so that the next try does. Words only: nothing here decides what is written."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from cherry.edits.placing.document import Document
from cherry.edits.placing.typography import plain
from cherry.kernel.text import visible

_WORD = re.compile(r"\w+")
_SHOWN_LINES = 12
_SHOWN_WIDTH = 200
_SHOWN_DIFFERENCES = 3
_SHOWN_PLACES = 8
_COMPARED_LINES = 20
"""So many lines of the document are compared character by character at most."""
_SOUGHT_WORDS = 8
_SOUGHT_LINES = 500
"""So many words of a line are looked for, each in so many lines at most."""
_LIKE_ENOUGH = 0.5


class Place(NamedTuple):
    """Lines of the document, counted from 0, and how much of the text sought is in them (0 to 1)."""

    line: int
    height: int
    likeness: float


def nearest(document: Document, sought: Sequence[str], hint_line: int | None = None) -> Place | None:
    """The lines most like those sought; None when nothing is much like them."""
    wanted = [_core(line) for line in sought]
    if not any(wanted) or not len(document):
        return None
    votes = _votes(document, wanted)
    if votes:
        best = max(votes, key=lambda start: (votes[start], -abs(start + 1 - hint_line) if hint_line else -start))
        return _place(document, wanted, best)
    key = max(range(len(wanted)), key=lambda index: len(wanted[index]))
    line = _likest_line(document, wanted[key])
    return None if line is None else _place(document, wanted, line - key)


def describe(document: Document, sought: Sequence[str], place: Place) -> str:
    """The lines there and what differs."""
    shown = [_shown(document, index) for index in range(place.line, place.line + min(place.height, _SHOWN_LINES))]
    if place.height > _SHOWN_LINES:
        shown.append(f"      … {place.height - _SHOWN_LINES} more lines")
    name = lines_name(place.line + 1, place.line + place.height)
    return f"the nearest is {name}:\n" + "\n".join(shown) + "\n" + _differences(document, sought, place)


def listed(document: Document, lines: Sequence[int]) -> str:
    """Places by line number and what stands there."""
    shown = [_shown(document, line) for line in lines[:_SHOWN_PLACES]]
    if len(lines) > _SHOWN_PLACES:
        shown.append(f"      … and {len(lines) - _SHOWN_PLACES} more")
    return "\n".join(shown)


def lines_name(first: int, last: int) -> str:
    return f"line {first}" if first >= last else f"lines {first}–{last}"


def _votes(document: Document, wanted: Sequence[str]) -> Counter[int]:
    """For each line where the text could start, how many of its lines would fit (long lines count more)."""
    positions: dict[str, list[int]] = {}
    for index, core in enumerate(wanted):
        if len(core) > 2:
            positions.setdefault(core, []).append(index)
    votes: Counter[int] = Counter()
    for line, content in enumerate(document.lines):
        for index in positions.get(content.strip(), ()):
            votes[line - index] += len(wanted[index])
    return votes


def _likest_line(document: Document, wanted: str) -> int | None:
    scores: Counter[int] = Counter()
    for word in sorted(set(_WORD.findall(wanted)), key=len, reverse=True)[:_SOUGHT_WORDS]:
        scores.update(_lines_with(document, word))
    matcher = SequenceMatcher(None, "", wanted[:_SHOWN_WIDTH], autojunk=False)
    best, best_ratio = None, _LIKE_ENOUGH
    for line, _ in scores.most_common(_COMPARED_LINES):
        matcher.set_seq1(_core(document.lines[line])[:_SHOWN_WIDTH])
        ratio = matcher.ratio()
        if ratio > best_ratio:
            best, best_ratio = line, ratio
    return best


def _lines_with(document: Document, word: str) -> list[int]:
    lines: list[int] = []
    position = document.text.find(word)
    while position != -1 and len(lines) < _SOUGHT_LINES:
        lines.append(document.line_at(position))
        position = document.text.find(word, document.starts[lines[-1] + 1])
    return lines


def _place(document: Document, wanted: Sequence[str], start: int) -> Place:
    first = max(0, start)
    count = max(1, min(len(wanted), len(document) - first))
    same = sum(wanted[i] == _core(document.lines[first + i]) for i in range(count))
    return Place(first, count, same / len(wanted))


def _differences(document: Document, sought: Sequence[str], place: Place) -> str:
    said: list[str] = []
    for index in range(place.height):
        given, have = sought[index].rstrip("\n"), document.lines[place.line + index]
        if given != have:
            said.append(_difference(place.line + index + 1, given, have))
        if len(said) == _SHOWN_DIFFERENCES:
            break
    if not said and place.height < len(sought):
        said.append(
            f"the file ends after line {len(document)}, the old text has {len(sought) - place.height} lines more"
        )
    return "\n".join(said) or "every line fits by itself, but not as one text"


def _difference(number: int, given: str, have: str) -> str:
    if given.strip() == have.strip():
        if given.lstrip() == have.lstrip():
            ours, theirs = given[: len(given) - len(given.lstrip())], have[: len(have) - len(have.lstrip())]
            return f"line {number} differs in indentation: {_spaces(theirs)} in the file, {_spaces(ours)} in the edit"
        return f"line {number} differs in space at its end"
    if plain(given).strip() == plain(have).strip():
        return f"line {number} differs in typography: the file has {have.strip()[:_SHOWN_WIDTH]!a}"
    column = next((i for i, (a, b) in enumerate(zip(given, have, strict=False)) if a != b), min(len(given), len(have)))
    ours, theirs = _around(given, column), _around(have, column)
    return f"line {number} differs from column {column + 1}: {theirs} in the file, {ours} in the edit"


def _around(line: str, column: int) -> str:
    start = max(0, column - 20)
    return repr(visible(line[start : column + 40]))


def _spaces(indent: str) -> str:
    tabs, spaces = indent.count("\t"), indent.count(" ")
    parts = [f"{count} {name}{'s' * (count != 1)}" for count, name in ((tabs, "tab"), (spaces, "space")) if count]
    return " and ".join(parts) or "none"


def _shown(document: Document, index: int) -> str:
    return f"{index + 1:>6}\t{visible(document.lines[index][:_SHOWN_WIDTH])}"


def _core(line: str) -> str:
    return line.strip()

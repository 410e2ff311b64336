"""Which lines differ between two texts, fast enough for large files: equal ends are cut off, the rest is split at lines that
occur once in both, and only small gaps are compared line by line. Knows nothing of files."""

import bisect
from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_SMALL = 400_000
"""Lines times lines that are compared directly."""


class Change(NamedTuple):
    """Lines `a_start:a_end` of the first text became lines `b_start:b_end` of the second; counted from 0."""

    a_start: int
    a_end: int
    b_start: int
    b_end: int


def changes(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Change]:
    """In order, never touching each other; empty when the texts are equal."""
    found: list[Change] = []
    gaps = [Change(0, len(a), 0, len(b))]
    while gaps:  # each gap is split into strictly smaller ones
        gap = _trimmed(a, b, gaps.pop())
        if gap.a_start == gap.a_end and gap.b_start == gap.b_end:
            continue
        if gap.a_start == gap.a_end or gap.b_start == gap.b_end:
            found.append(gap)
        elif (gap.a_end - gap.a_start) * (gap.b_end - gap.b_start) <= _SMALL:
            found.extend(_compared(a, b, gap))
        elif parts := _split(a, b, gap):
            gaps.extend(parts)
        else:
            found.append(gap)  # nothing in common that could be trusted
    return _joined(sorted(found))


def split_lines(data: bytes) -> list[bytes]:
    """With their ends. UTF-16 is split at its own line feeds, anything else at byte 10."""
    if data[:2] == b"\xff\xfe":
        return _split_wide(data, b"\n\0")
    if data[:2] == b"\xfe\xff":
        return _split_wide(data, b"\0\n")
    return data.splitlines(keepends=True) if b"\r" not in data else _split_at_feeds(data)


def _split_at_feeds(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _split_wide(data: bytes, feed: bytes) -> list[bytes]:
    lines, start, position = [], 0, data.find(feed)
    while position != -1:
        if position % 2 == 0:
            lines.append(data[start : position + 2])
            start = position + 2
            position = data.find(feed, start)
        else:
            position = data.find(feed, position + 1)
    if start < len(data):
        lines.append(data[start:])
    return lines


def _trimmed(a: Sequence[Hashable], b: Sequence[Hashable], gap: Change) -> Change:
    a_start, a_end, b_start, b_end = gap
    while a_start < a_end and b_start < b_end and a[a_start] == b[b_start]:
        a_start, b_start = a_start + 1, b_start + 1
    while a_start < a_end and b_start < b_end and a[a_end - 1] == b[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
    return Change(a_start, a_end, b_start, b_end)


def _compared(a: Sequence[Hashable], b: Sequence[Hashable], gap: Change) -> list[Change]:
    matcher = SequenceMatcher(None, a[gap.a_start : gap.a_end], b[gap.b_start : gap.b_end], autojunk=False)
    return [
        Change(gap.a_start + a_start, gap.a_start + a_end, gap.b_start + b_start, gap.b_start + b_end)
        for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def _split(a: Sequence[Hashable], b: Sequence[Hashable], gap: Change) -> list[Change]:
    """The gaps between lines that occur exactly once on both sides and stand in the same order; none when there are none."""
    once_a, once_b = Counter(a[gap.a_start : gap.a_end]), Counter(b[gap.b_start : gap.b_end])
    place_b = {b[index]: index for index in range(gap.b_start, gap.b_end) if once_b[b[index]] == 1}
    pairs = [
        (index, place_b[a[index]])
        for index in range(gap.a_start, gap.a_end)
        if once_a[a[index]] == 1 and a[index] in place_b
    ]
    parts: list[Change] = []
    a_from, b_from = gap.a_start, gap.b_start
    for a_at, b_at in _rising(pairs):
        parts.append(Change(a_from, a_at, b_from, b_at))
        a_from, b_from = a_at + 1, b_at + 1
    return [*parts, Change(a_from, gap.a_end, b_from, gap.b_end)] if parts else []


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs that rises in both numbers (they come sorted by the first)."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = [-1] * len(pairs)
    for index, (_, value) in enumerate(pairs):
        length = bisect.bisect_left(ends, value)
        ends[length : length + 1] = [value]
        at[length : length + 1] = [index]
        before[index] = at[length - 1] if length else -1
    run: list[tuple[int, int]] = []
    index = at[-1] if at else -1
    while index != -1:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]


def _joined(parts: list[Change]) -> list[Change]:
    result: list[Change] = []
    for part in parts:
        if result and result[-1].a_end == part.a_start and result[-1].b_end == part.b_start:
            result[-1] = Change(result[-1].a_start, part.a_end, result[-1].b_start, part.b_end)
        else:
            result.append(part)
    return result

"""Three-way merging by lines: two changes of one text are both kept where they do not touch the same lines.

Nothing is guessed: changes of the same lines, or two insertions at one place, are a conflict unless they are identical.
"""

from collections.abc import Sequence

from cherry.edits.planning.comparing import Change, changes, split_lines


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """`ours` and `theirs` are two successors of `base`. None when they conflict or when one of them is not text."""
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    if (
        not all(_mergeable(data) for data in (base, ours, theirs))
        or len({data[:2] in _WIDE for data in (base, ours, theirs)}) > 1
    ):
        return None
    old, left, right = split_lines(base), split_lines(ours), split_lines(theirs)
    return _woven(old, left, right, changes(old, left), changes(old, right))


_WIDE = (b"\xff\xfe", b"\xfe\xff")


def _mergeable(data: bytes) -> bool:
    return data[:2] in _WIDE or b"\0" not in data


def _woven(
    base: Sequence[bytes], left: Sequence[bytes], right: Sequence[bytes], by_left: list[Change], by_right: list[Change]
) -> bytes | None:
    result: list[bytes] = []
    position = left_at = right_at = 0
    while left_at < len(by_left) or right_at < len(by_right):
        one = by_left[left_at] if left_at < len(by_left) else None
        two = by_right[right_at] if right_at < len(by_right) else None
        if one is not None and two is not None and _touch(one, two):
            if one[:2] != two[:2] or left[one.b_start : one.b_end] != right[two.b_start : two.b_end]:
                return None
            taken, lines = one, left[one.b_start : one.b_end]
            left_at, right_at = left_at + 1, right_at + 1
        elif two is None or (one is not None and one.a_start < two.a_start):
            assert one is not None
            taken, lines = one, left[one.b_start : one.b_end]
            left_at += 1
        else:
            taken, lines = two, right[two.b_start : two.b_end]
            right_at += 1
        result += base[position : taken.a_start]
        result += lines
        position = taken.a_end
    result += base[position:]
    return b"".join(result)


def _touch(one: Change, two: Change) -> bool:
    """They replace a common line, or one inserts at an end of the other, where the order would be a guess."""
    if one.a_start == one.a_end or two.a_start == two.a_end:
        return one.a_start <= two.a_end and two.a_start <= one.a_end
    return one.a_start < two.a_end and two.a_start < one.a_end

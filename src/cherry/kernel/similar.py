"""Which known word somebody may have meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, slips: int | None = None) -> str:
    """The known word that is at most `slips` slips of the finger away (default: a third of the word's length); empty when none is."""
    lowered = word.lower()
    bound = max(1, len(lowered) // 3) if slips is None else slips
    best, best_distance = "", bound + 1
    for candidate in known:
        if abs(len(candidate) - len(lowered)) < best_distance:
            distance = edit_distance(lowered, candidate.lower())
            if distance < best_distance:
                best, best_distance = candidate, distance
    return best


def edit_distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]

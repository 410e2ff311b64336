"""Sums entries and lays the sums out for reading."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from ledger.entries import Entry


def by_category(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Category to total, the largest first."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        totals[entry.category] += entry.amount
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def by_month(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Month to total, in order of time."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        totals[f"{entry.day:%m}"] += entry.amount
    return dict(sorted(totals.items()))


def as_text(totals: dict[str, Decimal]) -> str:
    """A table with one line per total and the sum below."""
    rows = [*totals.items(), ("total", sum(totals.values(), Decimal()))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {amount:>10.2f}" for name, amount in rows)

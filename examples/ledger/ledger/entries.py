"""Expenses as read from a CSV file."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation


class BadLine(ValueError):
    """A line that is not an expense; says which line and why."""


@dataclass(frozen=True)
class Entry:
    day: date
    category: str
    amount: Decimal
    note: str = ""


def read_entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Entries in the order of the file. Raises BadLine at the first line that cannot be read."""
    for number, row in enumerate(csv.reader(lines), start=1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        yield _entry(number, row)


def _entry(number: int, row: list[str]) -> Entry:
    if len(row) not in (3, 4):
        raise BadLine(f"line {number}: expected 3 or 4 fields, found {len(row)}")
    day, category, amount, *note = (field.strip() for field in row)
    try:
        return Entry(date.fromisoformat(day), category, Decimal(amount), *note)
    except (ValueError, InvalidOperation) as error:
        raise BadLine(f"line {number}: {error}") from error

import unittest
from datetime import date
from decimal import Decimal

from ledger.entries import Entry
from ledger.report import as_text, by_category, by_month


def entry(day: str, category: str, amount: str) -> Entry:
    return Entry(date.fromisoformat(day), category, Decimal(amount))


class Summing(unittest.TestCase):
    def test_categories_come_largest_first(self):
        totals = by_category([entry("2025-01-09", "food", "41.15"), entry("2025-01-03", "rent", "810.00")])
        self.assertEqual(list(totals), ["rent", "food"])

    def test_amounts_of_one_month_are_summed(self):
        totals = by_month([entry("2025-01-03", "rent", "810.00"), entry("2025-01-09", "food", "41.15")])
        self.assertEqual(list(totals.values()), [Decimal("851.15")])

    def test_the_same_month_of_two_years_stays_apart(self):
        totals = by_month([entry("2025-12-05", "food", "38.90"), entry("2024-12-28", "food", "23.40")])
        self.assertEqual(totals, {"2024-12": Decimal("23.40"), "2025-12": Decimal("38.90")})


class LayingOut(unittest.TestCase):
    def test_the_sum_stands_below(self):
        text = as_text({"rent": Decimal("810"), "food": Decimal("41.15")})
        self.assertEqual(text.splitlines()[-1].split(), ["total", "851.15"])


if __name__ == "__main__":
    unittest.main()

import unittest
from datetime import date
from decimal import Decimal

from ledger.entries import BadLine, Entry, read_entries


class ReadingEntries(unittest.TestCase):
    def test_comments_and_empty_lines_are_skipped(self):
        lines = ["# date,category,amount,note", "", "2025-01-03,rent,810.00,January"]
        self.assertEqual(list(read_entries(lines)), [Entry(date(2025, 1, 3), "rent", Decimal("810.00"), "January")])

    def test_a_quoted_note_may_hold_a_comma(self):
        (entry,) = read_entries(['2025-01-17,travel,62.00,"train, return"'])
        self.assertEqual(entry.note, "train, return")

    def test_a_bad_amount_names_the_line(self):
        with self.assertRaisesRegex(BadLine, "line 2"):
            list(read_entries(["2025-01-03,rent,810.00,", "2025-01-04,food,lots,"]))


if __name__ == "__main__":
    unittest.main()

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from ledger.cli import main


def run(content: str, *options: str) -> tuple[int, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "expenses.csv"
        path.write_text(content, encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(path), *options])
        return code, out.getvalue(), err.getvalue()


class CommandLine(unittest.TestCase):
    def test_a_report_is_printed(self):
        code, out, _ = run("2025-01-09,food,41.15,\n2025-01-03,rent,810.00,\n")
        self.assertEqual(code, 0)
        self.assertEqual([line.split() for line in out.splitlines()], [["rent", "810.00"], ["food", "41.15"], ["total", "851.15"]])

    def test_a_bad_line_is_reported_and_fails(self):
        code, out, err = run("yesterday,food,1.00,\n")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("line 1", err)


if __name__ == "__main__":
    unittest.main()

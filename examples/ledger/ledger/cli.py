"""The command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.entries import BadLine, read_entries
from ledger.report import as_text, by_category, by_month

GROUPINGS = {"category": by_category, "month": by_month}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger", description="Reports where the money went.")
    parser.add_argument("file", type=Path, help="CSV file with date,category,amount,note")
    parser.add_argument("--by", choices=sorted(GROUPINGS), default="category", help="what to sum by")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        with options.file.open(encoding="utf-8", newline="") as lines:
            totals = GROUPINGS[options.by](read_entries(lines))
    except (OSError, BadLine) as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    print(as_text(totals))
    return 0

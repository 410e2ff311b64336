"""Which programs are known: one row each. A new program is a parser file and a row."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cherry.reports.parsers import cargo, eslint, gcc, go, jest, mypy, pyright, pytest, ruff, tsc, unittest, vitest
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output


class Parser(NamedTuple):
    name: str
    names: str
    """Regular expression of the words that name the program in a command, after the folder was taken off."""
    shape: "re.Pattern[str]"
    """Found somewhere in an output of the program that has something to tell, and in no other's."""
    parse: Callable[[Output, Paths], Found]

    def is_named_in(self, words: Sequence[str]) -> bool:
        return any(re.fullmatch(self.names, word) for word in words)

    def recognises(self, shown: Output) -> bool:
        return self.shape.search(shown.text) is not None


PARSERS = (
    Parser("pytest", r"pytest|py\.test", pytest.COUNTS, pytest.parse),
    Parser("unittest", r"unittest", unittest.SHAPE, unittest.parse),
    Parser("ruff", r"ruff", ruff.SHAPE, ruff.parse),
    Parser("mypy", r"d?mypy", mypy.SHAPE, mypy.parse),
    Parser("pyright", r"(?:based)?pyright", pyright.SHAPE, pyright.parse),
    Parser("eslint", r"eslint(?:_d)?", eslint.SHAPE, eslint.parse),
    Parser("tsc", r"(?:vue-)?tsc", tsc.SHAPE, tsc.parse),
    Parser("jest", r"jest", jest.SHAPE, jest.parse),
    Parser("vitest", r"vitest", vitest.SHAPE, vitest.parse),
    Parser("cargo", r"cargo|rustc|clippy", cargo.SHAPE, cargo.parse),
    Parser("go", r"go|gofmt|gotestsum", go.SHAPE, go.parse),
    Parser(
        "gcc/clang", r"(?:[\w.-]+-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|clang-tidy)(?:-\d+)?", gcc.SHAPE, gcc.parse
    ),
)

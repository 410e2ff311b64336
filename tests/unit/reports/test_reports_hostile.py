"""No text whatever makes a parser fail, or take long."""

import time
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cherry.reports.paths import Paths
from cherry.reports.reading import read_report
from cherry.reports.table import PARSERS
from cherry.reports.text import Output

CORPUS = Path(__file__).parents[2] / "corpus" / "reports"
LINES = sorted(
    {line for file in CORPUS.glob("*/*.txt") for line in file.read_text("utf-8").split("\n") if len(line) < 300}
)
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":1:1: ",
    "error: ",
    " --> ",
    "\x1b[",
    "\r",
    "at (",
    "=" * 70,
    "_ _",
    "(",
    ")",
    '"',
    "::",
    "\t",
]
WORDS = st.one_of(st.text(max_size=30), st.sampled_from(PIECES), st.sampled_from(LINES))


def read_by_all(text: str) -> None:
    shown = Output(text)
    for parser in PARSERS:
        found = parser.parse(shown, Paths(None))
        for problem in found.problems:
            assert problem.line >= 0
            assert len(problem.message) <= 2_000
    report = read_report("make", text, 1)
    assert report.raw or report.problems or report.recognised or not text.strip() or report.warning


@given(st.text())
@example("")
@example("[" * 100_000)
@example('{"a":' * 5_000)
@example("\ud800")
@example('[{"filename": 1, "location": [], "messages": {}, "file": null}]')
@example('{"testResults": [{"name": "a", "assertionResults": [1, {"status": "failed", "ancestorTitles": [null]}]}]}')
@example('{"generalDiagnostics": [{"file": "a", "range": {"start": {"line": "x"}}}, 1]}')
@example('{"message": {"level": "error", "spans": [1, {"is_primary": true, "line_start": []}], "code": 1}}')
@example('# a\n{"posn": {"a": [{"posn": 5}]}}\n# b\n["posn"]')
@settings(deadline=None)
def test_any_text_is_read_without_a_crash(text: str):
    read_by_all(text)


@given(st.lists(WORDS, max_size=30), st.sampled_from(["\n", " ", ""]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mixture_of_real_lines_is_read_without_a_crash(words: list[str], between: str):
    read_by_all(between.join(words))


def test_no_line_makes_matching_slow():
    """Each of these is long and almost what some expression looks for."""
    traps = [
        " ", "a:1:1: ", "(", "a(1,1", "[", "^", " ^", ": ", "- ", "a.py:", "at (a:1:1", "  1:1  error  a  ", "=", "_ ", "E ",
        "FAILED a[", "] - ", "panicked at '", "', a:1:1", "rust-clippy/", "File \"a\", line ", "ld: a.o(", "1 failed, ", "::",
        "a > ", "● ", "1:", "\x1b]", "\x1b[", "#[warn(", "title=ruff (", ": line 1, col 1, Error - (", ".go:", "\t", "TS1: ",
    ]  # fmt: skip
    heads = [
        "",
        "thread 'a' panicked at '",
        "FAILED ",
        "a.py:1: error: ",
        "test ",
        "  ● ",
        "a.c:1:1: error: ",
        "::error ",
        "  1:1 error ",
    ]
    text = "\n".join(head + trap * (20_000 // len(trap)) for head in heads for trap in traps)
    started = time.process_time()
    read_by_all(text)
    assert time.process_time() - started < 15

"""jest: the default and verbose reporters, and `--json`. A problem's code is `file › describe › test`."""

import re

from cherry.reports.collecting import Finds
from cherry.reports.node import read_failure, read_json_report, suite_message
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_SUITE = re.compile(r"^ *(?:FAIL|PASS) +(?:\S+ )?(?P<path>\S+\.[cm]?[jt]sx?)(?: \(.*\))?$")
_TITLE = re.compile(r"^  ● (?P<title>\S.*)$")
_COUNTS = re.compile(r"^Tests: +(?P<counts>\d.*)$", re.MULTILINE)
_NONE = re.compile(r"^No tests? (?:files? )?found", re.MULTILINE)
_COUNT = re.compile(r"(\d{1,9}) (passed|failed)")
_END = ("Test Suites: ", "Summary of all failing tests")
SHAPE = re.compile(
    r'^Tests: +\d+ .*total$|^\{"numFailedTestSuites":|^  ● .+ › |^No tests found, exiting with code', re.MULTILINE
)
_NOT_TESTS = ("Console", "Deprecation Warning", "Validation Warning", "Cannot log after tests are done")
SEPARATOR = " › "


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("jest", paths)
    for document in shown.documents:
        if isinstance(document, dict) and "numRuntimeErrorTestSuites" in document:
            found = read_json_report(document, finds, paths, separator=SEPARATOR)
            if found is not None:
                return found
    for path, title, lines in _sections(shown.lines):
        _add(finds, paths, path, title, lines)
    counts = _COUNTS.search(shown.text)
    if counts is None:
        nothing = 0 if _NONE.search(shown.text) else None
        return finds.found(passed=nothing, failed=nothing)
    counted = {word: int(count) for count, word in _COUNT.findall(counts["counts"])}
    return finds.found(passed=counted.get("passed", 0), failed=counted.get("failed", 0))


def _sections(lines: list[str]) -> list[tuple[str, str, list[str]]]:
    """(file, title, what is told of it) for each failure."""
    sections: list[tuple[str, str, list[str]]] = []
    path, inside = "", False
    for line in lines:
        if suite := _SUITE.match(line):
            path, inside = suite["path"], False
        elif line.startswith(_END):
            path, inside = "", False
        elif path and (title := _TITLE.match(line)):
            inside = not title["title"].startswith(_NOT_TESTS)
            if inside:
                sections.append((path, title["title"].strip(), []))
        elif inside:
            sections[-1][2].append(line)
    return sections


def _add(finds: Finds, paths: Paths, path: str, title: str, lines: list[str]) -> None:
    name = paths.relative(path)
    told = read_failure(lines, paths, fallback=path)
    if title == "Test suite failed to run":
        finds.add(name, told.line, suite_message("\n".join(lines)) or title, code=name)
    else:
        finds.add(told.path, told.line, told.message or "failed", code=f"{name}{SEPARATOR}{title}")

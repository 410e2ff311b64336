"""vitest: its own reporters and the one named json. A problem's code is `file > describe > test`."""

import re

from cherry.reports.collecting import Finds
from cherry.reports.node import read_failure, read_json_report, suite_message
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_FAIL = re.compile(r"^ *FAIL +(?:\|[^|]+\| +)?(?P<path>\S+\.[cm]?[jt]sx?)(?:(?P<suite> \[ .* \])| > (?P<title>.+))?$")
_BORDER = re.compile(r"^⎯{4,}")
_UNHANDLED = re.compile(r"^⎯+ (?:Unhandled (?:Error|Rejection|Errors)|Uncaught Exception) ⎯+")
_COUNTS = re.compile(r"^ +Tests  +(?P<counts>.*)$", re.MULTILINE)
_NONE = re.compile(r"^No tests? (?:files? )?found", re.MULTILINE)
_COUNT = re.compile(r"(\d{1,9}) (passed|failed)")
SHAPE = re.compile(
    r"^ +Test Files  +\d|^ *RUN +v\d+\.\d|^ *FAIL +\S+\.[cm]?[jt]sx? (?:> |\[ )|^\{\"numTotalTestSuites\":",
    re.MULTILINE,
)
SEPARATOR = " > "


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("vitest", paths)
    for document in shown.documents:
        if (
            isinstance(document, dict)
            and "numTotalTestSuites" in document
            and "numRuntimeErrorTestSuites" not in document
        ):
            found = read_json_report(document, finds, paths, separator=SEPARATOR)
            if found is not None:
                return found
    _failures(shown.lines, finds, paths)
    if not finds:
        _unhandled(shown.lines, finds, paths)
    counts = _COUNTS.search(shown.text)
    if counts is None:
        nothing = 0 if _NONE.search(shown.text) else None
        return finds.found(passed=nothing, failed=nothing)
    counted = {word: int(count) for count, word in _COUNT.findall(counts["counts"])}
    return finds.found(passed=counted.get("passed", 0), failed=counted.get("failed", 0))


def _failures(lines: list[str], finds: Finds, paths: Paths) -> None:
    """Tests that fail in the same way are named one below the other and told once."""
    names: list[re.Match[str]] = []
    told: list[str] = []
    for line in [*lines, "⎯⎯⎯⎯"]:
        if fail := _FAIL.match(line):
            if told:
                names, told = [], []
            names.append(fail)
        elif _BORDER.match(line):
            for name in names:
                _add(finds, paths, name, told)
            names, told = [], []
        elif names:
            told.append(line)


def _add(finds: Finds, paths: Paths, name: "re.Match[str]", lines: list[str]) -> None:
    path = paths.relative(name["path"])
    told = read_failure(lines, paths, fallback=path)
    if name["title"]:
        finds.add(told.path, told.line, told.message or "failed", code=f"{path}{SEPARATOR}{name['title']}")
    else:
        finds.add(
            path,
            told.line if paths.relative(told.path) == path else 0,
            suite_message("\n".join(lines)) or "failed",
            code=path,
        )


def _unhandled(lines: list[str], finds: Finds, paths: Paths) -> None:
    for index, line in enumerate(lines):
        if _UNHANDLED.match(line):
            told = read_failure(lines[index + 1 : index + 40], paths, fallback="")
            if told.message:
                finds.add(told.path, told.line, told.message, code="unhandled error")

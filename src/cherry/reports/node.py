"""What the test runners of Node share: stack traces, code frames, and the JSON report both print."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found

_STACK = re.compile(r"^\s*(?:at |❯ |At file: |File: )(?:.*?[( ])?(?P<path>(?:file://)?[^\s()]+?):(?P<line>\d+):\d+\)?$")
_MARKED_LINE = re.compile(r"^\s*> *(?P<line>\d+) \|")
_CODE_FRAME = re.compile(r"^\s*(?:>? *\d+ *\||\|)")
_MAX_LINES = 20


class Told(NamedTuple):
    """One failure: where, and in which words."""

    path: str
    line: int
    message: str


def read_failure(lines: Iterable[str], paths: Paths, *, fallback: str) -> Told:
    """The place is the project's own innermost frame; `fallback` is the file when no frame tells."""
    place: tuple[str, int] | None = None
    message: list[str] = []
    marked, in_message = 0, True
    for line in lines:
        if frame := _STACK.match(line):
            if place is None and paths.is_own(paths.relative(frame["path"])):
                place = (frame["path"], int(frame["line"][:9]))
            in_message = False
        elif at := _MARKED_LINE.match(line):
            marked, in_message = marked or int(at["line"][:9]), False
        elif _CODE_FRAME.match(line):
            in_message = False
        elif in_message and len(message) < _MAX_LINES:
            message.append(line)
    path, number = place or (fallback, marked)
    return Told(path, number, _dedented(message))


def _dedented(lines: Sequence[str]) -> str:
    filled = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return "\n".join(line[margin:] for line in lines).strip()


def read_json_report(document: Any, finds: Finds, paths: Paths, *, separator: str) -> Found | None:
    """`--json` of jest and vitest's reporter of that name; None for any other document."""
    if not isinstance(document, dict) or not isinstance(document.get("testResults"), list):
        return None
    for suite in document["testResults"]:
        if isinstance(suite, dict) and isinstance(suite.get("name"), str):
            _suite(suite, finds, paths, separator)
    return finds.found(passed=_count(document.get("numPassedTests")), failed=_count(document.get("numFailedTests")))


def _suite(suite: dict[str, Any], finds: Finds, paths: Paths, separator: str) -> None:
    name = paths.relative(suite["name"])
    tests = suite.get("assertionResults")
    failed = [test for test in tests if isinstance(test, dict)] if isinstance(tests, list) else []
    failed = [test for test in failed if test.get("status") == "failed"]
    for test in failed:
        titles = [title for title in test.get("ancestorTitles") or () if isinstance(title, str)]
        code = separator.join([name, *titles, str(test.get("title", ""))])
        messages = [text for text in test.get("failureMessages") or () if isinstance(text, str)]
        told = read_failure("\n".join(messages).split("\n"), paths, fallback=name)
        finds.add(told.path, told.line, told.message or "failed", code=code)
    if not failed and suite.get("status") == "failed":
        text = str(suite.get("message") or "could not be run")
        place = read_failure(text.split("\n"), paths, fallback=name)
        finds.add(name, place.line if paths.relative(place.path) == name else 0, suite_message(text), code=name)


def suite_message(text: str) -> str:
    """Of a file that could not be run: what went wrong, without general advice and without code."""
    _, found, details = text.partition("Details:\n")
    lines = (details if found else text).split("\n")
    kept = []
    for line in lines:
        if _STACK.match(line) or _CODE_FRAME.match(line):
            break
        if "Test suite failed to run" not in line:
            kept.append(line)
    return _dedented(kept[:_MAX_LINES])


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

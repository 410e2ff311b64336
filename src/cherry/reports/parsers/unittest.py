"""unittest: the sections between `=` lines; outside of them only a traceback of the runner itself.

A problem's code is the test's dotted name, of a sub-test with its parameters.
"""

import re

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output
from cherry.reports.tracebacks import Place, read_traceback

SHAPE = re.compile(r"^Ran \d+ tests? in \d", re.MULTILINE)
_HEADER = re.compile(r"^(?:ERROR|FAIL|UNEXPECTED SUCCESS): (?P<name>\S+)(?: \((?P<where>[\w.<>]+)\))?(?P<sub> .+)?$")
_BORDER = "=" * 70
_RULE = "-" * 70
_RAN = re.compile(r"^Ran (\d{1,9}) tests? in ", re.MULTILINE)
_RESULT = re.compile(r"^(?:FAILED|OK) \((.*)\)$", re.MULTILINE)
_COUNTED = re.compile(r"(failures|errors|skipped|expected failures|unexpected successes)=(\d{1,9})")
_END = ("Stdout:", "Stderr:")


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("unittest", paths)
    for title, lines in _sections(shown.lines):
        traceback = read_traceback(lines)
        place = _innermost(traceback.places, paths) or Place("", 0)
        finds.add(place.path, place.line, traceback.message or "failed", code=title)
    ran = _RAN.search(shown.text)
    if ran is None and not finds:
        traceback = read_traceback(shown.lines)
        if traceback.message:
            place = _innermost(traceback.places, paths) or Place("", 0)
            finds.add(place.path, place.line, traceback.message)
    passed, failed = _counts(shown.text)
    return finds.found(passed=passed, failed=failed)


def _sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    inside = False
    for index, line in enumerate(lines):
        if line == _BORDER:
            header = _HEADER.match(lines[index + 1]) if index + 1 < len(lines) else None
            inside = header is not None
            if header:
                sections.append((_name(header), []))
        elif inside and line in _END:
            inside = False
        elif inside and not (line == _RULE and index + 1 < len(lines) and lines[index + 1].startswith("Ran ")):
            sections[-1][1].append(line)
        else:
            inside = False
    return sections


def _name(header: "re.Match[str]") -> str:
    """`pkg.module.Class.test`: since Python 3.11 the bracket holds all of it, before only the class."""
    name, where = header["name"], header["where"] or ""
    full = name if not where else where if where.rpartition(".")[2] == name else f"{where}.{name}"
    return full + (header["sub"] or "").rstrip()


def _innermost(places: tuple[Place, ...], paths: Paths) -> Place | None:
    own = [place for place in places if paths.is_own(paths.relative(place.path))]
    return own[-1] if own else None


def _counts(text: str) -> tuple[int | None, int | None]:
    ran = _RAN.search(text)
    if ran is None:
        return None, None
    result = _RESULT.search(text)
    counted = {name: int(count) for name, count in _COUNTED.findall(result[1])} if result else {}
    failed = counted.get("failures", 0) + counted.get("errors", 0) + counted.get("unexpected successes", 0)
    others = counted.get("skipped", 0) + counted.get("expected failures", 0)
    return max(0, int(ran[1]) - failed - others), failed

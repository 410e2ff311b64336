"""pytest: failures and errors of any `--tb` style, from the sections where they are told at length and the summary that names them.

A problem's code is the test's node id; its place the project's own innermost frame.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output
from cherry.reports.tracebacks import Place, read_traceback

COUNTS = re.compile(
    r"^(?:=+ )?(?:(?:\d+ [a-z]+(?: [a-z]+)?(?:, )?)+|no tests ran) in \d+(?:\.\d+)?s(?: \([\d:]+\))?(?: =+)?$",
    re.MULTILINE,
)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|subtests passed|subtests failed)\b")
_HEADER = re.compile(r"^=+ (.+?) =+$")
_TITLE = re.compile(r"^_+ (.+) _+$")
_SUMMARY = re.compile(r"^(FAILED|ERROR|SUBFAIL\S*) (?P<id>[^\[\]]+?(?:\[.*?\](?= - |$))?)(?: - (?P<message>.*))?$")
_PLACE = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):(?: (?P<rest>.*))?$")
_ERROR_OF = re.compile(r"^ERROR (?:at (?:setup|teardown) of|collecting) (.*)$")
_COMPLAINT = re.compile(r"^(?:ERROR: |INTERNALERROR> (?=\w+(?:Error|Exception)))(.+)$")
_USAGE_ERROR = re.compile(r"^.*?: error: (.+)$")
_SECTIONS = ("FAILURES", "ERRORS")
_MAX_LINES = 25


@dataclass
class _Section:
    """One failure as it is told at length."""

    title: str
    """`TestBasket.test_long`, or a path for what could not be collected."""
    lines: list[str] = field(default_factory=list)
    used: bool = False


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("pytest", paths)
    sections, loose = _sections(shown.lines)
    briefs = list(_line_style(loose, paths))
    for line in shown.lines:
        if summary := _SUMMARY.match(line):
            _add(finds, paths, summary["id"].strip(), summary["message"] or "", sections, briefs)
    for section in sections:
        if not section.used:
            _add_section(finds, paths, section)
    if not finds:
        _complaints(shown.lines, finds)
    passed, failed = _counts(shown.text)
    return finds.found(passed=passed, failed=failed)


def _complaints(lines: list[str], finds: Finds) -> None:
    """What pytest says when it cannot even begin."""
    for index, line in enumerate(lines):
        if complaint := _COMPLAINT.match(line):
            usage = complaint[1].startswith("usage: ")
            after = _USAGE_ERROR.match(lines[index + 1]) if usage and index + 1 < len(lines) else None
            finds.add("", 0, after[1] if after else complaint[1])


def _add(
    finds: Finds,
    paths: Paths,
    test: str,
    brief: str,
    sections: list[_Section],
    briefs: list[tuple[Place, str]],
) -> None:
    path = test.partition("::")[0]
    section = _section_of(test, path, sections)
    if section is not None:
        section.used = True
        places, message = _told(section, paths)
        place = places[-1] if places else None
    else:
        place, message = _briefly_told(path, brief, briefs)
    place = place or Place(path, 0)
    finds.add(place.path, place.line, message or brief or "could not be collected", code=test)


def _add_section(finds: Finds, paths: Paths, section: _Section) -> None:
    """A failure the summary does not name: it was switched off, or the output was cut."""
    places, message = _told(section, paths)
    if places:
        is_path = section.title.endswith(".py")
        code = section.title if is_path else f"{places[0].path}::{section.title.replace('.', '::')}"
        finds.add(places[-1].path, places[-1].line, message or "failed", code=code)


def _sections(lines: list[str]) -> tuple[list[_Section], list[str]]:
    """What is told at length, and the lines that belong to no title: `--tb=line` has none."""
    sections: list[_Section] = []
    loose: list[str] = []
    inside = open_ = False
    for line in lines:
        if header := _HEADER.match(line):
            inside, open_ = header[1] in _SECTIONS, False
        elif inside and (title := _TITLE.match(line)) and title[1].strip("_ "):
            sections.append(_Section(_ERROR_OF.sub(r"\1", title[1])))
            open_ = True
        elif open_:
            sections[-1].lines.append(line)
        elif inside:
            loose.append(line)
    return sections, loose


def _section_of(test: str, path: str, sections: list[_Section]) -> _Section | None:
    title = _title(test)
    fitting = [section for section in sections if section.title == title and not section.used]
    named = [section for section in fitting if any(path in line for line in section.lines)]
    return next(iter(named or fitting), None)


def _title(test: str) -> str:
    """What pytest calls a test in its sections."""
    name, bracket, parameters = test.partition("[")
    _, _, inner = name.partition("::")
    return inner.replace("::", ".") + bracket + parameters if inner else test


def _told(section: _Section, paths: Paths) -> tuple[list[Place], str]:
    """The project's own frames, outermost first, and the words."""
    lines = _without_captured(section.lines)
    quoted = _quoted(lines)
    traceback = read_traceback([*lines, *quoted])
    places = [Place(found["path"], int(found["line"][:9])) for line in lines if (found := _PLACE.match(line))]
    places += traceback.places
    message = "\n".join(quoted[:_MAX_LINES]) or traceback.message
    return _own(places, paths), message


def _quoted(lines: list[str]) -> list[str]:
    """The lines pytest marks with E, of chained exceptions those of the last."""
    quoted: list[str] = []
    for line in lines:
        if line.startswith(("E ", "E\t")) or line == "E":
            quoted.append(line[1:])
        elif line.startswith(("During handling of the above", "The above exception was")):
            quoted.clear()
    return textwrap.dedent("\n".join(quoted)).split("\n") if quoted else []


def _without_captured(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if line.startswith("---") and " Captured " in line:
            return lines[:index]
    return lines


def _own(places: list[Place], paths: Paths) -> list[Place]:
    here = [place._replace(path=paths.relative(place.path)) for place in places]
    return [place for place in here if paths.is_own(place.path)]


def _line_style(lines: list[str], paths: Paths) -> Iterator[tuple[Place, str]]:
    """`--tb=line`: one line a failure, which does not name the test."""
    for line in lines:
        if (found := _PLACE.match(line)) and found["rest"]:
            yield Place(paths.relative(found["path"]), int(found["line"][:9])), found["rest"]


def _briefly_told(path: str, brief: str, told: list[tuple[Place, str]]) -> tuple[Place | None, str]:
    """The line that goes on as the summary begins; of several the first in the test's own file, and each only once."""
    start = brief.removesuffix("...")
    fitting = [entry for entry in told if start and entry[1].startswith(start)]
    chosen = next((entry for entry in fitting if entry[0].path == path), fitting[0] if fitting else None)
    if chosen is None:
        return None, ""
    told.remove(chosen)
    return chosen


def _counts(text: str) -> tuple[int | None, int | None]:
    lines = [found[0] for found in COUNTS.finditer(text)]
    if not lines:
        return None, None
    counted = {word: int(count[:9]) for count, word in _COUNT.findall(lines[-1])}
    return counted.get("passed", 0), counted.get("failed", 0) + counted.get("error", 0) + counted.get("errors", 0)

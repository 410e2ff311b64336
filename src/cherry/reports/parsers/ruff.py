"""ruff: `check` in every output format, `format --check`, and its own complaints."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_CODE = r"(?P<code>[A-Z]{1,5}\d{1,5}|invalid-syntax|io-error|unformatted)"
CONCISE = re.compile(
    rf"^(?P<path>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+): {_CODE}:?(?P<fix> \[\*\])? (?P<message>\S.*)$"
)
FULL = re.compile(rf"^{_CODE}:?(?: \[\*\])? (?P<message>\S.*)$")
_ARROW = re.compile(r"^ +--> (?P<path>.+?):(?P<line>\d+):\d+$")
_PYLINT = re.compile(rf"^(?P<path>[^\s:][^:]*):(?P<line>\d+): \[{_CODE}\] (?P<message>\S.*)$")
_GITHUB = re.compile(
    r"^::(?P<severity>error|warning|notice) title=ruff \((?P<code>[^)]+)\),file=(?P<path>[^,]+),line=(?P<line>\d+)"
    r"[^:]*::[^ ]+ \S+ (?P<message>.+)$"
)
_GROUP = re.compile(r"^(?P<path>\S[^:]*):$")
_IN_GROUP = re.compile(rf"^ +(?P<line>\d+):\d+ +{_CODE}:?(?: \[\*\])? (?P<message>\S.*)$")
_UNFORMATTED = re.compile(r"^Would reformat: (?P<path>.+)$")
_COMPLAINT = re.compile(
    r"^error: (?:Failed to (?:parse|format) (?P<path>[^:]+):(?:(?P<line>\d+):\d+:)? )?(?P<message>.+)$"
)
SHAPE = re.compile(
    rf"^(?:[^\s:][^:\n]*\.(?:pyi?|ipynb|toml):\d+:\d+: {_CODE.replace('?P<code>', '?:')}:? "
    r"|Would reformat: |unformatted: |\d+ files? would be (?:left unformatted|reformatted)|::error title=ruff )"
    r"|^(?:[A-Z]{1,5}\d{1,5}|invalid-syntax):?(?: \[\*\])? .+\n +--> .+:\d+:\d+$|\"noqa_row\": ?\d",
    re.MULTILINE,
)


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("ruff", paths)
    for document in shown.documents:
        _document(document, finds)
    if not finds:
        _lines(shown.lines, finds)
    return finds.found()


def _document(document: Any, finds: Finds) -> None:
    for entry in document if isinstance(document, list) else [document]:
        if not isinstance(entry, dict):
            continue
        place = entry.get("location")
        if not isinstance(place, dict):
            continue
        if isinstance(entry.get("filename"), str):
            code = entry.get("code") or "invalid-syntax"
            finds.add(entry["filename"], _integer(place.get("row")), str(entry.get("message", "")), code=str(code))
        elif isinstance(place.get("path"), str) and "check_name" in entry:  # GitLab's form
            start = place.get("positions", {}).get("begin", {}) if isinstance(place.get("positions"), dict) else {}
            message = str(entry.get("description", "")).removeprefix(f"{entry['check_name']}: ")
            line = start.get("line") if isinstance(start, dict) else 0
            finds.add(place["path"], _integer(line), message, code=str(entry["check_name"]))


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _lines(lines: list[str], finds: Finds) -> None:
    group = ""
    for index, line in enumerate(lines):
        if found := CONCISE.match(line) or _PYLINT.match(line) or _GITHUB.match(line):
            message = found["message"].replace("%0A  help: ", "\n").partition("\n")[0]
            finds.add(found["path"], found["line"], message, code=found["code"])
        elif (found := FULL.match(line)) and index + 1 < len(lines) and (arrow := _ARROW.match(lines[index + 1])):
            unformatted = found["code"] == "unformatted"
            at = 0 if unformatted else int(arrow["line"][:9])
            finds.add(arrow["path"], at, _format_words() if unformatted else found["message"], code=found["code"])
        elif found := _GROUP.match(line):
            group = found["path"]
        elif group and (found := _IN_GROUP.match(line)):
            finds.add(group, found["line"], found["message"], code=found["code"])
        elif found := _UNFORMATTED.match(line):
            finds.add(found["path"], 0, _format_words(), code="unformatted")
        elif found := _COMPLAINT.match(line):
            finds.add(found["path"] or "", found["line"] or 0, found["message"])


def _format_words() -> str:
    return "File would be reformatted"

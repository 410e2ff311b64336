"""ESLint: the formats stylish, json, unix and compact."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_FILE = re.compile(r"^(?P<path>[^\s:][^:]*\.\w+)$")
_FINDING = re.compile(r"^ +(?P<line>\d+):\d+ +(?P<severity>error|warning|info) +(?P<words>\S.*)$")
_RULE = re.compile(r"[@\w][\w@/.-]*")
_UNIX = re.compile(
    r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):\d+: (?P<message>.*) \[(?P<severity>Error|Warning)(?:/(?P<code>[^\]]+))?\]$"
)
_COMPACT = re.compile(
    r"^(?P<path>[^\s:][^:]*): line (?P<line>\d+), col \d+, (?P<severity>Error|Warning) - (?P<message>.*?)(?: \((?P<code>[^()]+)\))?$"
)
_TOO_MANY = re.compile(r"^ESLint found too many warnings \(maximum: \d+\)", re.MULTILINE)
SHAPE = re.compile(
    r"^ +\d+:\d+ +(?:error|warning) +\S|^✖ \d+ problems?|^\[\{\"filePath\":|^[^:\n]+: line \d+, col \d+, (?:Error|Warning) - "
    r"|^[^:\n]+:\d+:\d+: .* \[(?:Error|Warning)/",
    re.MULTILINE,
)
_SEVERITIES = {1: "warning", 2: "error"}


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("eslint", paths)
    for document in shown.documents:
        _document(document, finds)
    if not finds:
        _lines(shown.lines, finds)
    if too_many := _TOO_MANY.search(shown.text):
        finds.add("", 0, too_many[0])
    return finds.found()


def _document(document: Any, finds: Finds) -> None:
    for file in document if isinstance(document, list) else []:
        messages = file.get("messages") if isinstance(file, dict) else None
        if not isinstance(messages, list) or not isinstance(file.get("filePath"), str):
            continue
        for entry in messages:
            if isinstance(entry, dict):
                line = entry.get("line")
                finds.add(
                    file["filePath"],
                    line if isinstance(line, int) else 0,
                    str(entry.get("message", "")),
                    code=str(entry.get("ruleId") or ""),
                    severity=_severity(entry.get("severity")),
                )


def _severity(value: object) -> str:
    return _SEVERITIES.get(value, "error") if isinstance(value, int) else "error"


def _lines(lines: list[str], finds: Finds) -> None:
    path = ""
    for line in lines:
        if found := _UNIX.match(line) or _COMPACT.match(line):
            finds.add(
                found["path"], found["line"], found["message"], code=found["code"] or "", severity=found["severity"]
            )
        elif path and (found := _FINDING.match(line)):
            message, code = _split(found["words"].rstrip())
            finds.add(path, found["line"], message, code=code, severity=found["severity"])
        elif found := _FILE.match(line):
            path = found["path"]
        elif not line.strip():
            path = ""


def _split(words: str) -> tuple[str, str]:
    """The rule stands in a column of its own, at least two spaces after the message."""
    message, gap, rule = words.rpartition("  ")
    return (message, rule) if gap and _RULE.fullmatch(rule) else (words, "")

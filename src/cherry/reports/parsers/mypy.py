"""mypy: plain, with columns, `--pretty`, `-O json`."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_LINE = re.compile(
    r"^(?P<path>[^\s:][^:]*?):(?:(?P<line>\d+):(?:\d+:){0,3})? (?P<severity>error|warning|note): (?P<message>.*)$"
)
_CODE = re.compile(r"\s\[(?P<code>[a-z][a-z0-9-]*)\]$")
SHAPE = re.compile(
    r"^[^\s:][^:\n]*\.pyi?:(?:\d+:){1,4} (?:error|note): .*\[[a-z][a-z0-9-]+\]$"
    r"|^Found \d+ errors? in \d+ files? \((?:checked|errors prevented)"
    r'|^\{"file": "[^"]+\.pyi?", "line": ',
    re.MULTILINE,
)
_MAX_JOINED = 10


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("mypy", paths)
    for document in shown.documents:
        _document(document, finds)
    if finds:
        return finds.found()
    lines = shown.lines
    for index, line in enumerate(lines):
        if (found := _LINE.match(line)) and found["severity"] != "note":
            message, code = _split(_joined(found["message"], lines[index + 1 : index + _MAX_JOINED]))
            path = "" if found["path"] == "mypy" else found["path"]
            finds.add(path, found["line"] or 0, message, code=code, severity=found["severity"])
    return finds.found()


def _document(document: Any, finds: Finds) -> None:
    if isinstance(document, dict) and isinstance(document.get("file"), str) and "severity" in document:
        line = document.get("line")
        if document["severity"] != "note":
            finds.add(
                document["file"],
                line if isinstance(line, int) else 0,
                str(document.get("message", "")),
                code=str(document.get("code") or ""),
                severity=str(document["severity"]),
            )


def _joined(message: str, following: list[str]) -> str:
    """`--pretty` wraps messages; what follows them is indented source."""
    if _CODE.search(message):
        return message
    pieces = [message]
    for line in following:
        if not line or line[0].isspace() or _LINE.match(line) or line.startswith("Found "):
            break
        pieces.append(line)
        if _CODE.search(line):
            return " ".join(pieces)
    return message


def _split(message: str) -> tuple[str, str]:
    found = _CODE.search(message)
    return (message[: found.start()].rstrip(), found["code"]) if found else (message, "")

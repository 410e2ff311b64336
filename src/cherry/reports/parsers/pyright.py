"""pyright and basedpyright: text and `--outputjson`."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_LINE = re.compile(
    r"^ *(?P<path>\S.*?):(?P<line>\d+):\d+ - (?P<severity>error|warning|information|info): (?P<message>.*)$"
)
_RULE = re.compile(r"\((?P<code>report\w+)\)$")
SHAPE = re.compile(
    r"^ *\S.*:\d+:\d+ - (?:error|warning|information): |^\d+ errors?, \d+ warnings?, \d+ (?:informations|notes)"
    r'|"generalDiagnostics"',
    re.MULTILINE,
)
_MAX_JOINED = 12


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("pyright", paths)
    for document in shown.documents:
        _document(document, finds)
    if finds:
        return finds.found()
    lines = shown.lines
    for index, line in enumerate(lines):
        if (found := _LINE.match(line)) and not found["path"].endswith((".ts", ".tsx", ".js")):
            message, code = _split(_joined(found["message"], lines[index + 1 : index + _MAX_JOINED]))
            finds.add(found["path"], found["line"], message, code=code, severity=found["severity"])
    return finds.found()


def _document(document: Any, finds: Finds) -> None:
    entries = document.get("generalDiagnostics") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            continue
        finds.add(
            entry["file"],
            _line(entry.get("range")),
            str(entry.get("message", "")),
            code=str(entry.get("rule") or ""),
            severity=str(entry.get("severity", "error")),
        )


def _line(place: object) -> int:
    start = place.get("start") if isinstance(place, dict) else None
    line = start.get("line") if isinstance(start, dict) else None
    return line + 1 if isinstance(line, int) else 0


def _joined(message: str, following: list[str]) -> str:
    """A message goes on in deeper lines until its rule."""
    pieces = [message]
    for line in following:
        deeper = line.replace("\u00a0", " ")
        if _RULE.search(pieces[-1]) or not deeper.startswith("    ") or _LINE.match(line):
            break
        pieces.append(deeper.strip())
    return "\n".join(pieces)


def _split(message: str) -> tuple[str, str]:
    found = _RULE.search(message)
    return (message[: found.start()].rstrip(), found["code"]) if found else (message, "")

"""The TypeScript compiler, plain and pretty, in any language: its codes and the word `error` are never translated."""

import re

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_PLAIN = re.compile(
    r"^(?P<path>\S.*?)\((?P<line>\d+),\d+\): (?P<severity>error|warning) (?P<code>TS\d+): (?P<message>.*)$"
)
_PRETTY = re.compile(
    r"^(?P<path>\S.*?):(?P<line>\d+):\d+ - (?P<severity>error|warning) (?P<code>TS\d+): (?P<message>.*)$"
)
_GLOBAL = re.compile(r"^(?P<severity>error|warning) (?P<code>TS\d+): (?P<message>.*)$")
SHAPE = re.compile(r"^(?:\S.*(?:\(\d+,\d+\):|:\d+:\d+ -) )?error TS\d+: ", re.MULTILINE)
_MAX_JOINED = 8


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("tsc", paths)
    lines = shown.lines
    for index, line in enumerate(lines):
        if " TS" not in line:
            continue
        if found := _PLAIN.match(line) or _PRETTY.match(line):
            message = "\n".join([found["message"], *_more(lines[index + 1 : index + _MAX_JOINED])])
            finds.add(found["path"], found["line"], message, code=found["code"], severity=found["severity"])
        elif found := _GLOBAL.match(line):
            finds.add("", 0, found["message"], code=found["code"], severity=found["severity"])
    return finds.found()


def _more(following: list[str]) -> list[str]:
    """Indented lines directly below explain the message."""
    more: list[str] = []
    for line in following:
        if not line.startswith("  "):
            break
        more.append(line)
    return more

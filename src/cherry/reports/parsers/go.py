"""go: `build`, `vet` (also `-json`), `gofmt -l`, and `test` plain, `-v` and `-json`. A failing test's code is `package.Test/sub`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_FINDING = re.compile(r"^(?:vet: )?(?P<path>[^\s:][^:]*\.(?:go|mod|s|c|h)):(?P<line>\d+)(?::\d+)?: (?P<message>\S.*)$")
_RESULT = re.compile(r"^ *--- (?P<result>FAIL|PASS|SKIP): (?P<name>\S+) \([\d.]+s\)$")
_NOW = re.compile(r"^=== (?:RUN|CONT|NAME|PAUSE) +(?P<name>\S+)")
_LOGGED = re.compile(r"^ +(?P<path>[^\s:]+\.go):(?P<line>\d+): (?P<message>.*)$")
_PACKAGE = re.compile(r"^(?P<result>ok|FAIL|---|\?)? *\t(?P<package>\S+)\t?(?P<rest>.*)$")
_FRAME = re.compile(r"^\s+(?P<path>/\S+\.go):(?P<line>\d+)")
_PANIC = re.compile(r"^(?:panic|fatal error): (?P<message>.*)$")
_FORMAT = re.compile(r"^(?P<path>[^\s:][^:]*\.go)$")
_COMMENT = re.compile(r"^# \S+", re.MULTILINE)
SHAPE = re.compile(
    r"^(?:vet: )?[^\s:][^:\n]*\.go:\d+:\d+: |^(?:ok  |FAIL|\?   )\t\S+|^--- (?:FAIL|PASS): \S+ \([\d.]+s\)$"
    r'|^\{"Time":"[^"]+","Action":|^\{"Action":"\w+","Package":|^go: errors parsing go\.mod|"posn": "',
    re.MULTILINE,
)
_MAX_LINES = 20


@dataclass
class _Test:
    name: str
    lines: list[str] = field(default_factory=list)
    result: str = ""


@dataclass
class _Package:
    """The tests of one package, in the order they were seen."""

    tests: dict[str, _Test] = field(default_factory=dict)
    panic: str = ""
    frames: list[tuple[str, str]] = field(default_factory=list)
    current: str = ""

    def test(self, name: str) -> _Test:
        return self.tests.setdefault(name, _Test(name))


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("go", paths)
    lines = list(_outputs(shown.documents)) or shown.lines
    _vet(shown.text, finds)
    packages = dict(_packages(lines))
    for name, package in packages.items():
        _failures(name, package, finds, paths)
    for line in lines:
        if found := _FINDING.match(line):
            finds.add(found["path"], found["line"], found["message"])
        elif found := _FORMAT.match(line):
            finds.add(found["path"], 0, "File would be reformatted", code="unformatted")
    results = [test.result for package in packages.values() for test in package.tests.values()]
    if not results and not re.search(r"^(?:ok  |FAIL)\t", shown.text, re.MULTILINE):
        return finds.found()
    passed = results.count("PASS")
    return finds.found(passed=passed or None, failed=results.count("FAIL"))


def _outputs(documents: list[Any]) -> Iterator[str]:
    """The plain output inside `go test -json`."""
    text = "".join(
        document["Output"]
        for document in documents
        if isinstance(document, dict) and "Action" in document and isinstance(document.get("Output"), str)
    )
    if text:
        yield from text.split("\n")


def _packages(lines: list[str]) -> Iterator[tuple[str, _Package]]:
    """What stands before the line that closes a package belongs to it."""
    package = _Package()
    for line in lines:
        closing = _PACKAGE.match(line)
        if closing and closing["result"] in ("ok", "FAIL"):
            yield closing["package"], package
            package = _Package()
        else:
            _line(line, package)
    if package.tests or package.panic:
        yield "", package


def _line(line: str, package: _Package) -> None:
    if now := _NOW.match(line):
        package.current = now["name"]
        package.test(package.current)
    elif result := _RESULT.match(line):
        test = package.test(result["name"])
        test.result, package.current = result["result"], result["name"]
    elif panic := _PANIC.match(line):
        package.panic = package.panic or panic["message"].removesuffix(" [recovered]")
    elif package.panic and (frame := _FRAME.match(line)):
        package.frames.append((frame["path"], frame["line"]))
    elif package.current and line.startswith("    "):
        package.test(package.current).lines.append(line)


def _failures(name: str, package: _Package, finds: Finds, paths: Paths) -> None:
    """A test whose sub-test failed is told only if it has something to say itself."""
    failed = [test for test in package.tests.values() if test.result == "FAIL"]
    for test in failed:
        logged = _LOGGED.match(next((line for line in test.lines if _LOGGED.match(line)), ""))
        panicked = package.panic and test is failed[-1]
        if logged is None and not panicked and any(other.name.startswith(f"{test.name}/") for other in failed):
            continue
        path, line = _place(logged, package if panicked else _Package(), paths)
        message = _message(test.lines) or (f"panic: {package.panic}" if panicked else "failed")
        folders = _folders(name)
        finds.add(
            paths.relative(path, below=folders) if path else "",
            line,
            message,
            code=f"{name}.{test.name}",
            source="go test",
        )


def _place(logged: "re.Match[str] | None", package: _Package, paths: Paths) -> tuple[str, str]:
    if logged:
        return logged["path"], logged["line"]
    own = (frame for frame in package.frames if paths.is_own(paths.relative(frame[0])))
    return next(own, ("", "0"))


def _message(lines: list[str]) -> str:
    text = [found["message"] if (found := _LOGGED.match(line)) else line.strip() for line in lines[:_MAX_LINES]]
    return "\n".join(text)


def _folders(package: str) -> list[str]:
    """Where a package may lie: its import path without the module's name, whose length is not known."""
    parts = package.split("/")
    return ["/".join(parts[index:]) for index in range(len(parts))]


def _vet(text: str, finds: Finds) -> None:
    """`go vet -json`: one object a package, each below a `#` line."""
    if '"posn"' not in text:
        return
    for piece in _COMMENT.split(text):
        try:
            document = json.loads(piece)
        except (ValueError, RecursionError):
            continue
        for analyzers in document.values() if isinstance(document, dict) else ():
            for code, entries in analyzers.items() if isinstance(analyzers, dict) else ():
                for entry in entries if isinstance(entries, list) else ():
                    if isinstance(entry, dict):
                        path, _, rest = str(entry.get("posn", "")).partition(":")
                        finds.add(path, rest.partition(":")[0], str(entry.get("message", "")), code=str(code))

"""cargo and rustc: compiler and clippy findings as text, short or JSON, and the tests of `cargo test`."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_MESSAGE = re.compile(r"^(?P<severity>error|warning)(?:\[(?P<code>[\w:]+)\])?: (?P<message>.+)$")
_ARROW = re.compile(r"^ +--> (?P<path>.+?):(?P<line>\d+):\d+$")
_LABEL = re.compile(r"^ *\|.*?\^ (?P<label>[^\s^|-].*)$")
_LINT = re.compile(r"#\[(?:warn|deny|forbid)\((?P<name>[\w:]+)\)\]|rust-clippy/\S*#(?P<clippy>\w+)")
_SHORT = re.compile(
    r"^(?P<path>\S[^:]*\.rs):(?P<line>\d+):\d+: (?P<severity>error|warning)(?:\[(?P<code>[\w:]+)\])?: (?P<message>.+)$"
)
_TEST = re.compile(r"^test (?P<name>\S.*?) \.\.\. (?P<result>ok|FAILED|ignored)\b")
_TOLD = re.compile(r"^---- (?P<name>\S.*?) stdout ----$")
_PANIC = re.compile(r"panicked at (?P<path>[^\s':][^:']*):(?P<line>\d+):\d+:?$")
_OLD_PANIC = re.compile(
    r"^thread .{1,200}? panicked at '(?P<message>.*)', (?P<path>[^\s:',][^:',]*):(?P<line>\d+):\d+$"
)
_RESULT = re.compile(r"^test result: \w+\. (\d{1,9}) passed; (\d{1,9}) failed;", re.MULTILINE)
_DOC_TEST = re.compile(r"^(?P<path>\S+\.rs) - .*\(line (?P<line>\d+)\)$")
_FORMAT = re.compile(r"^Diff in (?P<path>.+?)(?: at line \d+|:\d+):$")
_NOT_FINDINGS = re.compile(
    r"could not compile|generated \d+ warnings?|aborting due to|test failed, to rerun|\d+ targets? failed|build failed"
    r"|\d+ warnings? emitted|recipe for target"
)
_STOP = ("note: ", "stack backtrace:", "failures:")
SHAPE = re.compile(
    r"^(?:error|warning)(?:\[[\w:]+\])?: .+\n +--> .+:\d+:\d+$|^test result: \w+\. \d+ passed;|^error: could not compile"
    r"|^\S+\.rs:\d+:\d+: (?:error|warning)|^\{\"reason\":\"(?:compiler|build)-|^Diff in .+\.rs(?::\d+| at line \d+):$",
    re.MULTILINE,
)
_MAX_LOOK = 40
_MAX_LINES = 20


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("cargo", paths)
    for document in shown.documents:
        _document(document, finds)
    _findings(shown.lines, finds)
    _tests(shown.lines, finds)
    if not finds:
        _loose(shown.lines, finds)
    results = _RESULT.findall(shown.text)
    if not results:
        return finds.found()
    return finds.found(
        passed=sum(int(passed) for passed, _ in results), failed=sum(int(failed) for _, failed in results)
    )


def _document(document: Any, finds: Finds) -> None:
    message = document.get("message") if isinstance(document, dict) else None
    if not isinstance(message, dict) or message.get("level") not in (
        "error",
        "warning",
        "error: internal compiler error",
    ):
        return
    spans = [span for span in message.get("spans") or () if isinstance(span, dict)]
    span = next((span for span in spans if span.get("is_primary")), None)
    text = str(message.get("message", ""))
    if span is None:
        if not _NOT_FINDINGS.search(text):
            finds.add("", 0, text, severity=str(message["level"]))
        return
    label = span.get("label")
    code = message.get("code")
    line = span.get("line_start")
    finds.add(
        str(span.get("file_name", "")),
        line if isinstance(line, int) else 0,
        f"{text}: {label}" if isinstance(label, str) and label else text,
        code=str(code.get("code") or "") if isinstance(code, dict) else "",
        severity=str(message["level"]),
    )


def _findings(lines: list[str], finds: Finds) -> None:
    for index, line in enumerate(lines):
        if found := _SHORT.match(line):
            finds.add(
                found["path"], found["line"], found["message"], code=found["code"] or "", severity=found["severity"]
            )
        elif found := _FORMAT.match(line):
            finds.add(found["path"], 0, "File would be reformatted", code="unformatted")
        elif (found := _MESSAGE.match(line)) and index + 1 < len(lines) and (arrow := _ARROW.match(lines[index + 1])):
            label, lint = _details(lines[index + 2 : index + _MAX_LOOK])
            finds.add(
                arrow["path"],
                arrow["line"],
                f"{found['message']}: {label}" if label else found["message"],
                code=found["code"] or lint,
                severity=found["severity"],
            )


def _details(lines: list[str]) -> tuple[str, str]:
    """The words beside the marked code, and the lint's name when a note gives it."""
    label = lint = ""
    for line in lines:
        if not line.strip() or _MESSAGE.match(line):
            break
        if not label and not line.lstrip().startswith("=") and (found := _LABEL.match(line)):
            label = found["label"].partition("help: ")[0].strip()
        if not lint and (named := _LINT.search(line)):
            lint = named["name"] or f"clippy::{named['clippy']}"
    return label, lint


def _tests(lines: list[str], finds: Finds) -> None:
    told: set[str] = set()
    for index, line in enumerate(lines):
        if section := _TOLD.match(line):
            told.add(section["name"])
            _test(section["name"], lines[index + 1 : index + 1 + _MAX_LOOK], finds)
    for line in lines:
        if (test := _TEST.match(line)) and test["result"] == "FAILED" and test["name"] not in told:
            told.add(test["name"])
            _test(test["name"], [], finds)


def _test(name: str, lines: list[str], finds: Finds) -> None:
    place, message = ("", "0"), ""
    for index, line in enumerate(lines):
        if _TOLD.match(line):
            break
        if old := _OLD_PANIC.search(line):
            place, message = (old["path"], old["line"]), old["message"]
            break
        if panic := _PANIC.search(line):
            place, message = (panic["path"], panic["line"]), _until_stop(lines[index + 1 :])
            break
    if not message:
        message = _until_stop([line.removeprefix("note: ") for line in lines if line.strip()][:3])
    if not place[0] and (in_document := _DOC_TEST.match(name.removesuffix(" - compile fail"))):
        place = (in_document["path"], in_document["line"])
    finds.add(place[0], place[1], message or "failed", code=name, source="cargo test")


def _until_stop(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines[:_MAX_LINES]:
        if line.startswith(_STOP) or _TOLD.match(line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _loose(lines: list[str], finds: Finds) -> None:
    """Errors without a place: of the manifest, the linker, the network."""
    for line in lines:
        if (
            (found := _MESSAGE.match(line))
            and found["severity"] == "error"
            and not _NOT_FINDINGS.search(found["message"])
        ):
            finds.add("", 0, found["message"], code=found["code"] or "")

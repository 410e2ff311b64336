"""Gathers what a parser finds: bounded, in order, without repeats."""

from cherry.domain.events import Problem
from cherry.reports.paths import Paths
from cherry.reports.report import MAX_MESSAGE, MAX_PROBLEMS, Found

_SEVERITIES = {
    **dict.fromkeys(("error", "fatal error", "fatal", "failure", "internal compiler error"), "error"),
    **dict.fromkeys(("warning", "warn"), "warning"),
    **dict.fromkeys(("info", "information", "note", "help", "hint", "remark"), "info"),
}
_LARGEST_LINE = 10_000_000


class Finds:
    def __init__(self, source: str, paths: Paths) -> None:
        self._source = source
        self._paths = paths
        self._found: dict[tuple[str, int, str, str], Problem] = {}
        self._full = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(
        self, path: str, line: str | int, message: str, *, code: str = "", severity: str = "error", source: str = ""
    ) -> None:
        """`path` as printed; `severity` in the program's own word, unknown ones count as error."""
        if len(self._found) >= MAX_PROBLEMS:
            self._full = True
            return
        where = self._paths.relative(path) if path else ""
        problem = Problem(
            path=where,
            line=number(line),
            message=tidy(message),
            code=code.strip(),
            severity=_SEVERITIES.get(severity.lower(), "error"),  # type: ignore[arg-type]  # its values are the three
            source=source or self._source,
        )
        self._found.setdefault((where, problem.line, problem.message, problem.code), problem)

    def found(self, *, passed: int | None = None, failed: int | None = None) -> Found:
        return Found(tuple(self._found.values()), passed, failed, complete=not self._full)


def number(text: str | int | None) -> int:
    """A line number; 0 for anything that is none."""
    if isinstance(text, int):
        return text if 0 < text < _LARGEST_LINE else 0
    if not text or len(text) > 9 or not text.isascii() or not text.isdigit():
        return 0
    return number(int(text))


def tidy(message: str) -> str:
    """Without blank edges and trailing space, cut at the end."""
    text = "\n".join(line.rstrip() for line in message.strip("\n").split("\n")).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"

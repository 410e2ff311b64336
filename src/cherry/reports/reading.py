"""`read_report`: from a command and what it printed to problems.

Parsers are chosen by the programs the command names; a command that hides its programs (`make test`, `npm run lint`) by the form of
what was printed. Any text gives a report: what nobody can read is passed on raw.
"""

from pathlib import Path

from cherry.domain.events import Problem
from cherry.kernel.text import cut_middle, one_line
from cherry.reports.paths import Paths
from cherry.reports.programs import folders, words
from cherry.reports.report import MAX_RAW, Found, Report
from cherry.reports.table import PARSERS, Parser
from cherry.reports.text import Output


def read_report(command: str, output: str, exit_code: int | None, *, workspace: Path | None = None) -> Report:
    """`exit_code` None: it did not end by itself. `workspace`: paths become relative to it."""
    shown = Output(output)
    paths = Paths(workspace, folders(command))
    named = words(command)
    chosen = [parser for parser in PARSERS if parser.is_named_in(named)]
    read = _read(chosen, shown, paths)
    if not any(found.problems for _, found in read):
        others = [parser for parser in PARSERS if parser not in chosen and parser.recognises(shown)]
        read += _read(others, shown, paths)
    return _report(command, shown, exit_code, read)


def _read(parsers: list[Parser], shown: Output, paths: Paths) -> list[tuple[str, Found]]:
    read = ((parser.name, parser.parse(shown, paths)) for parser in parsers)
    return [(name, found) for name, found in read if not found.nothing]


def _report(command: str, shown: Output, exit_code: int | None, read: list[tuple[str, Found]]) -> Report:
    problems = tuple(dict.fromkeys(problem for _, found in read for problem in found.problems))
    recognised = tuple(name for name, _ in read)
    passed, failed = _sum([found.passed for _, found in read]), _sum([found.failed for _, found in read])
    no_test_ran = passed == 0 and failed == 0
    explained = exit_code == 0 or no_test_ran or any(problem.severity == "error" for problem in problems)
    return Report(
        problems=problems,
        recognised=recognised,
        passed=passed,
        failed=failed,
        raw="" if explained else cut_middle(shown.text.strip(), MAX_RAW).text,
        warning="" if explained else _warning(command, exit_code, recognised, problems),
        complete=shown.whole and all(found.complete for _, found in read),
    )


def _warning(command: str, exit_code: int | None, recognised: tuple[str, ...], problems: tuple[Problem, ...]) -> str:
    shown = one_line(command, 80)
    end = f"ended with exit code {exit_code}" if exit_code is not None else "was ended"
    if not recognised:
        return f"`{shown}` {end}; the form of its output is not known, so it is given as it is."
    told = "only warnings" if problems else "no problem"
    return (
        f"`{shown}` {end}, but {told} could be read from the output of {', '.join(recognised)}; it is given as it is."
    )


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None

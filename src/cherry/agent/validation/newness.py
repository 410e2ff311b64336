"""Which problems are new.

A problem is told from others by what it says and the text of the line it is about, never by the line's number: a problem that only
moved is not new. A failing test is told by its name alone, however it fails. Where it is not known what there was before, a problem
counts as new only on a line the turn has written.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from cherry.agent.progress import comparable
from cherry.agent.validation.port import Baseline
from cherry.agent.validation.sources import Sources
from cherry.domain.events import FileChange, Problem
from cherry.kernel.ids import derived_id
from cherry.reports.report import TEST_SOURCES

UNREADABLE = "unreadable"
"""Code of a problem that is a whole output nobody could read."""
TIMEOUT = "timeout"
_LINE_NUMBERS = re.compile(r"(\blines? |:)\d+")


def digest(problem: Problem, sources: Sources, *, path: str | None = None) -> str:
    """The same for the same problem, wherever its line has moved. `path` replaces the problem's own: the file was renamed."""
    if is_test(problem) or problem.code in (UNREADABLE, TIMEOUT):
        return derived_id("b", problem.source, problem.code)
    where = problem.path if path is None else path
    message = _LINE_NUMBERS.sub(r"\1·", comparable(problem.message))
    return derived_id("b", problem.source, where, problem.code, message, sources.line(problem.path, problem.line))


def is_test(problem: Problem) -> bool:
    return problem.source in TEST_SOURCES and bool(problem.code)


def digests(problems: Sequence[Problem], sources: Sources) -> tuple[str, ...]:
    return tuple(digest(problem, sources) for problem in problems)


def new_problems(
    problems: Sequence[Problem],
    baseline: Baseline | None,
    changes: Sequence[FileChange],
    *,
    sources: Sources,
    before: Mapping[str, frozenset[str]],
) -> tuple[Problem, ...]:
    """`before`: path now → the lines its content had before the turn, for each file whose earlier content is kept."""
    renamed = {change.path: change.renamed_from for change in changes if change.renamed_from}
    left = Counter(baseline.known if baseline else ())
    new = []
    for problem in problems:
        name = digest(problem, sources, path=renamed.get(problem.path))
        if left[name]:
            left[name] -= 1
        else:
            new.append(problem)
    if baseline is not None and baseline.extent == "whole":
        return tuple(new)
    return tuple(problem for problem in new if is_test(problem) or _on_written_line(problem, before, sources))


def _on_written_line(problem: Problem, before: Mapping[str, frozenset[str]], sources: Sources) -> bool:
    earlier = before.get(problem.path)
    if earlier is None:
        return False
    return not earlier or sources.line(problem.path, problem.line) not in earlier

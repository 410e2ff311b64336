"""Sees when a turn gets nowhere: first the model is told what is seen, then the turn ends with the evidence.

What counts as a loop, over the calls of one turn since a person last spoke:

    same call      one call with one result, step after step
    cycle          two to five calls with their results, round and round
    flip           a file's content coming back to what it was before
    same error     one error, or one failing command with one output, whatever is tried in between

Looking at a running command again is waiting, not a loop: the time limit bounds it. Results are compared without what changes by
itself (durations, times, addresses). Pure: fed with traces, answers with a finding.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cherry.kernel.ids import content_hash

Kind = Literal["same call", "cycle", "flip", "same error"]

WINDOW = 80
"""Traces kept; more than the longest cycle needs."""
LONGEST_CYCLE = 5


class Bound(NamedTuple):
    warn: int
    stop: int


BOUNDS: dict[Kind, Bound] = {
    "same call": Bound(3, 6),
    "cycle": Bound(3, 5),
    "flip": Bound(2, 4),
    "same error": Bound(5, 10),
}


class Trace(NamedTuple):
    """One finished call, or one changed file."""

    step: int
    signature: str
    """Tool and arguments; for a changed file its path."""
    outcome: str
    """Digest of the result; for a changed file its new content hash."""
    title: str
    failure: str = ""
    """What went wrong, in comparable form; empty when nothing did."""
    waiting: bool = False
    """A look at something that still runs."""
    changed_file: bool = False


@dataclass(frozen=True)
class Finding:
    kind: Kind
    count: int
    """How often it was seen."""
    key: str
    """Tells this loop from others of its kind."""
    evidence: str
    """For the model and for a person."""

    @property
    def must_stop(self) -> bool:
        return self.count >= BOUNDS[self.kind].stop


def find_loop(traces: Iterable[Trace]) -> Finding | None:
    """The gravest finding at the end of the traces, or None."""
    recent = list(traces)
    calls = _one_per_step([trace for trace in recent if not trace.changed_file and not trace.waiting])
    changes = [trace for trace in recent if trace.changed_file]
    findings = [_same_call(calls), _cycle(calls), _flip(changes), _same_error(calls)]
    seen = [finding for finding in findings if finding and finding.count >= BOUNDS[finding.kind].warn]
    return max(seen, key=lambda finding: finding.count / BOUNDS[finding.kind].stop, default=None)


_VOLATILE = re.compile(
    r"""\b\d+(?:\.\d+)?\s?(?:ms|s|sec|secs|seconds|min|µs|us)\b  # durations
      | \b\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\b                   # times of day
      | \b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?\b                     # dates
      | \b0x[0-9a-fA-F]{4,}\b                                    # addresses
      | \b(?:pid|PID|process)[ =:]\d+\b
      | /tmp/[\w./-]+
      | \bdata-[0-9a-f]{12}\b                                    # names of frames, made from what is in them
    """,
    re.VERBOSE,
)


def comparable(text: str) -> str:
    """The text without what changes from run to run by itself."""
    return _VOLATILE.sub("·", text)


def digest(text: str) -> str:
    return content_hash(comparable(text).encode("utf-8", "surrogatepass"))


def _one_per_step(traces: Sequence[Trace]) -> list[Trace]:
    """The same call several times in one answer is one repetition, not several."""
    seen: set[tuple[int, str]] = set()
    kept = []
    for trace in traces:
        if (trace.step, trace.signature) not in seen:
            seen.add((trace.step, trace.signature))
            kept.append(trace)
    return kept


def _same_call(calls: Sequence[Trace]) -> Finding | None:
    if not calls:
        return None
    last = calls[-1]
    count = 0
    for trace in reversed(calls):
        if (trace.signature, trace.outcome) != (last.signature, last.outcome):
            break
        count += 1
    evidence = f"the same call {count} times in a row with the same result: {last.title}"
    return Finding("same call", count, last.signature, evidence)


def _cycle(calls: Sequence[Trace]) -> Finding | None:
    steps = [(trace.signature, trace.outcome) for trace in calls]
    for length in range(2, LONGEST_CYCLE + 1):
        lap = steps[-length:]
        if len(lap) < length or len(set(lap)) == 1:
            continue
        laps = 0
        while steps[len(steps) - (laps + 1) * length : len(steps) - laps * length] == lap:
            laps += 1
        if laps >= BOUNDS["cycle"].warn:
            titles = " → ".join(trace.title for trace in calls[-length:])
            key = "|".join(sorted(signature for signature, _ in lap))
            return Finding("cycle", laps, key, f"the same {length} calls round and round, {laps} times: {titles}")
    return None


def _flip(changes: Sequence[Trace]) -> Finding | None:
    """A file that comes back to a content it had before. Coming back once is a correction."""
    if not changes:
        return None
    path = changes[-1].signature
    contents = [trace.outcome for trace in changes if trace.signature == path]
    if contents[-1] not in contents[:-1]:
        return None
    returns = sum(content in contents[:index] for index, content in enumerate(contents))
    evidence = f"{path} was changed back to an earlier content {returns} times"
    return Finding("flip", returns, path, evidence)


def _same_error(calls: Sequence[Trace]) -> Finding | None:
    last = calls[-1] if calls else None
    if last is None or not last.failure:
        return None
    steps: set[int] = set()
    for trace in reversed(calls):
        if trace.failure == last.failure:
            steps.add(trace.step)
        elif trace.signature == last.signature or (trace.failure and not _is_command(last)):
            break
    count = len(steps)
    return Finding("same error", count, last.failure, f"the same error {count} times: {last.title}: {last.failure}")


def _is_command(trace: Trace) -> bool:
    return trace.failure.startswith("command ")

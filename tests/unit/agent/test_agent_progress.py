"""Loops are seen, and work that only looks like one is left alone.

A scenario is written as a line: each word is one step. `r:a=1` reads a with result 1; `x:t=ok` runs command t, `x:t!boom` fails with that
output; `e:f>2` edits file f to content 2; `?:srv` looks at a command that still runs; `!not_found` is a call refused with that error.
"""

import re

import pytest

from cherry.agent.progress import BOUNDS, Finding, Trace, comparable, digest, find_loop


def traces_of(scenario: str) -> list[Trace]:
    traces: list[Trace] = []
    for step, word in enumerate(scenario.split(), start=1):
        match = re.fullmatch(r"(\?|\w?)(?::([^=>!]*))?([=>!])?(.*)", word)
        assert match, word
        kind, name, sign, value = match.group(1), match.group(2) or "", match.group(3), match.group(4)
        signature = f"{kind} {name}"
        if kind == "e":
            traces.append(Trace(step, f"e {name} {value}", digest(f"edited {value}"), title=f"Edit {name}"))
            traces.append(Trace(step, name, value, title=name, changed_file=True))
        elif kind == "?":
            traces.append(Trace(step, signature, "same", title=f"Output of {name}", waiting=True))
        elif kind == "x" and sign == "!":
            failure = f"command {name} {digest(value)}"
            traces.append(Trace(step, signature, digest(value), title=f"Run {name}", failure=failure))
        elif sign == "!":
            failure = f"error {comparable(value)}"
            traces.append(Trace(step, f"{signature}#{step}", digest(value), title=f"Call {name}", failure=failure))
        else:
            traces.append(Trace(step, signature, digest(value), title=f"{kind} {name}"))
    return traces


def repeat(words: str, times: int) -> str:
    return " ".join([words] * times)


def worst(scenario: str) -> Finding | None:
    """What the detector says at any point of the scenario, the gravest."""
    traces = traces_of(scenario)
    findings = [find_loop(traces[:end]) for end in range(1, len(traces) + 1)]
    return max((f for f in findings if f), key=lambda f: f.count / BOUNDS[f.kind].stop, default=None)


PREFIXES = ("", "r:readme=1 ", "r:a=1 r:b=2 e:f>1 x:test=ok ", "x:test!boom e:f>1 ", "r:z=9 r:y=8 r:x=7 r:w=6 ")

LOOPS = {
    "reads one file for ever": repeat("r:a=1", 8),
    "runs one command for ever": repeat("x:ls=same", 8),
    "fails with one command for ever": repeat("x:make!broken", 8),
    "searches one thing for ever": repeat("s:needle=none", 8),
    "reads two files in turn": repeat("r:a=1 r:b=2", 7),
    "reads three files in turn": repeat("r:a=1 r:b=2 r:c=3", 7),
    "goes round four calls": repeat("r:a=1 s:n=2 r:b=3 x:ls=4", 7),
    "goes round five calls": repeat("r:a=1 s:n=2 r:b=3 x:ls=4 r:c=5", 7),
    "edits a file back and forth": " ".join(f"e:f>{n % 2}" for n in range(12)),
    "edits and reverts with a failing test between": repeat("e:f>1 x:test!one e:f>0 x:test!zero", 6),
    "gives the same bad edit for ever": repeat("e2:f!not_found", 12).replace("e2", "w"),
    "asks for a file that is not there under one error": repeat("r:gone!no_such_path", 12),
    "hears the same refusal whatever it tries": repeat("k:try!denied", 12),
    "edits anew each time and the test says the same": " ".join(f"e:f>{n} x:test!same" for n in range(12)),
}

NO_LOOPS = {
    "reads many files": " ".join(f"r:f{n}=v{n}" for n in range(40)),
    "reads a file again after it changed": " ".join(f"r:a={n} e:a>{n}" for n in range(15)),
    "edits and tests until it is green": "x:test!a e:f>1 x:test!b e:f>2 x:test!c e:f>3 x:test=ok",
    "tests after every edit and they pass": " ".join(f"e:f>{n} x:test=ok" for n in range(12)),
    "polls a build": "x:build=started " + repeat("?:build", 60) + " x:test=ok",
    "polls a build between other looks": repeat("?:srv r:log=1", 2) + " " + repeat("?:srv", 40),
    "corrects one edit by going back once": "e:f>1 e:f>2 e:f>1 x:test=ok",
    "reads the same file twice": "r:a=1 r:b=2 r:a=1",
    "fails a few times with the same error, then finds the way": repeat("w:f!not_found", 3) + " r:f=1 e:f>1",
    "runs a changing command": " ".join(f"x:date={n}th" for n in range(20)),
    "pages through a long file": " ".join(f"r:big:{n}=page{n}" for n in range(30)),
    "makes many like edits in different files": " ".join(f"e:file{n}>new" for n in range(30)),
    "works through a list, testing each": " ".join(f"r:m{n}=1 e:m{n}>2 x:test=ok" for n in range(12)),
    "mends different errors of one command": " ".join(f"x:lint!error{n} e:f>{n}" for n in range(12)),
    "asks git between edits": " ".join(f"e:f>{n} x:status=changed{n}" for n in range(12)),
}


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: f"after {len(prefix.split())} steps")
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_first_told_and_then_stopped(name: str, prefix: str):
    traces = traces_of(prefix + LOOPS[name])
    findings = [finding for end in range(1, len(traces) + 1) if (finding := find_loop(traces[:end]))]
    assert findings, "never seen"
    assert not findings[0].must_stop, "told before it is stopped"
    assert any(finding.must_stop for finding in findings), "never stopped"


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: f"after {len(prefix.split())} steps")
@pytest.mark.parametrize("name", NO_LOOPS)
def test_work_that_only_looks_like_a_loop_is_not_stopped(name: str, prefix: str):
    found = worst(prefix + NO_LOOPS[name])
    assert found is None or not found.must_stop, found


def test_the_evidence_names_what_repeats():
    finding = find_loop(traces_of(repeat("r:a=1", 3)))
    assert finding is not None
    assert finding.kind == "same call"
    assert "3 times in a row" in finding.evidence
    assert "r a" in finding.evidence


def test_one_answer_with_the_same_call_many_times_is_one_repetition():
    trace = traces_of("r:a=1")[0]
    assert find_loop([trace] * 50) is None


def test_durations_times_and_addresses_do_not_make_results_differ():
    first = "3 failed in 0.12s at 10:11:12 <object at 0x7f1234567890> in /tmp/abc/x"
    second = "3 failed in 4.5 s at 23:59:59 <object at 0x7fffffffffff> in /tmp/def/y"
    assert comparable(first) == comparable(second)
    assert comparable("3 failed") != comparable("2 failed")

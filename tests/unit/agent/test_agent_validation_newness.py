"""Only what was not there before counts as new."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.agent.checking import net_changes, report
from cherry.agent.validation.newness import digests, new_problems
from cherry.agent.validation.port import Baseline, Validation
from cherry.agent.validation.sources import Sources
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.security.jail import Jail


@pytest.fixture
def sources(tmp_path: Path):
    def make(**files: str) -> Sources:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return Sources(Jail(tmp_path))

    return make


def problem(
    line: int = 1, *, message: str = "wrong", path: str = "a.py", code: str = "E1", source: str = "ruff"
) -> Problem:
    return Problem(path=path, line=line, message=message, code=code, source=source)


def changed(path: str = "a.py", *, before: str = "b", after: str = "a", renamed_from: str = "") -> FileChange:
    return FileChange(path=path, before=before, after=after, renamed_from=renamed_from)


def new(found, before_sources, known, after_sources, changes=(), before=None):
    baseline = Baseline(known=digests(known, before_sources))
    return new_problems(found, baseline, changes, sources=after_sources, before=before or {})


def test_a_problem_that_moved_with_its_line_is_not_new(sources):
    first = sources(a="bad = 1\n")
    known = [problem(1)]
    digests_before = digests(known, first)
    second = sources(a="\n\n\nbad = 1\n")
    assert new_problems([problem(4)], Baseline(known=digests_before), (), sources=second, before={}) == ()


def test_the_same_message_on_another_line_is_new(sources):
    first = sources(a="bad = 1\n")
    known = digests([problem(1)], first)
    second = sources(a="bad = 1\nworse = 2\n")
    found = [problem(1), problem(2)]
    assert new_problems(found, Baseline(known=known), (), sources=second, before={}) == (found[1],)


def test_one_more_of_the_same_is_one_new_problem(sources):
    here = sources(a="x\nx\nx\n")
    known = digests([problem(1), problem(2)], here)
    assert (
        len(new_problems([problem(1), problem(2), problem(3)], Baseline(known=known), (), sources=here, before={})) == 1
    )


def test_line_numbers_and_durations_inside_a_message_do_not_matter(sources):
    here = sources(a="x\n")
    known = digests([problem(1, message="redefined from line 12 (a.py:12) in 0.13s")], here)
    found = [problem(1, message="redefined from line 15 (a.py:15) in 2.00s")]
    assert new_problems(found, Baseline(known=known), (), sources=here, before={}) == ()


def test_a_test_that_failed_before_is_not_new_however_it_fails(sources):
    here = sources()
    test = problem(3, source="pytest", code="tests/test_a.py::test_x", message="assert 1 == 2")
    known = digests([test], here)
    again = problem(9, source="pytest", code="tests/test_a.py::test_x", message="KeyError", path="other.py")
    assert new_problems([again], Baseline(known=known), (), sources=here, before={}) == ()


def test_a_problem_of_a_renamed_file_is_the_old_one(sources):
    known = digests([problem(1)], sources(a="bad\n"))
    after = sources(b="bad\n")
    moved = problem(1, path="b.py")
    rename = changed("b.py", before="h", after="h", renamed_from="a.py")
    assert new_problems([moved], Baseline(known=known), [rename], sources=after, before={}) == ()


def test_without_a_baseline_only_written_lines_count(sources):
    here = sources(a="old\nnew\n", b="old\n")
    found = [problem(1), problem(2), problem(1, path="b.py")]
    before = {"a.py": frozenset({"old"})}
    assert new_problems(found, None, [changed()], sources=here, before=before) == (found[1],)


def test_an_incomplete_baseline_is_helped_out_by_written_lines(sources):
    here = sources(a="old\nnew\n")
    found = [problem(1), problem(2)]
    before = {"a.py": frozenset({"old"})}
    partial = Baseline(extent="partial")
    assert new_problems(found, partial, [changed()], sources=here, before=before) == (found[1],)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12), st.lists(st.sampled_from(["a", "b", "c"]), max_size=12))
def test_as_many_are_new_as_there_are_more_than_before(before, after):
    nowhere = Sources(Jail(Path("/nonexistent")))
    known = digests([problem(0, message=word) for word in before], nowhere)
    found = new_problems(
        [problem(0, message=word) for word in after], Baseline(known=known), (), sources=nowhere, before={}
    )
    for word in "abc":
        assert sum(one.message == word for one in found) == max(0, after.count(word) - before.count(word))


def test_baselines_add_up():
    both = Baseline().with_(BaselineTaken(check="tests", covers=("a",), known=("1",)))
    both = both.with_(BaselineTaken(check="tests", covers=("b",), known=("1", "2"), extent="partial"))
    assert both == Baseline(frozenset({"a", "b"}), ("1", "1", "2"), "partial")


def change(path: str, before: str, after: str, renamed_from: str = "") -> FileChange:
    return FileChange(path=path, before=before, after=after, renamed_from=renamed_from)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([change("a", "1", "2"), change("a", "2", "3")], [("a", "1", "3", "")]),
        ([change("a", "1", "2"), change("a", "2", "1")], []),
        ([change("a", "", "1"), change("a", "1", "")], []),
        ([change("a", "1", "2"), change("b", "2", "2", "a")], [("b", "1", "2", "a")]),
        ([change("b", "1", "1", "a"), change("c", "1", "2", "b")], [("c", "1", "2", "a")]),
        ([change("b", "1", "1", "a"), change("a", "1", "1", "b")], []),
        ([change("a", "", "1"), change("b", "1", "2", "a")], [("b", "", "2", "")]),
        ([change("a", "1", ""), change("a", "", "2")], [("a", "1", "2", "")]),
    ],
)
def test_changes_of_a_turn_are_told_from_its_beginning_to_now(steps, expected):
    net = net_changes([(step,) for step in steps])
    assert [(file.path, file.before, file.after, file.renamed_from) for file in net] == expected


def test_the_model_is_shown_a_bounded_number_of_problems_with_their_lines():
    problems = tuple(problem(n, message=f"number {n}") for n in range(1, 51))
    text = report(Validation(problems, ("ruff",), ("> 1 | x = 1",)))
    assert "a.py:1: ruff error [E1]: number 1\n> 1 | x = 1" in text
    assert "and 30 more" in text
    assert len(report(Validation((problem(1, message="x" * 90_000),)))) < 20_000


def test_lines_are_only_read_inside_the_workspace_and_never_from_secrets(tmp_path: Path):
    root = tmp_path / "work"
    root.mkdir()
    (tmp_path / "outside").write_text("secret\n")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / ".env").write_text("KEY=secret\n")
    (root / "a.bin").write_bytes(b"\x00\x01\n")
    (root / "a.py").write_text("one\ntwo\nthree\n")
    here = Sources(Jail(root))
    for path in ("../outside", str(tmp_path / "outside"), "link", ".env", "a\x00b", "", "gone.py", "a.bin/x"):
        assert here.line(path, 1) == ""
        assert here.around(path, 1) == ""
    assert here.line("a.py", 2) == "two"
    assert here.line("a.py", 99) == ""
    assert here.around("a.py", 1) == "> 1 | one\n  2 | two\n  3 | three"

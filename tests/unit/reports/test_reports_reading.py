"""Which parser reads what, how paths become the workspace's own, and what happens to an output nobody knows."""

import json
from pathlib import Path

import pytest

from cherry.reports.reading import read_report
from cherry.reports.report import MAX_RAW


def test_an_unknown_output_is_passed_on_raw_with_a_warning():
    report = read_report("./check.sh", "Something is wrong over there\n", 3)
    assert report.raw == "Something is wrong over there"
    assert "`./check.sh` ended with exit code 3" in report.warning
    assert not report.recognised
    assert not report.problems


def test_a_long_unknown_output_is_cut_in_the_middle():
    report = read_report("./check.sh", "first\n" + "x\n" * 100_000 + "last\n", 1)
    assert len(report.raw) < MAX_RAW + 200
    assert report.raw.startswith("first")
    assert report.raw.endswith("last")


def test_an_unknown_output_of_a_command_that_succeeded_says_nothing():
    report = read_report("./check.sh", "All is well\n", 0)
    assert (report.raw, report.warning, report.problems) == ("", "", ())


def test_a_known_program_that_crashed_is_passed_on_raw_and_named():
    report = read_report("eslint .", "Oops! Something went wrong! :(\nTypeError: boom\n", 2)
    assert "TypeError: boom" in report.raw
    assert report.warning


def test_several_programs_of_one_command_are_read_together():
    output = "a.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\na.py:3: error: Bad  [assignment]\n"
    report = read_report("ruff check --output-format concise . ; mypy .", output, 1)
    assert [(problem.source, problem.line) for problem in report.problems] == [("ruff", 1), ("mypy", 3)]
    hidden = read_report("make lint", output, 2)
    assert hidden.problems == report.problems


@pytest.mark.parametrize(
    "command",
    ["ruff check", ".venv/bin/ruff check", "uv run ruff check", "cd x && python3 -m ruff check", "(ruff check)"],
)
def test_a_program_is_recognised_however_it_is_called(command: str):
    assert read_report(command, "a.py:1:8: F401 `os` imported but unused\n", 1).recognised == ("ruff",)


def test_what_a_test_prints_does_not_pass_for_another_programs_finding():
    output = (
        "=== FAILURES ===\n___ test_a ___\n\n    def test_a():\n>       assert 0\nE       assert 0\n\ntest_a.py:2: AssertionError\n"
        "----- Captured stdout call -----\nb.py:1:1: F401 `os` imported but unused\n"
        "=== short test summary info ===\nFAILED test_a.py::test_a - assert 0\n1 failed in 0.01s\n"
    )
    (problem,) = read_report("pytest", output, 1).problems
    assert (problem.source, problem.path, problem.line) == ("pytest", "test_a.py", 2)


def test_absolute_paths_become_relative_to_the_workspace(tmp_path: Path):
    report = read_report(
        "ruff check", f"{tmp_path}/src/a.py:1:8: F401 `os` imported but unused\n", 1, workspace=tmp_path
    )
    assert report.problems[0].path == "src/a.py"


def test_a_workspace_reached_through_a_link_is_the_same_workspace(tmp_path: Path):
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    output = f"{real}/a.py:1:8: F401 one\n{link}/b.py:1:8: F401 two\n"
    report = read_report("ruff check", output, 1, workspace=link)
    assert [problem.path for problem in report.problems] == ["a.py", "b.py"]


def test_paths_from_a_folder_the_command_went_to_are_found(tmp_path: Path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.ts").write_text("")
    report = read_report("cd web && npx tsc", "a.ts(1,2): error TS2322: No.\n", 2, workspace=tmp_path)
    assert report.problems[0].path == "web/a.ts"


def test_a_go_test_is_found_by_its_package(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop_test.go").write_text("")
    output = "--- FAIL: TestTotal (0.00s)\n    shop_test.go:7: wrong\nFAIL\nFAIL\texample.com/a/shop\t0.1s\nFAIL\n"
    (problem,) = read_report("go test ./...", output, 1, workspace=tmp_path).problems
    assert problem.path == "shop/shop_test.go"


def test_a_path_that_leads_out_of_the_workspace_stays_as_it_was_printed(tmp_path: Path):
    output = "/etc/passwd:1:1: F401 one\n../../x.py:1:1: F401 two\n"
    report = read_report("ruff check", output, 1, workspace=tmp_path)
    assert [problem.path for problem in report.problems] == ["/etc/passwd", "../../x.py"]


def test_the_last_state_of_a_progress_line_counts():
    report = read_report("pytest", "collecting ...\r1 passed in 0.01s\r\n", 0)
    assert report.passed == 1


def test_colours_titles_and_links_are_taken_out_first():
    output = (
        "\x1b]0;title\x07\x1b]8;;http://x\x1b\\a.py\x1b]8;;\x1b\\:1:8: \x1b[31mF401\x1b[0m `os` imported but unused\n"
    )
    (problem,) = read_report("ruff check", output, 1).problems
    assert (problem.path, problem.code) == ("a.py", "F401")


def test_a_huge_output_is_read_at_both_ends_and_said_to_be_incomplete():
    line = "a.py:1:8: F401 `os` imported but unused\n"
    output = line + "x" * 9_000_000 + "\n" + line.replace("a.py", "b.py")
    report = read_report("ruff check", output, 1)
    assert not report.complete
    assert [problem.path for problem in report.problems] == ["a.py", "b.py"]


def test_problems_are_bounded_and_the_rest_is_said_to_be_missing():
    output = "".join(f"a.py:{line}:8: F401 `os` imported but unused\n" for line in range(1, 7_000))
    report = read_report("ruff check", output, 1)
    assert len(report.problems) == 5_000
    assert not report.complete


def test_json_between_other_lines_is_found():
    entry = {"file": "a.py", "line": 2, "column": 0, "message": "No", "hint": None, "code": "x", "severity": "error"}
    output = f"> project@1.0 check\n> mypy\n\n{json.dumps(entry)}\nnpm ERR! code 1\n"
    (problem,) = read_report("npm run check", output, 1).problems
    assert (problem.path, problem.line, problem.code) == ("a.py", 2, "x")

"""What real programs printed, read into one form. `tests/corpus/reports/README.md` says how it was recorded."""

import json
from pathlib import Path

import pytest

from cherry.reports.reading import read_report
from cherry.reports.report import Report

CORPUS = Path(__file__).parents[2] / "corpus" / "reports"
RECORDED = sorted(CORPUS.glob("*/*.txt"))
KNOWN_ONLY_BY_NAME = {
    "go/format",
    "pytest/bad_option",
    "ruff/gitlab",
    "ruff/grouped",
    "ruff/pylint",
    "tsc/config",
    "unittest/discover",
}
"""Their form alone does not tell whose they are."""


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def expected(file: Path) -> dict:
    return json.loads(file.with_suffix(".json").read_text("utf-8"))


def read(file: Path, command: str, *, exit_code: int | None = None) -> Report:
    code = expected(file)["exit_code"] if exit_code is None else exit_code
    return read_report(command, file.read_text("utf-8"), code, workspace=Path("/project"))


def plain(report: Report) -> list[dict]:
    return [
        {key: value for key, value in problem.model_dump().items() if value not in ("", 0)}
        for problem in report.problems
    ]


@pytest.mark.parametrize("file", RECORDED, ids=name_of)
def test_a_recorded_output_is_read_as_expected(file: Path):
    wanted = expected(file)
    report = read(file, wanted["command"])
    assert plain(report) == wanted["problems"]
    assert (report.passed, report.failed) == (wanted["passed"], wanted["failed"])
    assert list(report.recognised) == wanted["recognised"]
    assert bool(report.raw) == wanted["raw"]
    assert bool(report.warning) == bool(report.raw), "what is given raw comes with a warning"


TELLING_BY_FORM = [file for file in RECORDED if expected(file)["problems"] and name_of(file) not in KNOWN_ONLY_BY_NAME]


@pytest.mark.parametrize("file", TELLING_BY_FORM, ids=name_of)
def test_a_command_that_hides_its_program_is_read_by_the_form_of_its_output(file: Path):
    wanted = expected(file)
    report = read(file, "make check")
    assert plain(report) == wanted["problems"]
    assert list(report.recognised) == wanted["recognised"]


@pytest.mark.parametrize("file", RECORDED, ids=name_of)
def test_every_place_lies_in_the_project(file: Path):
    for problem in read(file, expected(file)["command"]).problems:
        assert not problem.path.startswith(("/", "..", "./"))
        assert problem.message
        assert "\x1b" not in problem.message


def test_the_corpus_holds_no_path_of_the_machine_it_was_recorded_on():
    for file in CORPUS.rglob("*.*"):
        text = file.read_text("utf-8")
        assert "/work/" not in text
        assert "/root" not in text


@pytest.mark.parametrize(
    "program",
    ["pytest", "unittest", "ruff", "mypy", "pyright", "eslint", "tsc", "jest", "vitest", "cargo", "go", "gcc", "clang"],
)
def test_each_program_was_recorded_failing_and_clean(program: str):
    codes = [expected(file)["exit_code"] for file in RECORDED if file.parent.name == program]
    assert any(codes)
    assert 0 in codes or program in ("gcc", "clang")

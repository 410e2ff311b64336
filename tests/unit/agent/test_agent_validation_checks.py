"""The parts of validation by themselves: leave to run, what a run holds, language servers, what is said once."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cherry.agent.validation.checker import Checker, Look
from cherry.agent.validation.commands import CommandsCheck
from cherry.agent.validation.composed import Checks
from cherry.agent.validation.diagnostics import DiagnosticsCheck
from cherry.agent.validation.port import Ahead, Baseline, Found
from cherry.agent.validation.project_tests import ProjectTests
from cherry.agent.validation.running import HELD_CHARACTERS, CommandRunner
from cherry.agent.validation.sources import Sources
from cherry.domain.errors import CherryError, run
from cherry.domain.events import BaselineTaken, FileChange, Problem
from cherry.reports.reading import read_report
from cherry.sandbox.bare import BareSandbox
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryBlobs


def ignored(_what: str) -> None:
    pass


class Place:
    """A workspace with everything a check needs, commands bare."""

    def __init__(self, root: Path, forbidden: str = "") -> None:
        self.root = root
        self.contents = MemoryBlobs()
        self.runner = CommandRunner(BareSandbox(os.environ), root, forbidden=lambda: forbidden)
        self.checker = Checker(self.runner, self.contents, sources=self.sources, load_reader=lambda: read_report)

    def sources(self) -> Sources:
        return Sources(Jail(self.root))

    def commands(self, *commands: str) -> CommandsCheck:
        return CommandsCheck(self.checker, commands=lambda: commands, seconds=20)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


CHANGE = FileChange(path="a.py", before="", after="x")


async def test_where_no_command_may_run_none_is_and_the_reason_is_given(tmp_path):
    check = Place(tmp_path, forbidden="there is no sandbox.").commands("touch ran")
    assert await check.before(Ahead(("a.py",)), {}, ignored) == []
    found = await check.after([CHANGE], {}, ignored)
    assert not (tmp_path / "ran").exists()
    assert found.notes == ("The project's commands are not run after edits: there is no sandbox.",)


async def test_no_command_means_nobody_is_asked_for_leave(tmp_path):
    asked = []
    runner = CommandRunner(BareSandbox(os.environ), tmp_path, forbidden=lambda: asked.append(1) or "no")
    checker = Checker(runner, MemoryBlobs(), sources=lambda: Sources(Jail(tmp_path)), load_reader=lambda: read_report)
    check = CommandsCheck(checker, commands=tuple, seconds=1)
    assert await check.before(Ahead(("a.py",)), {}, ignored) == []
    assert await check.after([CHANGE], {}, ignored) == Found()
    assert not asked


async def test_a_note_is_made_once(tmp_path):
    place = Place(tmp_path, forbidden="no.")
    checks = Checks([place.commands("true")], sources=place.sources)
    first = await checks.check([CHANGE], {}, ignored)
    second = await checks.check([CHANGE], {}, ignored)
    assert len(first.notes) == 1
    assert not second.notes


async def test_of_a_huge_output_the_beginning_and_the_end_are_held(place):
    script = "echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last"
    ran = await place.runner.run(script, seconds=60)
    assert not ran.whole
    assert ran.output.startswith("first\n")
    assert ran.output.endswith("last\n")
    assert len(ran.output) <= 2 * HELD_CHARACTERS + 10


async def test_a_projects_own_programs_come_before_those_of_the_machine(place):
    own = place.root / "node_modules/.bin"
    own.mkdir(parents=True)
    (own / "ls").write_text("#!/bin/sh\necho the own one\n")
    (own / "ls").chmod(0o755)
    assert (await place.runner.run("ls", seconds=20)).output == "the own one\n"


async def test_commands_of_one_workspace_run_one_after_another(place):
    script = "mkdir busy || exit 9; sleep 0.05; rmdir busy"
    runs = await asyncio.gather(*(place.runner.run(script, seconds=20) for _ in range(3)))
    assert [ran.exit_code for ran in runs] == [0, 0, 0]


async def test_a_baseline_of_a_command_that_is_not_there_says_so(place):
    taken = await place.checker.baseline(Look("nosuch", "nosuch --check", 20))
    assert taken.extent == "none"
    assert "nosuch --check" in taken.why


async def test_while_files_do_not_parse_no_other_check_is_asked(place):
    class Broken:
        async def before(self, ahead, known, tell):
            return []

        async def after(self, changes, known, tell):
            return Found((Problem(path="a.py", line=1, message="broken"),), ("syntax",))

    checks = Checks([Broken(), place.commands("touch ran")], sources=place.sources)
    validation = await checks.check([CHANGE], {}, ignored)
    assert validation.checked == ("syntax",)
    assert not (place.root / "ran").exists()


class Server:
    """A language server as validation sees it."""

    def __init__(self, *answers: Sequence[Problem] | CherryError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, ...]] = []

    def covers(self, path: str) -> bool:
        return path.endswith(".py")

    async def problems(self, paths: Sequence[str]) -> Sequence[Problem]:
        self.asked.append(tuple(paths))
        answer = self.answers.pop(0)
        if isinstance(answer, CherryError):
            raise answer
        return answer


def said(message: str, severity: str = "error") -> Problem:
    return Problem(path="a.py", line=1, message=message, source="ty", severity=severity)


async def test_a_language_server_tells_what_is_new_since_the_first_change(place):
    (place.root / "a.py").write_text("x\n")
    server = Server([said("old")], [said("old"), said("new"), said("hint", "info")])
    check = DiagnosticsCheck(server, place.contents, sources=place.sources)
    (taken,) = await check.before(Ahead(("a.py", "b.txt")), {}, ignored)
    assert (taken.covers, len(taken.known)) == (("a.py",), 1)
    known = {taken.check: Baseline().with_(taken)}
    assert await check.before(Ahead(("a.py",)), known, ignored) == []
    found = await check.after([CHANGE], known, ignored)
    assert [problem.message for problem in found.problems] == ["new"]
    assert server.asked == [("a.py",), ("a.py",)]


async def test_a_language_server_that_cannot_answer_is_left_out(place):
    server = Server(CherryError(run.INTERNAL, "The server died"))
    check = DiagnosticsCheck(server, place.contents, sources=place.sources)
    (taken,) = await check.before(Ahead(("a.py",)), {}, ignored)
    assert "The server died" in taken.why
    assert await check.after([CHANGE], {taken.check: Baseline().with_(taken)}, ignored) == Found()


async def test_an_incomplete_look_before_is_said(place):
    long = "seq 1 6000 | sed 's/.*/a.py:&:1: F401 unused/'; exit 1 # ruff"
    taken = await place.checker.baseline(Look("ruff", long, 20))
    assert isinstance(taken, BaselineTaken)
    assert taken.extent == "partial"
    assert "only changed lines" in taken.why


async def test_of_thousands_of_new_problems_some_are_kept_and_the_rest_counted(place):
    class Many:
        async def before(self, ahead, known, tell):
            return []

        async def after(self, changes, known, tell):
            return Found(tuple(Problem(path="a.py", line=n, message="wrong") for n in range(1, 3_001)), ("many",))

    validation = await Checks([Many()], sources=place.sources).check([CHANGE], {}, ignored)
    assert len(validation.problems) == 201
    assert "2,800 more problems" in validation.problems[-1].message


async def test_secrets_are_taken_out_of_all_that_is_said(place):
    checks = Checks(
        [place.commands("./nosuch secret")], sources=place.sources, clean=lambda text: text.replace("secret", "***")
    )
    (taken,) = await checks.before(Ahead(("a.py",)), {}, ignored)
    assert "secret" not in taken.why
    assert "***" in taken.why


async def test_the_tests_of_a_file_are_looked_for_once_in_a_turn(place):
    listed = []

    async def list_files() -> Sequence[str]:
        listed.append(1)
        return ("a.py", "test_a.py")

    (place.root / "a.py").write_text("x = 1\n")
    (place.root / "test_a.py").write_text("import a\n")
    check = ProjectTests(
        place.checker,
        command=lambda: "python3 -m unittest",
        scope="related",
        list_files=list_files,
        sources=place.sources,
        seconds=20,
    )
    await check.before(Ahead(("a.py",), turn=1), {}, ignored)
    await check.before(Ahead(("a.py",), turn=1), {}, ignored)
    assert len(listed) == 1
    await check.before(Ahead(("a.py",), turn=2), {}, ignored)
    assert len(listed) == 2

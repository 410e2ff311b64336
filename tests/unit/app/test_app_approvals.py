"""Rules as they grow, and what is different where nothing confines a command."""

import pytest

from cherry.app.approvals import BareApprovals, RuledApprovals
from cherry.security.policy import Action, Rule

READ = "README.md"
ALL = (Rule("allow"), Rule("allow", "shell.run", "*"))


def approvals(*rules: Rule) -> RuledApprovals:
    return RuledApprovals(rules, mode="default", workspace="/w", keep=lambda _rule: None)


def run(command: str, *, foreign: str = READ) -> Action:
    return Action("shell.run", "run", command, command=command, foreign=foreign)


async def test_a_broad_rule_remembered_meanwhile_is_no_yes_to_acting_outside() -> None:
    ruled = approvals()
    await ruled.remember("allow shell.run git *", scope="session")
    assert ruled.decide(run("git gc")).verdict == "allow"
    assert ruled.decide(run("git push origin main")).person
    await ruled.remember("allow shell.run git push origin main", scope="session")
    assert ruled.decide(run("git push origin main")).verdict == "allow"


@pytest.mark.parametrize("command", ["pytest", "python3 a.py", "make", "$x"])
def test_without_a_sandbox_every_command_could_reach_out_once_foreign_content_was_read(command: str) -> None:
    confined, bare = BareApprovals(approvals(*ALL), lambda: True), BareApprovals(approvals(*ALL), lambda: False)
    assert not confined.decide(run(command)).person
    assert bare.decide(run(command)).person
    decision = bare.decide(run(command, foreign=""))
    assert decision.verdict == "ask"
    assert not decision.person


def test_what_is_typed_into_a_program_counts_like_a_command() -> None:
    typed = Action("shell.input", "run", "Type", foreign=READ)
    assert BareApprovals(approvals(*ALL), lambda: False).decide(typed).person
    assert not BareApprovals(approvals(*ALL), lambda: True).decide(typed).person


def test_reading_and_committing_need_no_person_without_a_sandbox_either() -> None:
    bare = BareApprovals(approvals(*ALL), lambda: False)
    assert not bare.decide(run("git log")).person
    assert bare.decide(Action("git.commit", "run", "Commit", reads=("a",), foreign=READ)).verdict == "allow"
    assert bare.decide(Action("fs.edit", "edit", "Edit", writes=("a.py",), foreign=READ)).verdict == "allow"

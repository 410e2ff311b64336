"""Acting outside after foreign content was read: which actions do, and whose yes counts for them. Pure.

Who has read foreign content may be doing what it asks for (law 7). From then on whatever reaches beyond this machine and this
workspace, or writes what leads others, is for a person to decide, whatever a broad rule or `--yes` says. A rule that names the act
itself, without a wildcard, is that person's word given in advance. Reading, editing ordinary files, building, testing and
committing stay as the policy has them.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from cherry.kernel.text import one_line, visible
from cherry.security.commands import Parsed, Program, parse
from cherry.security.danger import loosely
from cherry.security.egress import anywhere
from cherry.security.leading_files import added_reason, leading_reason
from cherry.security.outside_programs import brings_in_code, outside_reason, stays_here
from cherry.security.policy import Action, Decision, Rule
from cherry.security.shell_readonly import not_reading
from cherry.security.shell_wrappers import PRIVILEGED

_WILD = frozenset("*?[")
_GIT_LEAVES = frozenset({"add", "commit", "diff", "log", "show", "status", "blame", "stage", "grep"})
"""Subcommands that write no file of the work tree, whatever they are given."""
_GIT_MOVES = frozenset(
    {"checkout", "switch", "pull", "merge", "rebase", "stash", "reset", "restore", "cherry-pick", "revert", "worktree"}
)
_ALSO_WORDS = frozenset(
    {
        *(
            "open",
            "host",
            "fetch",
            "links",
            "mail",
            "http",
            "https",
            "op",
            "tea",
            "np",
            "lt",
            "sam",
            "eb",
            "slack",
            "hub",
        ),
        *("fly", "crane", "vault", "bore", "stripe", "railway", "serverless", "gist", "ping", "tailscale", "croc"),
    }
)
"""Too common in sentences to mean a program where a script is not understood."""


class Act(NamedTuple):
    """One thing of an action that is done outside."""

    reason: str
    program: Program | None = None
    path: str = ""


def guarded(decision: Decision, action: Action, rules: Sequence[Rule], *, workspace: str = "") -> Decision:
    """The policy's decision, or that a person must be asked, because foreign content was read before."""
    if not action.foreign or decision.verdict == "deny" or decision.confirm:
        return decision
    if decision.person:
        return decision._replace(reason=_because(decision.reason, action))
    act = next((act for act in acts(action, workspace=workspace) if not _named(act, action, rules)), None)
    if act is None:
        return decision
    return Decision("ask", _because(act.reason, action), person=True)


def _because(reason: str, action: Action) -> str:
    why = f"{reason}; content from {action.foreign} was read before this and may be asking for it"
    return one_line(visible(why), 400)


def acts(action: Action, *, workspace: str = "") -> list[Act]:
    """All that the action does outside, as far as it can be seen before."""
    found = [
        Act(f"`{path}` leads others: {reason}", path=path) for path in action.writes if (reason := leading_reason(path))
    ]
    found += [
        Act(f"`{path}`: {reason}", path=path) for path, diff in action.diffs if (reason := added_reason(path, diff))
    ]
    if not action.command:
        return [*found, Act("it uses the network")] if action.network else found
    parsed = parse(action.command)
    return [*found, *_acts_of_command(action, parsed, workspace)]


def _acts_of_command(action: Action, parsed: Parsed, workspace: str) -> list[Act]:
    named = [act for program in parsed.programs if (act := _named_act(action, program))]
    found = [*named, *(act for program in parsed.programs if (act := _act_of_program(action, program, workspace)))]
    if parsed.problem:
        loose = [program for program in loosely(action.command) if program.name not in _ALSO_WORDS]
        found += [Act(act.reason) for program in loose if (act := _named_act(action, program))]
        if anywhere(action.network):
            found.append(Act(f"{parsed.problem}, and it may use the network"))
    return found


def _act_of_program(action: Action, program: Program, workspace: str) -> Act | None:
    if _named_act(action, program) or not not_reading(program, workspace=workspace):
        return None
    if path := _leading_path(program):
        return Act(f"`{path}` leads others: {leading_reason(path)}", program)
    if anywhere(action.network) and program.name:
        return Act(f"`{program.name}` may use the network", program)
    if action.network and brings_in_code(program):
        return Act(f"`{program.name}` brings in code from elsewhere", program)
    return None


def _named_act(action: Action, program: Program) -> Act | None:
    reason = outside_reason(program)
    if not reason or (not action.network and stays_here(program)):
        return None
    return Act(f"`{_called(program)}`: {reason}", program)


def _called(program: Program) -> str:
    """`git push`, `curl`: enough to know it by."""
    subcommand = next((word for word in program.words[1:2] if program.name == "git"), "")
    return f"{program.name} {subcommand}".strip() or "it"


def names_leading(command: str) -> bool:
    """Whether a command that does more than read names a file that leads others: then a person has allowed it to write there."""
    parsed = parse(command)
    return any(_leading_path(program) for program in parsed.programs if not_reading(program))


def moves_work_tree(command: str) -> bool:
    """Whether nothing runs but git, to put other versions of the repository's own files in place."""
    parsed = parse(command)
    acting = [program for program in parsed.programs if not_reading(program)]
    return bool(acting) and not parsed.problem and all(_moves(program) for program in acting)


def _moves(program: Program) -> bool:
    return program.name == "git" and program.words[1:2] != () and program.words[1] in _GIT_MOVES


def _leading_path(program: Program) -> str:
    """A file that leads others, where the program may write it."""
    written = [redirection.target.text for redirection in program.redirections if redirection.writes]
    if program.name == "git" and _GIT_LEAVES.intersection(program.words[1:2]):
        named: list[str] = []
    else:
        named = [piece for word in program.arguments for piece in (word.text, word.text.partition("=")[2]) if piece]
    return next((path for path in (*written, *named) if leading_reason(path)), "")


def _named(act: Act, action: Action, rules: Sequence[Rule]) -> bool:
    """Whether a rule speaks of exactly this."""
    return any(_speaks_exactly(rule, act, action) for rule in rules if rule.action == "allow")


def _speaks_exactly(rule: Rule, act: Act, action: Action) -> bool:
    if not fnmatchcase(action.tool, rule.tool or "*") or _WILD.intersection(rule.command + rule.path):
        return False
    if act.path:
        return rule.path == act.path
    program = act.program
    if program is None or not rule.command or rule.path:
        return False
    plain = not (program.assignments or program.open_ended or PRIVILEGED.intersection(program.wrappers))
    plain = plain and not any(redirection.writes for redirection in program.redirections)
    plain = plain and not any(word.dynamic or word.glob for word in program.arguments)
    return plain and rule.words == program.words

"""May it be done? Allow, ask, or deny, by rules. Pure: looks at nothing but what it is given, does nothing.

Deny wins over ask, ask over allow; what the rules do not speak of is decided by the mode; what is not understood is asked.
Dangerous commands (`cherry.security.danger`) are decided before any rule.
"""

import re
import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, NamedTuple

from cherry.domain.errors import CherryError, config
from cherry.kernel.text import one_line, visible
from cherry.security.commands import Parsed, Program, parse
from cherry.security.danger import danger
from cherry.security.egress import Grant, grants_text
from cherry.security.protected import Protected
from cherry.security.remembering import pattern_of
from cherry.security.shell_readonly import not_reading, only_reads
from cherry.security.shell_wrappers import PRIVILEGED
from cherry.toon.definition import Effect

Verdict = Literal["allow", "ask", "deny"]
Mode = Literal["default", "careful", "plan"]
"""default: reading and editing inside the workspace are allowed, commands that do more than read are asked · careful: edits are
asked too · plan: nothing may change anything."""

ALWAYS_ASKED = frozenset({"git.commit", "git.push"})
PERSONAL = frozenset({"memory.note"})
"""A person's own word each time."""
_PROTECTED = Protected()


class Action(NamedTuple):
    """What is about to be done."""

    tool: str
    """Dotted name."""
    effect: Effect
    title: str
    command: str = ""
    """For tools that run a shell script: the script."""
    reads: tuple[str, ...] = ()
    """Paths relative to the workspace, as the jail gave them."""
    writes: tuple[str, ...] = ()
    network: tuple[Grant, ...] = ()
    """What it may reach."""
    asked: tuple[Grant, ...] = ()
    """What of that nobody has granted yet: this call asks for it."""
    foreign: str = ""
    """What content the user did not write was read before, in words; empty when none was."""
    diffs: tuple[tuple[str, str], ...] = ()
    """For edits: path and the hunks of the change."""


class Decision(NamedTuple):
    verdict: Verdict
    reason: str
    """One sentence for a person; for a denial also for the model."""
    rule: str = ""
    """The rule that decided, in its own words; empty when no rule did."""
    confirm: str = ""
    """With `ask`: what a person must type. Such an action is never remembered and never allowed by `--yes`."""
    person: bool = False
    """With `ask`: only a person's yes counts. Not remembered, not allowed by `--yes`."""


class Rule(NamedTuple):
    """One line of a policy. An empty pattern speaks of everything."""

    action: Verdict
    tool: str = ""
    """Glob on the dotted name."""
    command: str = ""
    """Words, each a glob; a last `*` stands for any further words: `pytest *`, `git add *`."""
    path: str = ""
    """`src/**`: `*` within a folder, `**` across folders."""

    @property
    def words(self) -> tuple[str, ...]:
        """Of the command pattern."""
        return _split(self.command)

    def __str__(self) -> str:
        what = " ".join(part for part in (self.tool, self.command, self.path) if part)
        return f"{self.action} {what or '*'}"


class Policy:
    """Rules and a mode. Immutable; make a new one to change it."""

    def __init__(self, rules: Sequence[Rule] = (), mode: Mode = "default", *, workspace: str = "") -> None:
        self.rules = tuple(rules)
        self.mode: Mode = mode
        self._workspace = workspace

    def decide(self, action: Action) -> Decision:
        parsed = parse(action.command) if action.command else Parsed(())
        hit = danger(action.command, parsed, workspace=self._workspace) if action.command else None
        if hit and hit.degree == "never":
            return Decision("deny", f"never allowed: {hit.reason}")
        if rule := self._first("deny", action, parsed):
            return Decision("deny", "your rules forbid it", str(rule))
        if reason := _protected_write(action):
            return Decision("deny", reason)
        if hit:
            return Decision("ask", hit.reason, confirm=hit.confirm)
        if self.mode == "plan" and (action.effect in {"edit", "run"} and not self._only_reads(action, parsed)):
            return Decision("deny", "nothing may be changed in plan mode")
        if rule := self._first("ask", action, parsed):
            return Decision("ask", "your rules want to be asked", str(rule))
        return self._allowed(action, parsed)

    def remembered_rule(self, action: Action) -> Rule | None:
        """The rule that would allow this and its like from now on; None when it should be decided each time."""
        if action.tool in (ALWAYS_ASKED | PERSONAL) or action.asked:
            return None
        if not action.command:
            plain = action.effect == "edit" and not action.network
            return Rule("allow", tool=action.tool) if plain else None
        parsed = parse(action.command)
        if parsed.problem or danger(action.command, parsed, workspace=self._workspace):
            return None
        unknown = [p for p in parsed.programs if not_reading(p, workspace=self._workspace)]
        patterns = {pattern_of(program) for program in unknown}
        if len(patterns) != 1 or None in patterns:
            return None
        pattern = patterns.pop()
        return Rule("allow", tool=action.tool, command=pattern) if pattern else None

    # -- parts of the decision

    def _allowed(self, action: Action, parsed: Parsed) -> Decision:
        if action.tool in PERSONAL:
            return Decision("ask", "it is remembered in later sessions of this project", person=True)
        if action.asked:
            return Decision("ask", f"it wants to reach {grants_text(action.asked)}", person=True)
        if action.network and not action.command:
            return self._by_rule(action, parsed) or Decision("ask", "it uses the network")
        if action.effect in {"read", "ask"}:
            return Decision("allow", "it only reads" if action.effect == "read" else "it asks you")
        if action.tool in ALWAYS_ASKED:
            return self._by_rule(action, parsed) or Decision("ask", "it changes the repository's history")
        if action.effect == "edit":
            if self.mode == "careful":
                return self._by_rule(action, parsed) or Decision("ask", "edits are asked in careful mode")
            return Decision("allow", "edits inside the workspace can be undone")
        return self._command(action, parsed)

    def _command(self, action: Action, parsed: Parsed) -> Decision:
        if not action.command:
            return self._by_rule(action, parsed) or Decision("ask", f"{action.tool} can do anything a program can")
        if parsed.problem:
            return Decision("ask", parsed.problem)
        if self._only_reads(action, parsed):
            return Decision("allow", "every program in it only reads")
        reasons = [(program, not_reading(program, workspace=self._workspace)) for program in parsed.programs]
        rules = [self._program_rule(action, program) for program, reason in reasons if reason]
        if rules and all(rules):
            return Decision("allow", "your rules allow every program in it", "; ".join(sorted({str(r) for r in rules})))
        reason = next(
            (reason for program, reason in reasons if reason and not self._program_rule(action, program)), "it is empty"
        )
        return Decision("ask", one_line(visible(reason), 200))

    def _only_reads(self, action: Action, parsed: Parsed) -> bool:
        return bool(action.command) and only_reads(parsed, workspace=self._workspace)

    def _by_rule(self, action: Action, parsed: Parsed) -> Decision | None:
        if action.command:
            decision = self._command(action, parsed)
            return decision if decision.rule else None
        rule = self._first("allow", action, parsed)
        return Decision("allow", "your rules allow it", str(rule)) if rule else None

    def _program_rule(self, action: Action, program: Program) -> Rule | None:
        """The rule that allows this program; none when it sets variables, writes files or takes unknown arguments."""
        if program.assignments or program.open_ended or PRIVILEGED.intersection(program.wrappers):
            return None
        if any(redirection.writes for redirection in program.redirections):
            return None
        if any(word.dynamic for word in program.arguments) or not program.name:
            return None
        for rule in self.rules:
            if rule.action == "allow" and _tool(rule, action) and not rule.path and _words(rule.command, program.words):
                return rule
        return None

    def _first(self, verdict: Verdict, action: Action, parsed: Parsed) -> Rule | None:
        return next((rule for rule in self.rules if rule.action == verdict and _speaks_of(rule, action, parsed)), None)


def parse_rule(text: str, *, where: str = "") -> Rule:
    """`allow shell.run pytest *`, `deny fs.* secrets/**`, `ask *`: action, tool, then a command (for `shell.`) or a path.

    The inverse of `str(rule)`. Raises CherryError(config.BAD_VALUE).
    """
    words = text.split()
    if not words or words[0] not in {"allow", "ask", "deny"}:
        raise CherryError(
            config.BAD_VALUE, f"`{one_line(text)}` is no rule", where=where, why="it must begin with allow, ask or deny"
        )
    action: Verdict = "allow" if words[0] == "allow" else "ask" if words[0] == "ask" else "deny"
    tool = words[1] if len(words) > 1 and words[1] != "*" else ""
    rest = text.split(None, 2)[2].strip() if len(words) > 2 else ""
    if tool.startswith("shell"):
        return Rule(action, tool, command=rest)
    return Rule(action, tool, path=rest)


def _protected_write(action: Action) -> str:
    for path in action.writes:
        if reason := _PROTECTED.write_reason(path):
            return f"{path} is protected: {reason}"
    return ""


def _speaks_of(rule: Rule, action: Action, parsed: Parsed) -> bool:
    if not _tool(rule, action):
        return False
    if rule.command and not any(_words(rule.command, program.words) for program in parsed.programs):
        return False
    if rule.path:
        touched = (*action.reads, *action.writes)
        hits = [_path(rule.path, path) for path in touched]
        return (bool(hits) and all(hits)) if rule.action == "allow" else any(hits)
    return True


def _tool(rule: Rule, action: Action) -> bool:
    return not rule.tool or fnmatchcase(action.tool, rule.tool)


def _words(pattern: str, words: Sequence[str]) -> bool:
    """An empty pattern matches all; a last `*` any number of further words; other words one each."""
    if not pattern:
        return True
    globs = _split(pattern)
    open_end = globs[-1:] == ("*",)
    fixed = globs[:-1] if open_end else globs
    if len(words) < len(fixed) or (not open_end and len(words) != len(fixed)):
        return False
    return all(fnmatchcase(word, glob) for word, glob in zip(words, fixed, strict=False))


@lru_cache(maxsize=512)
def _split(pattern: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(pattern))
    except ValueError:
        return tuple(pattern.split())


@lru_cache(maxsize=512)
def _path_pattern(pattern: str) -> re.Pattern[str]:
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    out = [meaning.get(piece, re.escape(piece)) for piece in pieces]
    return re.compile("".join(out) + r"(?:/.*)?", re.DOTALL)


def _path(pattern: str, path: str) -> bool:
    return _path_pattern(pattern).fullmatch(path) is not None

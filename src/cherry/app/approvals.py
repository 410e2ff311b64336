"""The policy of a workspace as it grows: configured rules, and those a person had remembered.

Rules remembered for always are kept in Cherry's data folder per workspace, never in the repository.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from cherry.security.egress import ANYWHERE
from cherry.security.outside import guarded
from cherry.security.policy import ALWAYS_ASKED, Action, Decision, Mode, Policy, Rule, parse_rule


class RuledApprovals:
    """Implements `cherry.agent.workbench.Approvals`."""

    def __init__(self, rules: Sequence[Rule], *, mode: Mode, workspace: str, keep: Callable[[str], None]) -> None:
        """`keep` stores one rule in its text form for later sessions."""
        self._workspace = workspace
        self._mode = mode
        self._keep = keep
        self._policy = Policy(rules, mode, workspace=workspace)

    def decide(self, action: Action) -> Decision:
        decision = self._policy.decide(action)
        return guarded(decision, action, self._policy.rules, workspace=self._workspace)

    def suggestion(self, action: Action) -> str:
        rule = self._policy.remembered_rule(action)
        return str(rule) if rule else ""

    async def remember(self, rule: str, *, scope: Literal["session", "always"]) -> None:
        self._policy = Policy((*self._policy.rules, parse_rule(rule)), self._mode, workspace=self._workspace)
        if scope == "always":
            self._keep(rule)


class BareApprovals:
    """Where commands are not confined, every one of them is asked for, whatever would let it pass otherwise."""

    def __init__(self, inner: RuledApprovals, confines: Callable[[], bool]) -> None:
        self._inner = inner
        self._confines = confines

    def decide(self, action: Action) -> Decision:
        runs = action.effect == "run" and action.tool not in ALWAYS_ASKED
        if action.foreign and runs and not action.network and not self._confines():
            action = action._replace(network=(ANYWHERE,))  # nothing keeps it from the network
        decision = self._inner.decide(action)
        if decision.verdict == "allow" and action.effect == "run" and action.command and not self._confines():
            return Decision("ask", "there is no sandbox on this machine; the command runs with your own rights")
        return decision

    def suggestion(self, action: Action) -> str:
        return (
            "" if action.effect == "run" and action.command and not self._confines() else self._inner.suggestion(action)
        )

    async def remember(self, rule: str, *, scope: Literal["session", "always"]) -> None:
        await self._inner.remember(rule, scope=scope)

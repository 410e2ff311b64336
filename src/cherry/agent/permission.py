"""Leave to act: policy first, then a person, then the record that it is about to happen.

Approvals and questions are event pairs: asked in the log, answered in the log. Waiting costs nothing and survives a restart, because
their ids are derived from the call: a resumed turn finds its old question and, if it was answered meanwhile, the answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from cherry.agent.journal import Journal
from cherry.agent.leading import Leading
from cherry.agent.stopwatch import Stopwatch
from cherry.agent.workbench import Approvals
from cherry.domain.calls import Call
from cherry.domain.errors import CherryError, tools
from cherry.domain.events import ApprovalDecided, ApprovalRequested, Event, QuestionAsked, ToolStarted
from cherry.domain.live import Working
from cherry.domain.views import DiffView
from cherry.kernel.ids import derived_id
from cherry.kernel.waits import waiting
from cherry.security.policy import Action, Decision
from cherry.tools.context import Intent, ToolContext
from cherry.tools.toolbox import Toolbox

Approver = Literal["person", "yes", "yes_person", "nobody"]
"""Who answers: a person · yes: what the policy would ask is allowed, nobody is there for the rest · yes_person: the same, but a
person is there for questions and for what must be confirmed · nobody."""

_ONLY_A_PERSON = (
    "Run `cherry --continue` in a terminal and decide. `--yes` does not cover this; "
    "a rule in `approvals` that names exactly this does."
)


class Permission:
    """Makes the context of each call of one turn."""

    def __init__(
        self,
        journal: Journal,
        *,
        toolbox: Toolbox,
        approvals: Approvals,
        approver: Approver,
        stopwatch: Stopwatch,
        leading: Leading,
        before_edit: Callable[[Sequence[str]], Awaitable[None]] | None = None,
    ) -> None:
        """`before_edit` is awaited with the paths once an edit is allowed, before anything is written."""
        self.nobody_answered: CherryError | None = None
        """Set when somebody was needed and nobody could answer: the turn stands still, the call stays open."""
        self._journal = journal
        self._toolbox = toolbox
        self._approvals = approvals
        self._approver = approver
        self._stopwatch = stopwatch
        self._leading = leading
        self._before_edit = before_edit

    def context(self, call: Call) -> ToolContext:
        async def proceed(intent: Intent) -> None:
            await self._proceed(call, intent)

        async def record(event: Event) -> None:
            await self._journal.append(*self._leading.parted(call, event))

        async def ask(question: str, options: tuple[str, ...]) -> str:
            return await self._ask(call, question, options)

        return ToolContext(
            call=call,
            proceed=proceed,
            record=record,
            ask=ask,
            emit=self._journal.emit,
            seen=self._journal.state.seen,
            search_history=self._journal.search,
        )

    async def _proceed(self, call: Call, intent: Intent) -> None:
        action = Action(
            tool=self._toolbox.find(call.tool).name,  # a rule speaks of `fs.write`, the model perhaps of `fs_write`
            effect=intent.effect,
            title=intent.title,
            command=intent.command,
            reads=intent.reads,
            writes=intent.writes,
            network=intent.network,
            asked=intent.asked,
            foreign=self._journal.state.foreign.words,
            diffs=_diffs(intent),
        )
        decision = self._approvals.decide(action)
        if decision.verdict == "deny":
            raise CherryError(tools.DENIED, f"{intent.title}: the policy does not allow this", why=decision.reason)
        must_ask = decision.confirm or decision.person or not self._approver.startswith("yes")
        if decision.verdict == "ask" and must_ask:
            rule = "" if decision.person else self._approvals.suggestion(action)
            await self._approve(call, intent, decision, rule=rule)
        if intent.effect == "edit" and self._before_edit is not None:
            await self._before_edit(intent.writes)
        await self._journal.append(
            ToolStarted(
                call_id=call.id,
                tool=call.tool,
                arguments=call.arguments,
                title=intent.title,
                effect=intent.effect,
                view=intent.view,
                expects=dict(intent.expects),
            )
        )

    async def _approve(self, call: Call, intent: Intent, decision: Decision, *, rule: str) -> None:
        approval_id = derived_id("a", self._journal.state.session, call.id)
        await self._journal.append(
            ApprovalRequested(
                approval_id=approval_id,
                call_id=call.id,
                tool=call.tool,
                title=intent.title,
                reason=decision.reason,
                view=intent.view,
                rule=rule,
                confirm=decision.confirm,
            )
        )
        decided = await self._approval_decision(
            approval_id, f"{intent.title}: {decision.reason}", next_step=_ONLY_A_PERSON if decision.person else ""
        )
        if not decided.allowed:
            raise CherryError(
                tools.REJECTED,
                f"The user did not allow: {intent.title}",
                why=decided.comment,
                next_step=decided.comment or tools.REJECTED.next_step,
            )
        if decided.remember != "once" and rule:
            await self._approvals.remember(rule, scope=decided.remember)

    async def _approval_decision(self, approval_id: str, about: str, *, next_step: str) -> ApprovalDecided:
        decisions = self._journal.state.decisions
        otherwise = f"An approval is needed and nobody can give it: {about}"
        await self._wait(lambda: approval_id in decisions, otherwise, next_step=next_step)
        return decisions[approval_id]

    async def _ask(self, call: Call, question: str, options: tuple[str, ...]) -> str:
        question_id = derived_id("q", self._journal.state.session, call.id)
        await self._journal.append(
            QuestionAsked(question_id=question_id, call_id=call.id, question=question, options=options)
        )
        answers = self._journal.state.answers
        await self._wait(lambda: question_id in answers, f"The model asks and nobody can answer: {question}")
        return answers[question_id]

    async def _wait(self, answered: Callable[[], bool], otherwise: str, *, next_step: str = "") -> None:
        if answered():
            return
        if not self._approver.endswith("person"):
            error = CherryError(tools.NOBODY_TO_ASK, otherwise, next_step=next_step)
            self.nobody_answered = self.nobody_answered or error
            raise error
        self._journal.emit(Working("Waiting for you"))
        with self._stopwatch.paused(), waiting("approval", detail="you"):
            await self._journal.until(lambda _state: answered())


def _diffs(intent: Intent) -> tuple[tuple[str, str], ...]:
    if not isinstance(intent.view, DiffView):
        return ()
    return tuple((file.path, file.unified) for file in intent.view.files)

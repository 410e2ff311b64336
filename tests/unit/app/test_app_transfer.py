"""Sessions as JSON lines: what is written is taken in again, and what is wrong or hostile is not."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.agent.state import SessionState
from cherry.app.transfer import Imported, Transfer
from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import CallPart, FromAssistant, TextPart
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import (
    ApprovalDecided,
    ApprovalRequested,
    AssistantMessage,
    ChangesApplied,
    Event,
    FileChange,
    Notice,
    SessionStarted,
    ToolFinished,
    TurnFinished,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.usage import Cost, Usage
from cherry.storage.memory import MemoryStore
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore

HOLDER = "another-machine:17:boot.1"
KEY = "sk-ant-api03-" + "k" * 80
CALL = Call(id="c1", tool="shell.run", arguments={"command": "rm -rf ~"})


def no_redaction(text: str) -> str:
    return text


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "here")
    yield made
    await made.close()


async def session(store: KeptStore, id: str, *events: Event) -> None:
    await store.log.create(id, SessionStarted(workspace="/w", title=f"Title of {id}"))
    lease = await store.log.acquire(id, HOLDER, seconds=30)
    await store.log.append(lease, [Draft(1, event) for event in events])
    await store.log.release(lease)


async def exported(store: KeptStore, *ids: str, contents: bool = True) -> list[str]:
    transfer = Transfer(store, redact=no_redaction)
    return [line for id in ids for line in [line async for line in transfer.export(id, contents=contents)]]


async def taken_in(store: KeptStore, lines: Sequence[str], tmp_path: Path, **options: Any) -> list[Imported]:
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return await Transfer(store, redact=no_redaction).take_in(file, **options)


async def events(store: KeptStore, id: str) -> list[tuple[int, int, float, Event]]:
    return [(record.seq, record.turn, record.at, record.event) async for record in store.log.read(id)]


async def test_what_is_exported_can_be_imported_elsewhere_with_times_and_contents(
    store: SqliteStore, tmp_path: Path
) -> None:
    before, after = await store.blobs.put(b"before"), await store.blobs.put(b"after")
    change = ChangesApplied(change_id="x", files=(FileChange(path="a", before=before, after=after),))
    await session(store, "s_1", Notice(text="one"), change)
    await session(store, "s_2", Notice(text="two"))
    there = MemoryStore()

    done = await taken_in(there, await exported(store, "s_1", "s_2"), tmp_path)

    assert [(one.session, one.state, one.events, one.contents, one.missing) for one in done] == [
        ("s_1", "new", 3, 2, 0),
        ("s_2", "new", 2, 0, 0),
    ]
    assert [await events(there, id) for id in ("s_1", "s_2")] == [await events(store, id) for id in ("s_1", "s_2")]
    assert await there.blobs.get(before) == b"before"
    assert (await there.index.find("s_1")).title == "Title of s_1"


async def test_without_contents_it_is_said_what_is_missing(store: SqliteStore, tmp_path: Path) -> None:
    name = await store.blobs.put(b"the whole output")
    await session(
        store,
        "s_1",
        ToolFinished(call_id="c", tool="t", result=Result(call_id="c", status=Status.SUCCESS, text="cut", kept=name)),
    )

    [done] = await taken_in(MemoryStore(), await exported(store, "s_1", contents=False), tmp_path)

    assert (done.contents, done.missing) == (0, 1)


async def test_the_parts_of_a_large_change_come_with_it(store: SqliteStore, tmp_path: Path) -> None:
    part = await store.blobs.put(b"a part of a large file")
    record = await store.blobs.put(
        json.dumps({"from": "b2:" + "0" * 32, "before": [part]}, separators=(",", ":")).encode()
    )
    change = FileChange(path="big", before="b2:" + "0" * 32, after="", large=record)
    await session(store, "s_1", ChangesApplied(change_id="x", files=(change,)))
    there = MemoryStore()

    await taken_in(there, await exported(store, "s_1"), tmp_path)

    assert await there.blobs.get(part) == b"a part of a large file"


async def test_a_session_that_is_here_already_is_left_alone_however_it_has_grown(
    store: SqliteStore, tmp_path: Path
) -> None:
    await session(store, "s_1", Notice(text="one"))
    lines = await exported(store, "s_1")
    await session(store, "s_1", Notice(text="two"))

    [done] = await taken_in(store, lines, tmp_path)

    assert (done.session, done.state) == ("s_1", "here")
    assert await store.log.last_seq("s_1") == 3
    assert len(await store.index.recent()) == 1


async def test_an_id_that_belongs_to_another_session_is_not_overwritten(store: SqliteStore, tmp_path: Path) -> None:
    await session(store, "s_1", Notice(text="one"))
    there = SqliteStore(tmp_path / "there")
    await session(there, "s_1", Notice(text="something else"))
    mine = await events(there, "s_1")

    [done] = await taken_in(there, await exported(store, "s_1"), tmp_path)

    assert done.state == "renamed"
    assert done.session != "s_1"
    assert await events(there, "s_1") == mine
    assert await events(there, done.session) == await events(store, "s_1")
    assert (await there.check()).findings == ()
    await there.close()


async def test_a_session_can_be_taken_into_another_folder(store: SqliteStore, tmp_path: Path) -> None:
    await session(store, "s_1", Notice(text="one"))
    lines = await exported(store, "s_1")

    [moved] = await taken_in(store, lines, tmp_path, workspace=tmp_path)
    [again] = await taken_in(MemoryStore(), lines, tmp_path)

    assert moved.state == "renamed"
    assert (await store.index.find(moved.session)).workspace == str(tmp_path)
    assert (await store.index.find("s_1")).workspace == "/w"
    assert again.state == "new"


def answer(*calls: Call) -> AssistantMessage:
    parts = (TextPart(text="I shall."), *(CallPart(call=call) for call in calls))
    return AssistantMessage(
        step=1, message=FromAssistant(parts=parts), finish="calls", usage=Usage(), cost=Cost(), model="m"
    )


async def test_nothing_a_stranger_had_approved_is_left_to_be_run(store: SqliteStore, tmp_path: Path) -> None:
    await session(
        store,
        "s_1",
        TurnStarted(model="m", limits=TurnLimits()),
        UserMessage(message_id="m1", parts=(TextPart(text="go"),)),
        answer(CALL),
        ApprovalRequested(approval_id="a1", call_id="c1", tool="shell.run", title="Run rm", reason="it writes"),
        ApprovalDecided(approval_id="a1", allowed=True, remember="always"),
    )
    there = MemoryStore()

    [done] = await taken_in(there, await exported(store, "s_1"), tmp_path)

    state = SessionState()
    async for record in there.log.read("s_1"):
        state.apply(record)
    assert done.events == 6
    assert state.pending.open_calls == ()
    finished = state.turn.finished
    assert finished is not None
    assert finished.outcome == "interrupted"
    kinds = [event.kind for _, _, _, event in await events(there, "s_1")]
    assert kinds[-2:] == ["tool.finished", "turn.finished"]
    [again] = await taken_in(there, await exported(store, "s_1"), tmp_path)
    assert again.state == "here"


async def test_a_finished_session_is_taken_in_as_it_is(store: SqliteStore, tmp_path: Path) -> None:
    await session(
        store,
        "s_1",
        TurnStarted(model="m", limits=TurnLimits()),
        UserMessage(message_id="m1", parts=(TextPart(text="go"),)),
        answer(),
        TurnFinished(outcome="done"),
    )
    there = MemoryStore()

    await taken_in(there, await exported(store, "s_1"), tmp_path)

    assert await events(there, "s_1") == await events(store, "s_1")


async def test_keys_are_taken_out_and_contents_that_hold_one_are_withheld(store: SqliteStore, tmp_path: Path) -> None:
    secret, plain = await store.blobs.put(f"token = {KEY}".encode()), await store.blobs.put(b"plain")
    await session(
        store, "s_1", Notice(text=f"use {KEY} for {secret} and {plain}"), Notice(text=KEY), Notice(text=KEY[:-1] + "K")
    )
    transfer = Transfer(store, redact=lambda text: re.sub("sk-ant-[-0-9A-Za-z]+", "[redacted: key]", text))

    lines = [line async for line in transfer.export("s_1", contents=True)]

    assert KEY not in "".join(lines)
    assert base64.b64encode(KEY.encode()).decode()[4:40] not in "".join(lines)
    assert "[redacted: key]" in lines[1]
    assert json.loads(lines[-1]) == {"end": "s_1", "events": 4, "contents": 1, "withheld": 1}
    [done] = await taken_in(MemoryStore(), lines, tmp_path)
    assert (done.contents, done.missing) == (1, 1)


Lines = list[str]


def edited(number: int, change: Callable[[dict[str, Any]], Any]) -> Callable[[Lines], Lines]:
    def edit(lines: Lines) -> Lines:
        fields = json.loads(lines[number])
        change(fields)
        return [*lines[:number], json.dumps(fields), *lines[number:][1:]]

    return edit


WRONG: dict[str, Callable[[Lines], Lines]] = {
    "a line is missing": lambda lines: [lines[0], *lines[2:]],
    "the first line is missing": lambda lines: lines[1:],
    "a line comes twice": lambda lines: [lines[0], lines[1], *lines[1:]],
    "lines are swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "it is cut off behind a content": lambda lines: lines[:-1],
    "a content is missing": lambda lines: [*lines[:-2], lines[-1]],
    "it is cut in a line": lambda lines: [*lines[:2], lines[2][:40]],
    "a line is no JSON": lambda lines: [*lines, "hello"],
    "a line is no object": lambda lines: [*lines, "[1]"],
    "a line is something else": lambda lines: [*lines, '{"hello": 1}'],
    "a line is nested beyond measure": lambda lines: [*lines, '{"event":' + "[" * 100_000],
    "an id is not that of its event": edited(1, lambda line: line.update(id="e_0000000000000000")),
    "a turn was changed": edited(1, lambda line: line.update(turn=9)),
    "a turn is negative": edited(1, lambda line: line.update(turn=-1)),
    "a time is none": edited(1, lambda line: line.update(at="NaN")),
    "a number is none": edited(1, lambda line: line.update(seq="x")),
    "an event is of a newer kind": edited(1, lambda line: line["event"].update(kind="dream.dreamt")),
    "an event is of a newer version": edited(1, lambda line: line["event"].update(v=99)),
    "an event has no kind": edited(1, lambda line: line["event"].pop("kind")),
    "an event misses a field": edited(1, lambda line: line["event"].pop("text")),
    "a session begins twice": edited(1, lambda line: line["event"].update(kind="session.started", workspace="/")),
    "a session has no proper id": lambda lines: [line.replace("s_1", "s_../../etc") for line in lines],
    "a content is not what it says": edited(-2, lambda line: line.update(data="AAAA")),
    "a content is no base 64": edited(-2, lambda line: line.update(data="!!")),
    "a content has no data": edited(-2, lambda line: line.pop("data")),
    "the end counts wrong": edited(-1, lambda line: line.update(events=2)),
    "the end is of another session": edited(-1, lambda line: line.update(end="s_2")),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_wrong_line_is_named_and_nothing_is_taken_in(
    store: SqliteStore, tmp_path: Path, wrong: Callable[[Lines], Lines]
) -> None:
    content = await store.blobs.put(b"content")
    await session(store, "s_0", Notice(text="sound"))
    await session(store, "s_1", Notice(text=f"one {content}"), Notice(text="two"))
    there = MemoryStore()

    with pytest.raises(CherryError) as caught:
        await taken_in(there, [*await exported(store, "s_0"), *wrong(await exported(store, "s_1"))], tmp_path)

    assert caught.value.kind is storage.BAD_IMPORT
    assert "lines.jsonl" in caught.value.where
    assert await there.index.recent() == []


async def test_an_empty_file_holds_no_session(tmp_path: Path) -> None:
    assert await taken_in(MemoryStore(), [], tmp_path) == []
    with pytest.raises(CherryError) as caught:
        await Transfer(MemoryStore(), redact=no_redaction).take_in(tmp_path / "none")
    assert caught.value.kind is storage.IO


@settings(max_examples=40)
@given(texts=st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
async def test_any_text_comes_through_unchanged(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Paths with stray bytes too, which are no valid Unicode."""
    store, there = MemoryStore(), MemoryStore()
    await session(store, "s_1", *(Notice(text=text, nonce=str(number)) for number, text in enumerate(texts)))

    await taken_in(there, await exported(store, "s_1"), tmp_path_factory.mktemp("any"))

    assert await events(there, "s_1") == await events(store, "s_1")

"""What a damaged database still gives, how the damage is told, and how an index is mended."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from cherry.domain.content import TextPart
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Notice, SessionStarted, UserMessage
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore

HOLDER = "another-machine:17:boot.1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path)
    yield made
    await made.close()


async def session(store: SqliteStore, id: str, *events: Event) -> None:
    await store.log.create(id, SessionStarted(workspace="/w", title=f"Title of {id}"))
    lease = await store.log.acquire(id, HOLDER, seconds=30)
    await store.log.append(lease, [Draft(1, event) for event in events])
    await store.log.release(lease)


def notes(*texts: str) -> list[Event]:
    return [Notice(text=text) for text in texts]


def change(store: SqliteStore, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(store.file, isolation_level=None)) as connection:
        assert connection.execute(statement, parameters).rowcount > 0


async def readable(store: SqliteStore, id: str) -> tuple[list[int], CherryError]:
    """The numbers of the events that can be read, and why the next cannot."""
    seqs: list[int] = []
    try:
        async for record in store.log.read(id):
            seqs.append(record.seq)  # noqa: PERF401 — what was read before the error counts
    except CherryError as error:
        return seqs, error
    raise AssertionError("all of it could be read")


DAMAGES = {
    "the text is cut": "UPDATE events SET body = substr(body, 1, 9) WHERE session = ? AND seq = 3",
    "the text is no Unicode": "UPDATE events SET body = CAST(x'7bff7d' AS TEXT) WHERE session = ? AND seq = 3",
    "the text is nothing": "UPDATE events SET body = x'' WHERE session = ? AND seq = 3",
    "the row is gone": "DELETE FROM events WHERE session = ? AND seq = 3",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_everything_before_a_damaged_event_is_readable(store: SqliteStore, damage: str) -> None:
    await session(store, "s_bad", *notes("a", "b", "c"))
    await session(store, "s_good", *notes("a", "b", "c"))
    change(store, damage, "s_bad")

    seqs, error = await readable(store, "s_bad")

    assert seqs == [1, 2]
    assert error.kind is storage.DAMAGED
    assert "Event 3 of s_bad cannot be read; the 2 before it can" in error.message
    assert [record.seq async for record in store.log.read("s_good")] == [1, 2, 3, 4]


async def test_a_listing_tells_of_damage_once_it_was_met(store: SqliteStore) -> None:
    await session(store, "s_bad", *notes("a", "b"))
    await session(store, "s_good")
    change(store, DAMAGES["the text is cut"], "s_bad")
    await readable(store, "s_bad")

    told = {info.id: info.damaged for info in await store.index.recent()}

    assert told["s_good"] == ""
    assert "Event 3 of s_bad cannot be read" in told["s_bad"]
    assert (await store.index.find("s_bad")).title == "Title of s_bad"


async def test_an_event_of_a_newer_cherry_is_told_apart_from_damage(store: SqliteStore) -> None:
    await session(store, "s_a", *notes("a", "b"))
    change(store, "UPDATE events SET kind = 'dream.dreamt' WHERE seq = 3")

    seqs, error = await readable(store, "s_a")

    assert (seqs, error.kind) == ([1, 2], storage.NEWER_DATABASE)
    assert (await store.index.find("s_a")).damaged == ""


async def test_a_broken_page_costs_no_other_session(store: SqliteStore) -> None:
    await session(store, "s_good", *notes(*(f"good {n} " + "." * 900 for n in range(50))))
    await session(store, "s_bad", *notes(*(f"bad {n} " + "." * 900 for n in range(50))))
    await store.close()
    content = bytearray(store.file.read_bytes())
    place = content.index(b"bad 25 ") // 4096 * 4096
    content[place : place + 4096] = b"\xff" * 4096
    store.file.write_bytes(content)

    seqs, error = await readable(store, "s_bad")

    assert error.kind is storage.DAMAGED
    assert 15 < len(seqs) < 28
    assert [record.seq async for record in store.log.read("s_good")] == list(range(1, 52))
    assert [info.id for info in await store.index.recent()] == ["s_bad", "s_good"]
    report = await store.check()
    assert any(finding.session == "s_bad" for finding in report.findings)
    assert not any(finding.session == "s_good" for finding in report.findings)


async def test_an_entry_of_the_index_that_cannot_be_read_is_listed_and_mended_by_the_next_append(
    store: SqliteStore,
) -> None:
    await session(store, "s_a", *notes("a"))
    before = await store.index.find("s_a")
    change(store, "UPDATE sessions SET info = '{'")

    assert "cannot be read" in (await store.index.find("s_a")).damaged
    await session(store, "s_a", *notes("b"))

    after = await store.index.find("s_a")
    assert (after.title, after.created_at, after.last_seq) == (before.title, before.created_at, 3)


async def test_a_check_finds_what_is_wrong_and_changes_nothing(store: SqliteStore) -> None:
    for id in ("s_whole", "s_cut", "s_unlisted", "s_wrong", "s_swapped", "s_lost"):
        await session(store, id, *notes("a", "b"))
    change(store, "UPDATE events SET body = '{' WHERE session = 's_cut' AND seq = 2")
    change(store, "DELETE FROM sessions WHERE session = 's_unlisted'")
    change(store, "UPDATE sessions SET info = replace(info, 'Title of', 'Tale of') WHERE session = 's_wrong'")
    change(store, "UPDATE events SET turn = 9 WHERE session = 's_swapped' AND seq = 3")
    change(store, "DELETE FROM events WHERE session = 's_lost'")
    await store.close()
    before = store.file.read_bytes()

    report = await store.check()
    await store.close()

    assert store.file.read_bytes() == before
    assert {finding.session: finding.text for finding in report.findings} == {
        "s_cut": "Event 2 of s_cut cannot be read; the 1 before it can: "
        "the whole: Invalid JSON: EOF while parsing an object at line 1 column 1.",
        "s_unlisted": "The index does not know this session.",
        "s_wrong": "The index does not say what the log says.",
        "s_swapped": "Event 3 does not have the id that belongs to its content.",
        "s_lost": "The index knows this session, its events are missing.",
    }
    assert (report.sessions, report.events) == (6, 13)


async def test_a_check_of_a_broken_file_says_so_instead_of_failing(store: SqliteStore) -> None:
    await session(store, "s_a", *notes(*(f"{n} " + "." * 900 for n in range(50))))
    await store.close()
    content = bytearray(store.file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    store.file.write_bytes(content)

    report = await store.check()

    assert [finding.session for finding in report.findings] == [""]


async def test_a_rebuilt_index_says_what_the_logs_say(store: SqliteStore) -> None:
    for id in ("s_a", "s_b", "s_bad"):
        await session(store, id, UserMessage(message_id="m", parts=(TextPart(text=f"apples for {id}"),)), *notes("x"))
    before = await store.index.recent(), await store.index.search("apples")
    change(store, "DELETE FROM sessions WHERE session = 's_a'")
    change(store, "UPDATE sessions SET info = '[]' WHERE session = 's_b'")
    change(store, "DELETE FROM texts")
    change(store, "DELETE FROM leases")
    change(store, "UPDATE events SET body = '{' WHERE session = 's_bad' AND seq = 3")

    assert await store.rebuild() == 3

    sessions, matches = await store.index.recent(), await store.index.search("apples")
    assert "Event 3 of s_bad cannot be read" in sessions[0].damaged
    assert [sessions[0].model_copy(update={"damaged": ""}), *sessions[1:]] == before[0]
    assert [(match.session.id, match.seq, match.excerpt) for match in matches] == [
        (match.session.id, match.seq, match.excerpt) for match in before[1]
    ]
    assert (await store.log.acquire("s_a", HOLDER, seconds=30)).fence == 1


async def test_rebuilding_drops_what_has_no_log(store: SqliteStore) -> None:
    await session(store, "s_a")
    await session(store, "s_lost")
    change(store, "DELETE FROM events WHERE session = 's_lost'")

    await store.rebuild()

    assert [info.id for info in await store.index.recent()] == ["s_a"]


async def test_a_damaged_start_still_lists_the_session_after_rebuilding(store: SqliteStore) -> None:
    await session(store, "s_a", *notes("a"))
    change(store, "UPDATE events SET body = '{' WHERE seq = 1")

    await store.rebuild()

    [info] = await store.index.recent()
    assert "Event 1 of s_a cannot be read" in info.damaged

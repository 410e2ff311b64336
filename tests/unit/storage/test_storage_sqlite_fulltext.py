"""The full-text index narrows searches down and never decides them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.content import TextPart
from cherry.domain.events import SessionStarted, UserMessage
from cherry.storage.ports import Draft
from cherry.storage.searching import Wanted, fold_text
from cherry.storage.sqlite import fulltext
from cherry.storage.sqlite.store import SqliteStore

WORDS = st.text(st.sampled_from("abAB äÄ你好\"'*-\x00\udce9"), max_size=12)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path)
    yield made
    await made.close()


async def say(store: SqliteStore, id: str, *texts: str) -> None:
    await store.log.create(id, SessionStarted(workspace="/w"))
    lease = await store.log.acquire(id, "me", seconds=30)
    said = [UserMessage(message_id=str(n), parts=(TextPart(text=text),)) for n, text in enumerate(texts)]
    await store.log.append(lease, [Draft(1, message) for message in said])
    await store.log.release(lease)


def indexed(store: SqliteStore) -> int:
    with closing(sqlite3.connect(store.file)) as connection:
        return fulltext.indexed_upto(connection)


async def test_few_texts_are_not_worth_an_index(store: SqliteStore) -> None:
    await say(store, "s_a", *(f"apple {n}" for n in range(50)))

    assert len(await store.index.search("apple")) == 50
    assert indexed(store) == 0


async def test_many_texts_are_indexed_by_the_first_search_and_later_ones_when_they_are_many_again(
    store: SqliteStore,
) -> None:
    await say(store, "s_a", *(f"apple {n}" for n in range(2_500)))
    assert len(await store.index.search("apple 2499")) == 1
    assert indexed(store) == 2_501

    await say(store, "s_b", *(f"pear {n}" for n in range(30)))
    assert len(await store.index.search("pear")) == 30
    assert indexed(store) == 2_501


async def test_deleting_and_rebuilding_leave_no_text_behind_in_the_index(store: SqliteStore) -> None:
    await say(store, "s_a", *(f"apple {n}" for n in range(1_200)))
    await say(store, "s_b", *(f"pear {n}" for n in range(1_200)))
    await store.index.search("apple")
    await store.index.delete("s_b")

    with closing(sqlite3.connect(store.file)) as connection:
        upto = fulltext.indexed_upto(connection)
        assert upto == 1_201
        assert fulltext.found(connection, Wanted.parse("pear"), upto=9_999, workspace=None).fetchall() == []
        assert len(fulltext.found(connection, Wanted.parse("apple"), upto=9_999, workspace=None).fetchall()) == 1_200

    await store.rebuild()
    assert indexed(store) == 0
    assert len(await store.index.search("1199 apple")) == 1


@settings(max_examples=150, deadline=None, database=None)
@given(texts=st.lists(WORDS, max_size=8), query=WORDS, by_itself=st.booleans())
def test_the_index_never_hides_what_a_look_at_the_text_would_find(
    texts: list[str], query: str, by_itself: bool
) -> None:
    wanted = Wanted.parse(texts[0] if by_itself and texts else query)
    if not wanted.trigrams():
        return
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE texts (position INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("CREATE TABLE events (position INTEGER, session TEXT, seq INTEGER, turn INTEGER)")
        connection.execute("CREATE TABLE sessions (session TEXT, workspace TEXT)")
        connection.execute("INSERT INTO sessions VALUES ('s', '/w')")
        for position, text in enumerate(texts, 1):
            connection.execute("INSERT INTO events VALUES (?, 's', ?, 1)", (position, position))
            connection.execute("INSERT INTO texts VALUES (?, ?)", (position, fold_text(text)))
        fulltext.catch_up(connection)

        found = {row[2] for row in fulltext.found(connection, wanted, upto=len(texts), workspace=None)}

    assert {position for position, text in enumerate(texts, 1) if wanted.found_in(text)} <= found

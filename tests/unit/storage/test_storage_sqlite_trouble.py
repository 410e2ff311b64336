"""Locks, limits, deadlines, and files that go away under the SQLite store."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.kernel.clock import SystemClock
from cherry.storage.ports import Draft, Lease
from cherry.storage.sqlite.connecting import BUSY_SECONDS
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.log import SqliteLog
from cherry.storage.worker import QUEUE_LIMIT, Worker

HOLDER = "another-machine:17:boot.1"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "cherry.db")
    yield made
    await made.close()


async def started(database: Database) -> tuple[SqliteLog, Lease]:
    log = SqliteLog(database, SystemClock())
    await log.create("s_1", SessionStarted(workspace="/w"))
    return log, await log.acquire("s_1", HOLDER, seconds=30)


def note(text: str) -> list[Draft]:
    return [Draft(1, Notice(text=text))]


async def failing(kind: ErrorKind, log: SqliteLog, lease: Lease, text: str) -> str:
    with pytest.raises(CherryError) as caught:
        await log.append(lease, note(text))
    assert caught.value.kind is kind
    return caught.value.message


async def test_a_full_database_is_told_and_used_again_when_there_is_room(database: Database) -> None:
    log, lease = await started(database)
    # The limit belongs to the connection: it is gone when the store has opened a new one.
    await database.write("test.limit", lambda connection: connection.execute("PRAGMA max_page_count = 1"))

    await failing(storage.NO_SPACE, log, lease, "x" * 100_000)

    assert await log.last_seq("s_1") == 1
    await log.append(lease, note("x" * 100_000))
    assert await log.last_seq("s_1") == 2


async def test_every_commit_waits_for_the_disk(database: Database) -> None:
    await started(database)

    def synchronous(connection: sqlite3.Connection) -> int:
        level: int = connection.execute("PRAGMA synchronous").fetchone()[0]
        return level

    assert await database.write("test.synchronous", synchronous) == 2  # FULL


async def test_a_lock_held_for_a_moment_is_waited_for(database: Database) -> None:
    log, lease = await started(database)
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        appending = asyncio.create_task(log.append(lease, note("a")))
        reading = await log.last_seq("s_1")  # a reader does not wait for it
        other.execute("COMMIT")

        assert reading == 1
        assert [record.seq for record in await appending] == [2]


async def test_a_reader_too_waits_longer_than_sqlite_does_while_another_process_takes_a_log_over(
    database: Database,
) -> None:
    await started(database)
    await database.close()
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")  # as SQLite itself does while it recovers a log
            other.execute("BEGIN EXCLUSIVE")
            other.execute("PRAGMA user_version = 2")
            held.set()
            released.wait(BUSY_SECONDS * 1.3)
            other.execute("ROLLBACK")

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(held.wait, 20)
    assert await SqliteLog(database, SystemClock()).last_seq("s_1") == 1
    released.set()
    await holding


async def test_a_lock_that_stays_is_told_and_closing_does_not_wait_for_it(database: Database) -> None:
    log, lease = await started(database)
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        appending = asyncio.create_task(failing(storage.BUSY, log, lease, "a"))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await database.close()

        assert "storage.busy" in await appending
        other.execute("ROLLBACK")
    await log.append(lease, note("a"))


async def test_a_deleted_database_is_told_and_not_written_into_the_void(database: Database) -> None:
    log, lease = await started(database)
    for file in database.file.parent.iterdir():
        file.unlink()

    assert "deleted or replaced" in await failing(storage.IO, log, lease, "a")

    with pytest.raises(CherryError) as caught:
        await log.last_seq("s_1")
    assert caught.value.kind is storage.UNKNOWN_SESSION
    await started(database)


async def test_a_replaced_database_is_told(database: Database, tmp_path: Path) -> None:
    log, lease = await started(database)
    other = Database(tmp_path / "other" / "cherry.db")
    await started(other)
    await other.close()
    for file in tmp_path.glob("cherry.db*"):
        file.unlink()
    other.file.rename(database.file)

    assert "deleted or replaced" in await failing(storage.IO, log, lease, "a")
    assert await log.last_seq("s_1") == 1


async def test_what_a_transaction_raises_undoes_all_of_it(database: Database) -> None:
    log, _ = await started(database)

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events")
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        await database.write("test.half", half)

    assert await log.last_seq("s_1") == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    await started(database)

    with pytest.raises(CherryError) as caught:
        await database.read("test.write", lambda connection: connection.execute("DELETE FROM events"))

    assert caught.value.kind is storage.READ_ONLY


async def test_an_append_whose_caller_gave_up_is_kept_whole_and_recognised_later(database: Database) -> None:
    log, lease = await started(database)
    appending = asyncio.create_task(log.append(lease, note("a") + note("b")))
    await asyncio.sleep(0)
    appending.cancel()
    await asyncio.gather(appending, return_exceptions=True)

    records = await log.append(lease, note("a") + note("b"))

    assert [record.seq for record in records] == [2, 3]
    assert await log.last_seq("s_1") == 3


async def test_many_appends_at_once_from_one_process_are_all_kept(database: Database) -> None:
    log, lease = await started(database)

    await asyncio.gather(*(log.append(lease, note(str(number))) for number in range(200)))

    assert [record.seq async for record in log.read("s_1")] == list(range(1, 202))


async def test_a_read_meanwhile_written_to_ends_where_it_began_to_end(database: Database) -> None:
    log, lease = await started(database)
    await log.append(lease, [draft for number in range(600) for draft in note(str(number))])
    seen = 0
    async for record in log.read("s_1"):
        seen = record.seq
        if record.seq % 100 == 0:
            await log.append(lease, note(f"late {record.seq}"))

    assert seen == 601
    assert await log.last_seq("s_1") == 607


async def test_a_deadline_says_its_name() -> None:
    worker = Worker("test.worker")
    gate = threading.Event()
    try:
        with pytest.raises(CherryError) as caught:
            await worker.run("test.slow", 0.01, lambda: gate.wait(10))
    finally:
        gate.set()
        worker.stop()

    assert caught.value.kind is storage.IO
    assert "test.slow took longer than 0.01 s" in caught.value.message


async def test_a_full_queue_refuses_and_says_its_name() -> None:
    worker = Worker("test.worker")
    gate = threading.Event()
    waiting = [asyncio.create_task(worker.run("test.wait", 10, lambda: gate.wait(10))) for _ in range(QUEUE_LIMIT)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(CherryError) as caught:
            await worker.run("test.late", 10, lambda: None)
    finally:
        gate.set()
        await asyncio.gather(*waiting)
        worker.stop()

    assert caught.value.kind is storage.BUSY
    assert "test.worker.queue" in caught.value.message
    assert await worker.run("test.again", 10, lambda: "works") == "works"
    worker.stop()

"""Which files the SQLite store opens, makes, migrates and refuses."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.storage.open import open_store
from cherry.storage.ports import Draft
from cherry.storage.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION, migrate, version_of
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore

HOLDER = "another-machine:17:boot.1"
GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "databases").glob("*.sql"))


@contextmanager
def raw(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


async def make(folder: Path) -> Path:
    store = SqliteStore(folder)
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    await store.close()
    return store.file


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


async def every_use_is_refused(store: KeptStore, kind: ErrorKind) -> str:
    uses = (
        lambda: store.log.create("s_2", SessionStarted(workspace="/w")),
        lambda: store.log.acquire("s_1", HOLDER, seconds=30),
        lambda: store.log.last_seq("s_1"),
        lambda: store.index.recent(),
        lambda: store.index.search("word"),
        lambda: store.index.delete("s_1"),
        lambda: store.rebuild(),
    )
    message = ""
    for use in uses:
        with pytest.raises(CherryError) as caught:
            await use()
        assert caught.value.kind is kind
        message = caught.value.message
    await store.close()
    return message


async def test_a_store_that_is_not_used_leaves_no_trace(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data")
    await store.close()

    assert list(tmp_path.iterdir()) == []


async def test_looking_into_a_store_that_does_not_exist_makes_none(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data")

    assert await store.index.recent() == []
    assert (await store.check()).sessions == 0
    await store.close()

    assert list(tmp_path.iterdir()) == []


async def test_everything_kept_is_for_its_owner_only(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "home" / "data")
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    await store.blobs.put(b"secret")

    made = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in made}
    await store.close()

    assert {"home/data/cherry.db", "home/data/cherry.db-wal"} <= modes.keys()
    assert {
        name: mode for name, mode in modes.items() if mode != (0o700 if (tmp_path / name).is_dir() else 0o600)
    } == {}


async def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data").chmod(0o755)
    await make(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o755


async def test_the_database_is_written_ahead_and_marked_as_cherrys(tmp_path: Path) -> None:
    file = await make(tmp_path)

    with raw(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("name", ["with space", "ünï", "per%cent", "qu?stion#mark", "new\nline", "caf\udce9"])
async def test_the_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    await make(tmp_path / name)
    store = SqliteStore(tmp_path / name)

    assert [info.id for info in await store.index.recent()] == ["s_1"]
    await store.close()


async def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = await make(tmp_path)
    with raw(file) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = contents(tmp_path)

    message = await every_use_is_refused(SqliteStore(tmp_path), storage.NEWER_DATABASE)

    assert contents(tmp_path) == before
    assert f"its version is {VERSION + 1}, this Cherry knows up to {VERSION}" in message


async def test_a_newer_database_whose_last_writes_lie_in_the_log_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = await make(tmp_path / "living")
    with raw(file) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        killed = tmp_path / "killed"  # as a kill leaves it: what the connection would tidy up is still there
        killed.mkdir()
        for name in ("cherry.db", "cherry.db-wal"):
            (killed / name).write_bytes((file.parent / name).read_bytes())
    before = contents(killed)

    await every_use_is_refused(SqliteStore(killed), storage.NEWER_DATABASE)

    after = contents(killed)
    assert {name: after[name] for name in before} == before


async def test_a_database_that_becomes_newer_while_it_is_open_is_not_written_any_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    lease = await store.log.acquire("s_1", HOLDER, seconds=30)
    await store.index.recent()
    with raw(store.file) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")

    for use in (store.log.append(lease, [Draft(1, Notice(text="a"))]), store.index.recent()):
        with pytest.raises(CherryError) as caught:
            await use
        assert caught.value.kind is storage.NEWER_DATABASE
    await store.close()


@pytest.mark.parametrize(
    "content", [b"My notes: buy milk\n", b"SQLite format 3", b"SQLite format 3\0 and no more", b"\0" * 8192]
)
async def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cherry.db").write_bytes(content)

    await every_use_is_refused(SqliteStore(tmp_path), storage.DAMAGED)

    assert contents(tmp_path) == {"cherry.db": content}


async def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    before = contents(tmp_path)

    message = await every_use_is_refused(SqliteStore(tmp_path), storage.DAMAGED)

    assert "it belongs to another program" in message
    assert contents(tmp_path) == before


async def test_a_database_cut_in_the_middle_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = await make(tmp_path)
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(half)

    await every_use_is_refused(SqliteStore(tmp_path), storage.DAMAGED)

    assert file.read_bytes() == half


async def test_an_empty_file_is_a_database_yet_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "cherry.db").touch()

    await make(tmp_path)

    assert (tmp_path / "cherry.db").stat().st_size > 0


async def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cherry.db")

    await every_use_is_refused(SqliteStore(tmp_path), storage.DAMAGED)


async def test_a_data_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")

    with pytest.raises(CherryError) as caught:
        await make(tmp_path / "data")

    assert caught.value.kind is storage.IO
    assert str(tmp_path / "data") in caught.value.message


def test_there_is_a_golden_database_of_every_version() -> None:
    assert [file.stem for file in GOLDEN] == [f"v{version}" for version in range(1, VERSION + 1)]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
async def test_a_database_written_by_an_older_cherry_is_read_and_written_on(tmp_path: Path, file: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        connection.executescript(file.read_text("utf-8"))
    store = SqliteStore(tmp_path)

    records = [record async for record in store.log.read("s_01jd9yk3hm7r2k9x0q")]
    info = await store.index.find("01jd9yk3hm7r")
    assert [record.event.kind for record in records] == [
        "session.started", "turn.started", "user.message", "assistant.message", "turn.finished"
    ]  # fmt: skip
    assert (info.title, info.turns, str(info.cost.usd)) == ("Mend the parser", 1, "0.0042")
    assert [match.seq for match in await store.index.search("parser")] == [4, 3]
    assert (await store.check()).findings == ()

    lease = await store.log.acquire(info.id, HOLDER, seconds=30)
    assert lease.fence == 4
    assert await store.log.append(lease, [Draft(record.turn, record.event) for record in records]) == records
    await store.log.append(lease, [Draft(2, Notice(text="on we go"))])
    assert (await store.index.find(info.id)).last_seq == 6
    await store.close()


def test_migrations_go_forward_in_one_transaction(tmp_path: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        migrate(connection)
        migrate(connection, (*MIGRATIONS, ("CREATE TABLE extra (a)",), ("ALTER TABLE extra ADD COLUMN b",)))

        assert version_of(connection) == len(MIGRATIONS) + 2
        assert connection.execute("SELECT a, b FROM extra").fetchall() == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        migrate(connection)
        before = list(connection.iterdump())

        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, (*MIGRATIONS, ("CREATE TABLE extra (a)",), ("CREATE TABLE extra (a)",)))

        assert list(connection.iterdump()) == before
        assert version_of(connection) == len(MIGRATIONS)


def test_a_file_that_is_up_to_date_is_not_migrated_again(tmp_path: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        migrate(connection)
        changes = connection.total_changes
        migrate(connection)

        assert connection.total_changes == changes


async def test_a_file_of_which_no_database_was_made_yet_reads_as_empty(tmp_path: Path) -> None:
    with raw(tmp_path / "cherry.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # so far somebody came before a kill

    store = SqliteStore(tmp_path)

    assert await store.index.recent() == []
    assert (await store.check()).findings == ()
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    assert await store.log.last_seq("s_1") == 1
    await store.close()


async def test_a_transaction_a_kill_cut_short_outside_of_the_log_is_taken_back_by_whoever_comes_next(
    tmp_path: Path,
) -> None:
    file = await make(tmp_path / "data")
    with raw(file) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE events SET body = ?", ("x" * 100_000,))
        left = tmp_path / "left"
        shutil.copytree(tmp_path / "data", left)
        connection.execute("ROLLBACK")
    assert (left / "cherry.db-journal").exists()

    store = SqliteStore(left)

    assert await store.log.last_seq("s_1") == 1
    assert (await store.check()).findings == ()
    await store.close()

"""What is saved from a damaged database: every event that can be read, in its order, and nothing that is not one."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Notice, SessionStarted
from cherry.storage.ports import Draft
from cherry.storage.repairing import repair, rest_name
from cherry.storage.sqlite.connecting import connect
from cherry.storage.sqlite.pages import Pages
from cherry.storage.sqlite.store import SqliteStore

HOLDER = "another-machine:17:boot.1"
NOW = 1_770_000_000.0
PAGE = 4096
SESSIONS = ("s_1", "s_2", "s_3")

Logs = dict[str, list[tuple[int, str, Event]]]


async def fill(folder: Path, lengths: list[int]) -> Logs:
    """Sessions whose events lie between each other in the file."""
    store = SqliteStore(folder)
    for id in SESSIONS:
        await store.log.create(id, SessionStarted(workspace="/w", title=f"Title of {id}"))
    for number, length in enumerate(lengths):
        id = SESSIONS[number % len(SESSIONS)]
        lease = await store.log.acquire(id, HOLDER, seconds=30)
        await store.log.append(lease, [Draft(1, Notice(text=f"{id} {number} " + "é" * length))])
    logs = await read(store)
    await store.close()
    return logs


async def read(store: SqliteStore) -> Logs:
    return {
        info.id: [(record.seq, record.id, record.event) async for record in store.log.read(info.id)]
        for info in await store.index.recent()
    }


async def saved_from(folder: Path) -> Logs:
    """What is there after a repair; it is sound, and the damaged file is kept as it was."""
    before = b"" if (folder / "cherry.db-wal").exists() else (folder / "cherry.db").read_bytes()
    repaired = repair(folder, now=NOW)
    store = SqliteStore(folder)
    assert (await store.check()).findings == ()
    logs = await read(store)
    await store.close()
    kept = (repaired.aside / "cherry.db").read_bytes()
    assert not before or kept[100:] == before[100:]  # its head says whether there is a log beside it
    assert repaired.salvaged.sessions == len(logs)
    assert {cut.session for cut in repaired.salvaged.cut if cut.events} <= {*logs}
    return logs


def assert_beginnings(saved: Logs, original: Logs) -> None:
    for id, log in saved.items():
        assert log == original[id][: len(log)]


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.one_of(st.integers(0, 60), st.integers(900, 5_000), st.integers(20_000, 60_000)), max_size=12)
)
async def test_rows_of_any_size_are_read_from_the_pages(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("pages")
    original = await fill(folder, lengths)

    assert await saved_from(folder) == original


@pytest.mark.parametrize("size", [512, 1024, 65536])
async def test_pages_of_any_size_are_read(tmp_path: Path, size: int) -> None:
    original = await fill(tmp_path, [10, 5_000, 100_000])
    with closing(sqlite3.connect(tmp_path / "cherry.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("VACUUM")

    assert await saved_from(tmp_path) == original


async def test_what_is_only_in_the_log_beside_the_file_is_read_and_what_was_not_committed_is_not(
    tmp_path: Path,
) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    store = SqliteStore(folder)
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    lease = await store.log.acquire("s_1", HOLDER, seconds=30)
    for number in range(40):
        await store.log.append(lease, [Draft(1, Notice(text=f"{number} " + "x" * 500 * (number % 12)))])
    shutil.copytree(folder, copy)  # as a kill leaves it: the log has not been written into the file
    await store.close()
    assert (copy / "cherry.db-wal").stat().st_size > (copy / "cherry.db").stat().st_size

    def rows(cut: int) -> int:
        content = (copy / "cherry.db-wal").read_bytes()
        (copy / "cherry.db-wal").write_bytes(content[:cut])
        with (copy / "cherry.db").open("rb") as stream:
            found = [row for row in Pages(copy / "cherry.db", stream).rows() if len(row.values) == 9]
        (copy / "cherry.db-wal").write_bytes(content)
        return len({row.values[2] for row in found})

    whole = (copy / "cherry.db-wal").stat().st_size
    assert rows(whole) == 41
    assert rows(whole - 1) == 40
    assert rows(0) == 0
    assert rows(31) == 0
    counts = [rows(cut) for cut in range(0, whole, 9_973)]
    assert counts == sorted(counts)
    shutil.rmtree(folder)
    copy.rename(folder)
    assert len((await saved_from(folder))["s_1"]) == 41


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "ones": lambda page: b"\xff" * len(page),
    "zeros": lambda page: bytes(len(page)),
    "noise": lambda page: random.Random(7).randbytes(len(page)),
    "its beginning is gone": lambda page: bytes(200) + page[200:],
    "its end is gone": lambda page: page[: len(page) // 2] + bytes(len(page) - len(page) // 2),
    "one bit in ten": lambda page: bytes(
        byte ^ (1 << number % 8 if number % 10 == 3 else 0) for number, byte in enumerate(page)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_whichever_page_is_damaged_the_rest_is_saved(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    original = await fill(tmp_path / "sound", [300, 20, 9_000, 1_500] * 6)
    content = (tmp_path / "sound" / "cherry.db").read_bytes()
    most_lost = 0
    for number in range(0, len(content) // PAGE, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = number * PAGE
        page = damage(content[place : place + PAGE])
        (folder / "cherry.db").write_bytes(content[:place] + page + content[place + PAGE :])

        saved = await saved_from(folder)

        assert_beginnings(saved, original)
        untouched = [id for id in SESSIONS if saved.get(id) == original[id]]
        most_lost = max(most_lost, len(SESSIONS) - len(untouched))
        shutil.rmtree(folder)
    assert most_lost > 0  # some of them did harm


async def test_a_file_that_was_cut_off_gives_what_is_left(tmp_path: Path) -> None:
    original = await fill(tmp_path / "sound", [300, 20, 9_000, 1_500] * 6)
    content = (tmp_path / "sound" / "cherry.db").read_bytes()
    for length in (len(content) - 1, len(content) * 3 // 4, len(content) // 2 + 77):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "cherry.db").write_bytes(content[:length])

        saved = await saved_from(folder)

        assert saved
        assert_beginnings(saved, original)


async def test_without_a_readable_beginning_of_the_file_everything_else_is_saved(tmp_path: Path) -> None:
    original = await fill(tmp_path, [300, 20, 9_000, 1_500] * 6)
    content = (tmp_path / "cherry.db").read_bytes()
    (tmp_path / "cherry.db").write_bytes(b"\0" * PAGE + content[PAGE:])

    assert await saved_from(tmp_path) == original


async def test_what_is_said_of_a_session_with_a_hole_is_true_and_the_rest_is_kept_to_read(tmp_path: Path) -> None:
    original = await fill(tmp_path, [10] * 30)
    with closing(connect(tmp_path / "cherry.db", "rw")) as connection:
        connection.execute("UPDATE events SET body = '{' WHERE session = 's_2' AND seq = 5")
        connection.execute("DELETE FROM events WHERE session = 's_3' AND seq = 1")
        connection.execute("UPDATE events SET kind = 'dream.dreamt' WHERE session = 's_1' AND seq = 4")

    repaired = repair(tmp_path, now=NOW)

    [cut] = repaired.salvaged.cut
    behind = len(original["s_2"]) - 4
    assert (cut.session, cut.events, cut.lost) == ("s_2", 4, behind)
    assert "Invalid JSON" in cut.why
    rest = [json.loads(line) for line in (repaired.aside / rest_name("s_2")).read_text().splitlines()]
    assert [line["seq"] for line in rest] == list(range(6, 6 + behind - 1))
    assert rest[0]["event"]["text"].startswith("s_2")
    assert repaired.salvaged.made_up == ("s_3",)
    store = SqliteStore(tmp_path)
    assert await store.log.last_seq("s_1") == len(original["s_1"])  # a newer Cherry can read on
    assert [event.event async for event in store.log.read("s_3")][:1] == [original["s_3"][0][2]]
    assert await store.log.last_seq("s_3") == len(original["s_3"])
    await store.close()


async def test_a_session_of_which_nothing_tells_how_it_began_is_only_kept_to_read(tmp_path: Path) -> None:
    original = await fill(tmp_path, [10] * 30)
    with closing(connect(tmp_path / "cherry.db", "rw")) as connection:
        connection.execute("DELETE FROM events WHERE session = 's_3' AND seq = 1")
        connection.execute("DELETE FROM sessions WHERE session = 's_3'")

    repaired = repair(tmp_path, now=NOW)

    [cut] = repaired.salvaged.cut
    assert (cut.session, cut.events, cut.lost, len(cut.rest)) == ("s_3", 0, len(original["s_3"]), 10)


async def test_deleted_sessions_do_not_come_back(tmp_path: Path) -> None:
    await fill(tmp_path, [300, 20, 9_000] * 6)
    store = SqliteStore(tmp_path)
    with closing(connect(tmp_path / "cherry.db", "rw")) as connection:
        connection.execute("UPDATE leases SET holder = ''")
    await store.index.delete("s_2")
    await store.close()

    assert sorted(await saved_from(tmp_path)) == ["s_1", "s_3"]


async def test_an_old_lease_does_not_write_to_the_new_database(tmp_path: Path) -> None:
    await fill(tmp_path, [10])
    store = SqliteStore(tmp_path)
    old = await store.log.acquire("s_1", HOLDER, seconds=30)
    await store.close()

    repair(tmp_path, now=NOW)

    with pytest.raises(CherryError) as caught:
        await store.log.append(old, [Draft(1, Notice(text="late"))])
    assert caught.value.kind is storage.STALE_LEASE
    assert (await store.log.acquire("s_1", HOLDER, seconds=30)).fence > old.fence
    await store.close()


async def test_a_database_that_somebody_uses_is_not_repaired(tmp_path: Path) -> None:
    await fill(tmp_path, [10])
    with closing(connect(tmp_path / "cherry.db", "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(CherryError) as caught:
            repair(tmp_path, now=NOW)

    assert caught.value.kind is storage.IN_USE
    assert not list(tmp_path.glob("damaged-*"))


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0", b"\xff" * 10_000, bytes(10_000)])
def test_a_file_with_nothing_in_it_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cherry.db").write_bytes(content)

    with pytest.raises(CherryError) as caught:
        repair(tmp_path, now=NOW)

    assert caught.value.kind is storage.DAMAGED
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=3 * 512))
def test_no_bytes_whatever_break_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "cherry.db"
    file.write_bytes(b"SQLite format 3\0\x02\x00" + content)
    file.with_name("cherry.db-wal").write_bytes(b"\x37\x7f\x06\x82" + content)
    with file.open("rb") as stream:
        list(Pages(file, stream).rows())

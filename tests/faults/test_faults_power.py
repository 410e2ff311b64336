"""Power lost and processes killed at every moment, without luck: the system calls of a program are recorded once, and what the disk
would then hold is laid out for each of them. See `cherry.testing.power` for how bad that disk is.
"""

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError
from cherry.domain.events import ChangesApplied, Event, FileChange, Notice, SessionStarted
from cherry.storage.archive.loading import unpack
from cherry.storage.archive.saving import save
from cherry.storage.ports import Draft
from cherry.storage.sqlite.connecting import connect
from cherry.storage.sqlite.store import SqliteStore
from cherry.testing.power import ACKNOWLEDGED, Crash, How, can_record, record

PROGRAM = Path(__file__).with_name("power_children.py")
HOLDER = "another-machine:17:boot.1"
NOW = 1_770_000_000.0
DAY = 86_400.0
HOWS: tuple[How, ...] = ("kill", "power", "torn")

Logs = dict[str, list[tuple[int, Event]]]


class Scene:
    """A folder in which a program works, and how often it is crashed."""

    def __init__(self, root: Path, points: int) -> None:
        self.root = root / "root"
        self.root.mkdir()
        self._work = root
        self._points = points

    def crashes(self, program: str) -> Iterator[tuple[Crash, How, Path]]:
        """Every moment at which the program could have ended, with the folder as it would then be."""
        if not can_record():
            pytest.skip("needs Linux and a C compiler; the tests of real kills do without")
        recording = record([sys.executable, str(PROGRAM), program, str(self.root)], self.root, work=self._work)
        assert len(recording.changes) > 5
        for crash in recording.crashes(at_most=self._points):
            for how in HOWS:
                shutil.rmtree(self.root)  # in its old place: a restore knows where its files belong
                crash.lay_out(self.root, how)
                yield crash, how, self.root

    def kills(self, program: str, count: int) -> Iterator[Path]:
        """The folder after the program was really killed, so many times, each time from the beginning."""
        shutil.copytree(self.root, self._work / "prepared")
        for number in range(count):
            shutil.rmtree(self.root)
            shutil.copytree(self._work / "prepared", self.root)
            words = [sys.executable, str(PROGRAM), program, str(self.root), "killed"]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                child.stdout.readline()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=0.15 * number / count)
                child.kill()
            yield self.root


@pytest.fixture
def scene(tmp_path: Path, soak: bool) -> Scene:
    return Scene(tmp_path, 100_000 if soak else 30)


async def session(store: SqliteStore, id: str, *contents: bytes) -> None:
    await store.log.create(id, SessionStarted(workspace="/w", title=f"Title of {id}"))
    lease = await store.log.acquire(id, HOLDER, seconds=30)
    for content in contents:
        name = await store.blobs.put(content)
        await store.log.append(
            lease,
            [
                Draft(1, ChangesApplied(change_id=name, files=(FileChange(path="a", before="", after=name),))),
                Draft(1, Notice(text="x" * 3_000, nonce=name)),
            ],
        )
    await store.log.release(lease)


async def fill(folder: Path, *ids: str, contents: tuple[bytes, ...]) -> Logs:
    store = SqliteStore(folder)
    for id in ids:
        await session(store, id, *contents)
    logs = await read(store)
    await store.close()
    return logs


async def read(store: SqliteStore) -> Logs:
    """All logs to their ends, and every content they need is there."""
    logs: Logs = {}
    for info in await store.index.recent():
        events = [(record.seq, record.event) async for record in store.log.read(info.id)]
        for _, event in events:
            if isinstance(event, ChangesApplied):
                await store.blobs.get(event.files[0].after)
        logs[info.id] = events
    return logs


async def found(folder: Path) -> Logs:
    """What the next Cherry finds; all of it is sound, and it can be written on."""
    store = SqliteStore(folder)
    logs = await read(store)
    assert (await store.check()).findings == ()
    await session(store, "s_afterwards", b"afterwards")
    await store.close()
    assert not (folder / "replacing").exists()
    return logs


def telling(check: Callable[[Path], Awaitable[Logs]], crash: Crash, how: How, folder: Path) -> Logs:
    """Errors say when it was."""
    try:
        return asyncio.run(check(folder))  # type: ignore[arg-type]
    except (AssertionError, CherryError) as error:
        raise AssertionError(f"{how} before change {crash.number}: {error}") from error


def test_what_was_acknowledged_survives_the_loss_of_power(scene: Scene) -> None:
    async def check(folder: Path) -> Logs:
        store = SqliteStore(folder / "data")
        said = [line.split(" ", 1) for line in crash.acknowledged]
        begun = bool(await store.index.recent())
        records = [record async for record in store.log.read("s_1")] if begun else []
        assert {id for kind, id in said if kind == "event"} <= {record.id for record in records}
        assert [record.seq for record in records] == list(range(1, len(records) + 1))
        for kind, name in said:
            if kind == "blob":
                await store.blobs.get(name)
        assert (await store.check()).findings == ()
        await session(store, "s_afterwards", b"afterwards")
        await store.close()
        return {}

    most = 0
    for crash, how, folder in scene.crashes("append"):
        telling(check, crash, how, folder)
        most = max(most, len(crash.acknowledged))
    assert most == 32


def prepare_restore(root: Path) -> tuple[Logs, Logs]:
    """What is there, and what is in the backup."""
    new = asyncio.run(fill(root / "data", "s_new", contents=(b"one", b"two")))
    save(root / "data", root / "backup.tar.gz", small={"data/trust.json": b"new"}, cherry="1", now=NOW)
    shutil.rmtree(root / "data")
    old = asyncio.run(fill(root / "data", "s_old", "s_older", contents=(b"one", b"three")))
    (root / "config").mkdir()
    (root / "config" / "trust.json").write_bytes(b"old")
    return old, new


def test_a_restore_that_is_cut_short_leaves_the_old_or_the_new_and_nothing_between(scene: Scene) -> None:
    old, new = prepare_restore(scene.root)
    seen = set()
    for crash, how, root in scene.crashes("put_back"):
        logs = telling(lambda root: found(root / "data"), crash, how, root)
        trust = (root / "config" / "trust.json").read_bytes()
        assert (logs, trust) in ((old, b"old"), (new, b"new")), f"{how} before change {crash.number}"
        if crash.acknowledged:
            assert logs == new
        if logs == new:
            [aside] = (root / "data").glob("before-restore-*")
            assert (aside / "trust.json").read_bytes() == b"old"
            (aside / "data").mkdir()
            (aside / "cherry.db").rename(aside / "data" / "cherry.db")
            (root / "data" / "blobs").rename(aside / "data" / "blobs")
            assert telling(lambda root: found(root / "data"), crash, how, aside) == old
        seen.add(trust)
    assert seen == {b"old", b"new"}


def test_a_restore_into_a_folder_of_its_own_appears_whole(scene: Scene) -> None:
    logs = asyncio.run(fill(scene.root / "data", "s_1", contents=(b"one", b"two")))
    save(scene.root / "data", scene.root / "backup.tar.gz", small={}, cherry="1", now=NOW)
    appeared = 0
    for crash, how, root in scene.crashes("put_elsewhere"):
        if (root / "new").exists():
            appeared += 1
            assert telling(lambda root: found(root / "new" / "data"), crash, how, root) == logs
        else:
            assert not crash.acknowledged, how
    assert appeared


def test_a_backup_appears_whole_and_harms_nothing(scene: Scene) -> None:
    logs = asyncio.run(fill(scene.root / "data", "s_1", contents=(b"one", b"two")))
    appeared = 0
    for crash, how, root in scene.crashes("back_up"):
        if (root / "made.tar.gz").exists():
            appeared += 1
            (root / "unpacked").mkdir()
            assert unpack(root / "made.tar.gz", root / "unpacked").inventory.blobs == 2
        else:
            assert not crash.acknowledged, how
        assert telling(lambda root: found(root / "data"), crash, how, root) == logs
    assert appeared


def prepare_pruning(root: Path) -> Logs:
    everything = asyncio.run(fill(root / "data", "s_old", "s_older", "s_young", contents=(b"shared",)))
    with closing(connect(root / "data" / "cherry.db", "rw")) as connection:
        for id, days in (("s_old", 200), ("s_older", 300), ("s_young", 950)):
            at = NOW + days * DAY
            connection.execute("UPDATE events SET at = :at WHERE session = :id", {"at": at, "id": id})
            connection.execute(
                "UPDATE sessions SET updated_at = :at, info = json_set(info, '$.updated_at', :at, '$.created_at', :at) "
                "WHERE session = :id",
                {"at": at, "id": id},
            )
    (root / "data" / "blobs" / "ff").mkdir()
    (root / "data" / "blobs" / "ff" / ("0" * 30)).write_bytes(b"nobody needs this")
    return everything


def test_pruning_that_is_cut_short_costs_only_what_was_to_go(scene: Scene) -> None:
    everything = prepare_pruning(scene.root)
    counts = set()
    for crash, how, root in scene.crashes("prune"):
        logs = telling(lambda root: found(root / "data"), crash, how, root)
        assert logs.items() <= everything.items()
        assert "s_young" in logs
        if crash.acknowledged:
            assert [*logs] == ["s_young"], how
        counts.add(len(logs))
    assert counts == {1, 2, 3}


def test_an_import_that_is_cut_short_leaves_the_whole_session_or_none(scene: Scene) -> None:
    mine = asyncio.run(fill(scene.root / "data", "s_mine", contents=(b"mine",)))
    there = asyncio.run(fill(scene.root / "source", "s_there", contents=(b"one", b"two")))
    outcomes = []
    for crash, how, root in scene.crashes("take_in"):
        logs = telling(lambda root: found(root / "data"), crash, how, root)
        assert logs.pop("s_mine") == mine["s_mine"]
        assert logs in ({}, {"s_new": there["s_there"]})
        if crash.acknowledged:
            assert logs, how
        outcomes.append(bool(logs))
    assert {*outcomes} == {True, False}


def test_a_repair_that_is_cut_short_keeps_the_damaged_file_or_has_it_aside(scene: Scene) -> None:
    asyncio.run(fill(scene.root / "data", "s_1", "s_2", contents=(b"one", b"two")))
    file = scene.root / "data" / "cherry.db"
    content = bytearray(file.read_bytes())
    place = content.index(b"x" * 2_000) // 4096 * 4096
    content[place : place + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    mended = []
    for crash, how, root in scene.crashes("mend"):
        store = SqliteStore(root / "data")
        sound = asyncio.run(_is_sound(store))
        asides = list((root / "data").glob("damaged-*/cherry.db"))
        kept = [path.read_bytes()[100:] for path in (root / "data" / "cherry.db", *asides)]
        assert bytes(content[100:]) in kept, f"{how} before change {crash.number}"
        assert sound == bool(asides) or (how, sound) == ("kill", False), f"{how} before change {crash.number}"
        assert sound or not crash.acknowledged
        mended.append(sound)
    assert {*mended} == {True, False}


KILLS, MANY_KILLS = 6, 200


def test_a_restore_that_is_really_killed_leaves_the_old_or_the_new(scene: Scene, soak: bool) -> None:
    old, new = prepare_restore(scene.root)
    for root in scene.kills("put_back", MANY_KILLS if soak else KILLS):
        logs = asyncio.run(found(root / "data"))
        assert (logs, (root / "config" / "trust.json").read_bytes()) in ((old, b"old"), (new, b"new"))
        if (root / ACKNOWLEDGED).exists():
            assert logs == new


def test_pruning_that_is_really_killed_costs_only_what_was_to_go(scene: Scene, soak: bool) -> None:
    everything = prepare_pruning(scene.root)
    for root in scene.kills("prune", MANY_KILLS if soak else KILLS):
        logs = asyncio.run(found(root / "data"))
        assert logs.items() <= everything.items()
        assert "s_young" in logs


def test_a_backup_that_is_really_killed_is_whole_or_not_there(scene: Scene, soak: bool) -> None:
    logs = asyncio.run(fill(scene.root / "data", "s_1", contents=(b"one", b"two")))
    for root in scene.kills("back_up", MANY_KILLS if soak else KILLS):
        assert asyncio.run(found(root / "data")) == logs
        if (root / "made.tar.gz").exists():
            (root / "unpacked").mkdir()
            unpack(root / "made.tar.gz", root / "unpacked")


async def _is_sound(store: SqliteStore) -> bool:
    try:
        return (await store.check()).findings == ()
    finally:
        await store.close()

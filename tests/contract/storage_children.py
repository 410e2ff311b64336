"""Programs the process tests start: `python storage_children.py NAME FOLDER …`. What they acknowledge, they print as JSON lines."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from cherry.domain.errors import CherryError
from cherry.domain.events import Notice, SessionStarted
from cherry.storage import retention
from cherry.storage.archive.restoring import restore_into
from cherry.storage.archive.saving import save
from cherry.storage.holders import holder_id
from cherry.storage.ports import Draft, Lease
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import Bounds

START = SessionStarted(workspace="/w")


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


def notes(*texts: str) -> list[Draft]:
    return [Draft(1, Notice(text=text)) for text in texts]


async def append_for_ever(folder: Path, session: str, mark: str) -> None:
    """Two events at a time until killed; each append is acknowledged when it has returned."""
    store = SqliteStore(folder)
    await store.log.create(session, START)
    lease = await store.log.acquire(session, holder_id(), seconds=3_600)
    for number in range(1_000_000):
        records = await store.log.append(lease, notes(f"{mark}.{number}.a", f"{mark}.{number}.b"))
        say(acknowledged=[record.id for record in records])


async def append_for_a_while(folder: Path, session: str, seconds: str) -> None:
    """Also reads, searches, keeps contents, and comes and goes as a person does."""
    end = time.monotonic() + float(seconds)
    ids: list[str] = []
    contents: list[str] = []
    slowest = 0.0
    store = SqliteStore(folder)
    await store.log.create(session, START)
    lease = await store.log.acquire(session, holder_id(), seconds=3_600)
    while time.monotonic() < end:
        begun = time.monotonic()
        ids += [record.id for record in await store.log.append(lease, notes(f"{len(ids)}.a", f"{len(ids)}.b"))]
        slowest = max(slowest, time.monotonic() - begun)
        await store.log.renew(lease)
        if len(ids) % 14 == 0:
            contents.append(await store.blobs.put(f"{session} {len(ids)} ".encode() * 100))
            ids += [record.id for record in await store.log.append(lease, notes(contents[-1]))]
            await store.index.search(f"{len(ids)}")
            assert [record.id async for record in store.log.read(session, after=1)] == ids
        if len(ids) % 60 == 0:
            await store.log.release(lease)
            await store.close()
            assert session in {info.id for info in await store.index.recent()}
            lease = await store.log.acquire(session, holder_id(), seconds=3_600)
    await store.log.release(lease)
    await store.close()
    say(acknowledged=ids, contents=contents, slowest=slowest)


async def look_after(folder: Path, work: str, seconds: str) -> None:
    """Backups, checks and pruning while the others work."""
    end = time.monotonic() + float(seconds)
    rounds = 0
    while time.monotonic() < end or not rounds:
        place = Path(work) / str(rounds)
        place.mkdir(parents=True)
        await asyncio.to_thread(save, folder, place / "b.tar.gz", small={}, cherry="1", now=time.time())
        restored = await asyncio.to_thread(restore_into, place / "b.tar.gz", place / "home")
        copy = SqliteStore(place / "home" / "data")
        assert (await copy.check()).findings == ()
        assert (await copy.check()).events == restored.events
        await copy.close()
        plan = retention.plan(folder, folder / "logs", Bounds(max_age_seconds=3_600), now=time.time())
        await asyncio.to_thread(retention.prune, folder, folder / "logs", plan, now=time.time())
        shutil.rmtree(place)
        rounds += 1
    say(rounds=rounds)


async def look(folder: Path, session: str) -> None:
    store = SqliteStore(folder)
    say(seen=[record.id async for record in store.log.read(session)])
    await store.close()


async def hold(folder: Path, session: str) -> None:
    store = SqliteStore(folder)
    await store.log.create(session, START)
    await store.log.acquire(session, holder_id(), seconds=3_600)
    say(held=holder_id())
    await asyncio.Event().wait()


async def fill(store: SqliteStore, lease: Lease, mark: str) -> tuple[list[str], str]:
    """Append until it fails; what was acknowledged, and the code of the error."""
    ids: list[str] = []
    for number in range(100_000):
        try:
            ids += [record.id for record in await store.log.append(lease, notes(f"{mark} {number} " + "x" * 20_000))]
        except CherryError as error:
            return ids, error.code
    return ids, "it never failed"


async def outcome(store: SqliteStore, lease: Lease, mark: str) -> str:
    try:
        await store.log.append(lease, notes(mark))
    except CherryError as error:
        return error.code
    return "appended"


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[SqliteStore, Lease]]:
    store = SqliteStore(folder)
    await store.log.create("s_1", START)
    yield store, await store.log.acquire("s_1", holder_id(), seconds=3_600)
    await store.close()


async def report(store: SqliteStore, acknowledged: list[str], **words: object) -> None:
    there = {record.id async for record in store.log.read("s_1")}
    say(lost=[id for id in acknowledged if id not in there], findings=(await store.check()).findings, **words)


async def fill_a_small_disk(mount: Path) -> None:
    """Runs where it may mount: on a disk of its own of 1 MB, which is filled, emptied, and made read-only for a while."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", mount], check=True)
    ballast = mount / "ballast"
    ballast.write_bytes(b"\0" * 400_000)
    async with opened(mount / "data") as (store, lease):
        ids, when_full = await fill(store, lease, "fill")
        blob = "kept"
        with contextlib.suppress(CherryError):
            blob = ""
            await store.blobs.put(os.urandom(500_000))
            blob = "kept"
        ballast.unlink()
        when_emptied = await outcome(store, lease, "emptied")
        await store.close()  # what is open for writing keeps a disk from being made read-only
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        when_read_only = await outcome(store, lease, "read-only")
        listed = len(await store.index.recent())
        subprocess.run(["mount", "-o", "remount,rw", mount], check=True)
        when_writable = await outcome(store, lease, "writable")
        await report(
            store,
            ids,
            full=when_full,
            blob=blob,
            emptied=when_emptied,
            read_only=when_read_only,
            listed=listed,
            writable=when_writable,
        )


async def reach_a_file_limit(folder: Path) -> None:
    """Every write beyond 600 kB of a file fails, as on a failing disk; then the limit goes."""
    async with opened(folder) as (store, lease):
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
        ids, when_limited = await fill(store, lease, "limit")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await report(store, ids, limited=when_limited, freed=await outcome(store, lease, "freed"))


async def lose_permission(folder: Path) -> None:
    """As an ordinary user, whose data folder is made read-only for a while."""
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    async with opened(folder) as (store, lease):
        await store.close()
        for path in (*folder.iterdir(), folder):
            path.chmod(path.stat().st_mode & ~0o222)
        when_forbidden = await outcome(store, lease, "forbidden")
        listed = len(await store.index.recent())
        folder.chmod(0o700)
        for path in folder.iterdir():
            path.chmod(0o600)
        await report(store, [], forbidden=when_forbidden, listed=listed, allowed=await outcome(store, lease, "allowed"))


PROGRAMS = {
    program.__name__: program
    for program in (
        *(append_for_ever, append_for_a_while, look_after, look, hold),
        *(fill_a_small_disk, reach_a_file_limit, lose_permission),
    )
}

if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:]))  # type: ignore[operator]

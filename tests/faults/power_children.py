"""Programs whose work on files is recorded: `python power_children.py NAME ROOT [LARGEST_FILE | killed]`. Data are in ROOT/data.

What a program acknowledges it appends to ROOT/acknowledged, as a kind and a value.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from cherry.domain.errors import CherryError
from cherry.domain.events import Notice, SessionStarted
from cherry.storage import retention
from cherry.storage.archive.restoring import restore, restore_into
from cherry.storage.archive.saving import save
from cherry.storage.blobs import blob_of, blob_paths
from cherry.storage.holders import holder_id
from cherry.storage.ports import Draft
from cherry.storage.repairing import repair
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import Bounds
from cherry.testing.power import ACKNOWLEDGED

NOW = 1_770_000_000.0
DAY = 86_400.0
SMALL = "data/trust.json"


def acknowledge(root: Path, kind: str, value: str) -> None:
    handle = os.open(root / ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{kind} {value}\n".encode())
    os.close(handle)


def append(root: Path) -> None:
    """Small and large events, and contents; more than once the log is written into the file. Then closed and opened again."""

    async def work() -> None:
        for round_number in range(2):
            store = SqliteStore(root / "data")
            await store.log.create("s_1", SessionStarted(workspace="/w"))
            lease = await store.log.acquire("s_1", holder_id(), seconds=3_600)
            for number in range(12):
                text = f"{round_number}.{number} "
                size = 700_000 if number in (4, 8) else 20 + 900 * (number % 4)
                if number % 3 == 0:
                    acknowledge(root, "blob", await store.blobs.put(text.encode() * size))
                for record in await store.log.append(lease, [Draft(1, Notice(text=text + "x" * size))]):
                    acknowledge(root, "event", record.id)
            await store.close()

    asyncio.run(work())


def put_back(root: Path) -> None:
    restore(
        root / "backup.tar.gz", root / "data", targets={SMALL: root / "config" / "trust.json"}, replace=True, now=NOW
    )
    acknowledge(root, "done", "")


def put_elsewhere(root: Path) -> None:
    restore_into(root / "backup.tar.gz", root / "new")
    acknowledge(root, "done", "")


def back_up(root: Path) -> None:
    save(root / "data", root / "made.tar.gz", small={SMALL: b"{}"}, cherry="1", now=NOW)
    acknowledge(root, "done", "")


def prune(root: Path) -> None:
    later = NOW + 1_000 * DAY
    plan = retention.plan(root / "data", root / "logs", Bounds(max_age_seconds=100 * DAY), now=later)
    retention.prune(root / "data", root / "logs", plan, now=later)
    acknowledge(root, "done", "")


def take_in(root: Path) -> None:
    async def work() -> None:
        store, source = SqliteStore(root / "data"), SqliteStore(root / "source")
        for path in blob_paths(root / "source" / "blobs"):
            await store.blobs.put(await source.blobs.get(blob_of(path)))
        await store.adopt("s_new", [record async for record in source.log.read("s_there")])
        acknowledge(root, "done", "")
        for opened in (store, source):
            await opened.close()

    asyncio.run(work())


def mend(root: Path) -> None:
    repair(root / "data", now=NOW)
    acknowledge(root, "done", "")


PROGRAMS: dict[str, Callable[[Path], None]] = {
    program.__name__: program for program in (append, put_back, put_elsewhere, back_up, prune, take_in, mend)
}


def limited(name: str, root: Path, size: int) -> str:
    """What comes of a program that may write no file larger than `size` bytes: the code of its error, or `done`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        PROGRAMS[name](root)
    except CherryError as error:
        return error.code
    return "done"


if __name__ == "__main__":
    if sys.argv[3:] == ["killed"]:
        print("ready", flush=True)
    if sys.argv[3:] and sys.argv[3].isdigit():
        print(limited(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
    else:
        PROGRAMS[sys.argv[1]](Path(sys.argv[2]))

"""`python failing_disk_child.py ROOT WHAT`: works on a store in ROOT/data before, while and after the disk fails at WHAT.

Prints the code of what was refused meanwhile ("" when nothing was), then the texts that were acknowledged, a line each.
"""

import asyncio
import sys
from pathlib import Path

from cherry.domain.errors import CherryError
from cherry.domain.events import Notice, SessionStarted
from cherry.storage.holders import holder_id
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore


async def work(root: Path, what: str) -> None:
    store = SqliteStore(root / "data")
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    lease = await store.log.acquire("s_1", holder_id(), seconds=3_600)
    acknowledged = []

    async def append(text: str) -> None:
        await store.log.append(lease, [Draft(1, Notice(text=text + "x" * 9_000))])
        acknowledged.append(text)

    await append("before")
    refused = ""
    (root / what).touch()
    try:
        if what == "read":
            async for _ in SqliteStore(root / "data").log.read("s_1"):
                pass
        else:
            await append("meanwhile")
    except CherryError as error:
        refused = error.kind.code
    (root / what).unlink()
    await append("meanwhile")  # whoever was refused tries again
    await append("after")
    await store.close()
    print(refused, *acknowledged, sep="\n")


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))

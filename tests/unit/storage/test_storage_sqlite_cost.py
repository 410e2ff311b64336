"""What an append costs, counted in steps of SQLite's own machine: the same on any computer."""

import sqlite3
from pathlib import Path

from cherry.domain.events import Notice, SessionStarted
from cherry.kernel.clock import SystemClock
from cherry.storage.ports import Draft
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.log import SqliteLog


async def test_an_append_to_a_long_log_costs_as_much_as_to_a_short_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "cherry.db")
    log = SqliteLog(database, SystemClock())
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def count(connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(step, 1)

    async def cost(number: int) -> int:
        before = steps
        await log.append(lease, [Draft(1, Notice(text=f"counted {number}.{half}")) for half in "ab"])
        return steps - before

    await log.create("s_1", SessionStarted(workspace="/w"))
    lease = await log.acquire("s_1", "a:1:1", seconds=30)
    await database.write("test.count", count)
    short = await cost(1)
    await log.append(lease, [Draft(1, Notice(text=str(number))) for number in range(5_000)])
    long = await cost(2)
    await database.close()

    assert 0 < long <= short * 1.1

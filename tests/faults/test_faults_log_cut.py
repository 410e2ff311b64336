"""The write-ahead log cut off or changed at any byte, as a disk may leave it: it opens, and all that was acknowledged before is there."""

import itertools
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.domain.events import Notice, SessionStarted
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore

HOLDER = "another-machine:17:boot.1"


class Written(NamedTuple):
    folder: Path
    """As a kill leaves it: the log has not been written into the file."""
    acknowledged: list[int]
    """Length of the log when each event was acknowledged."""


@pytest.fixture
async def written(tmp_path: Path) -> Written:
    folder, left = tmp_path / "data", tmp_path / "left"
    store = SqliteStore(folder)
    log = folder / "cherry.db-wal"
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    lengths = [log.stat().st_size]
    lease = await store.log.acquire("s_1", HOLDER, seconds=30)
    for number in range(20):
        await store.log.append(lease, [Draft(1, Notice(text=f"{number} " + "x" * 1_500 * (number % 5)))])
        lengths.append(log.stat().st_size)
    shutil.copytree(folder, left)
    await store.close()
    return Written(left, lengths)


def places(length: int, *, soak: bool) -> list[int]:
    step = 61 if soak else length // 50
    return sorted({*range(0, length, step), *range(40), *range(length - 40, length)})


async def events_in(folder: Path) -> int:
    """How many there are; all of it is sound, and it can be written on."""
    store = SqliteStore(folder)
    infos = await store.index.recent()
    count = len([record async for record in store.log.read("s_1")]) if infos else 0
    assert (await store.check()).findings == ()
    await store.log.create("s_2", SessionStarted(workspace="/w"))
    await store.close()
    return count


async def test_a_log_cut_off_at_any_byte_holds_all_that_was_acknowledged_before(
    written: Written, tmp_path: Path, soak: bool
) -> None:
    whole = (written.folder / "cherry.db-wal").read_bytes()
    counts = []
    for cut in [*places(len(whole), soak=soak), len(whole)]:
        found = tmp_path / "found"
        found.mkdir()
        shutil.copy(written.folder / "cherry.db", found)
        (found / "cherry.db-wal").write_bytes(whole[:cut])

        counts.append(await events_in(found))

        assert counts[-1] == sum(length <= cut for length in written.acknowledged), f"cut at {cut}"
        shutil.rmtree(found)
    assert counts == sorted(counts)
    assert counts[-1] == 21


async def test_a_log_with_one_wrong_bit_holds_all_that_was_acknowledged_before_it(
    written: Written, tmp_path: Path, soak: bool
) -> None:
    whole = (written.folder / "cherry.db-wal").read_bytes()
    for place, bit in zip(places(len(whole), soak=soak), itertools.cycle(range(8))):
        found = tmp_path / "found"
        found.mkdir()
        shutil.copy(written.folder / "cherry.db", found)
        (found / "cherry.db-wal").write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])

        count = await events_in(found)

        assert count >= sum(length <= place for length in written.acknowledged), f"bit {bit} of byte {place}"
        shutil.rmtree(found)

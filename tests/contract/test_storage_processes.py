"""The SQLite store between real processes: killed, crowded, and on disks that are full, failing or read-only."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Notice, SessionStarted
from cherry.storage.holders import holder_id
from cherry.storage.ports import Draft
from cherry.storage.sqlite.store import SqliteStore

PROGRAM = Path(__file__).with_name("storage_children.py")


def command(name: str, folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(PROGRAM), name, str(folder), *arguments]


@contextlib.contextmanager
def running(name: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command(name, folder, *arguments), stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def outcome(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


async def test_what_was_acknowledged_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for round_number, appends in enumerate((1, 17, 60)):
        with running("append_for_ever", tmp_path, "s_1", str(round_number)) as child:
            assert child.stdout is not None
            for _ in range(appends):
                acknowledged += json.loads(child.stdout.readline())["acknowledged"]
            child.kill()
            # It may have acknowledged more before it died.
            acknowledged += [
                id for line in child.stdout if line.endswith("\n") for id in json.loads(line)["acknowledged"]
            ]

    store = SqliteStore(tmp_path)
    records = [record async for record in store.log.read("s_1")]

    assert len(acknowledged) >= 2 * (1 + 17 + 60)
    assert {*acknowledged} <= {record.id for record in records}
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    texts = [record.event.text for record in records if isinstance(record.event, Notice)]
    assert texts == [half for text in texts[::2] for half in (text, text[:-1] + "b")]  # both of an append or none
    assert (await store.index.find("s_1")).last_seq == len(records)
    assert (await store.check()).findings == ()
    await store.close()


async def test_many_processes_on_one_store_work_at_the_same_time_without_error_or_loss(
    tmp_path: Path, soak: bool
) -> None:
    """One of them makes backups, restores them elsewhere, checks and prunes all the while."""
    count, seconds = (16, "120") if soak else (8, "3")
    folder = tmp_path / "data"
    sessions = [f"s_{number}" for number in range(count)]
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(running("append_for_a_while", folder, id, seconds)) for id in sessions]
        keeper = stack.enter_context(running("look_after", folder, str(tmp_path / "backups"), seconds))
        outputs = [child.communicate(timeout=300)[0] for child in (*children, keeper)]
        assert [child.returncode for child in (*children, keeper)] == [0] * (count + 1)

    store = SqliteStore(folder)
    said = [json.loads(output) for output in outputs]
    for session, output in zip(sessions, said, strict=False):
        assert output["acknowledged"]
        assert [record.id async for record in store.log.read(session, after=1)] == output["acknowledged"]
        for name in output["contents"]:
            await store.blobs.get(name)
    assert (await store.check()).findings == ()
    await store.close()
    events = sum(len(output["acknowledged"]) for output in said[:-1])
    slowest = max(output["slowest"] for output in said[:-1])
    if soak:
        print(
            f"\n{count} processes, {seconds} s: {events:,} events acknowledged, none lost; slowest append {slowest:.2f} s; "
            f"{said[-1]['rounds']} backups made and restored meanwhile"
        )


async def test_what_is_written_after_another_process_has_come_and_gone_is_on_the_disk(tmp_path: Path) -> None:
    """The last to close removes the log: it must not take itself for the last while this process writes to it."""
    store = SqliteStore(tmp_path)
    await store.log.create("s_1", SessionStarted(workspace="/w"))
    lease = await store.log.acquire("s_1", holder_id(), seconds=30)
    assert await store.log.last_seq("s_1") == 1  # a reader is open too
    outcome(command("append_for_a_while", tmp_path, "s_2", "0.05"))
    acknowledged = [
        record.id for text in "abc" for record in await store.log.append(lease, [Draft(1, Notice(text=text))])
    ]

    seen = outcome(command("look", tmp_path, "s_1"))["seen"]

    assert seen[1:] == acknowledged
    again = SqliteStore(tmp_path)
    assert await again.log.last_seq("s_1") == 4
    await again.close()
    outcome(command("append_for_a_while", tmp_path, "s_3", "0.05"))
    await store.log.append(lease, [Draft(1, Notice(text="d"))])
    assert len(outcome(command("look", tmp_path, "s_1"))["seen"]) == 5
    await store.close()


async def test_a_session_is_busy_while_its_process_lives_and_free_when_it_is_killed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    with running("hold", tmp_path, "s_1") as child:
        assert child.stdout is not None
        json.loads(child.stdout.readline())
        with pytest.raises(CherryError) as caught:
            await store.log.acquire("s_1", holder_id(), seconds=30)
        with pytest.raises(CherryError):
            await store.index.delete("s_1")

    assert caught.value.kind is storage.SESSION_BUSY
    assert f"process {child.pid} on this machine" in caught.value.message
    lease = await store.log.acquire("s_1", holder_id(), seconds=30)
    await store.log.append(lease, [Draft(1, Notice(text="taken over"))])
    await store.close()


def can_mount(folder: Path) -> list[str] | None:
    """How to start a program that may mount a disk of its own: as root, or in a user namespace; None where neither works."""
    for start in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        trial = [*start, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run(trial, capture_output=True, timeout=20, check=False).returncode == 0:
                return start
    return None


def test_a_full_and_a_read_only_disk_are_told_and_used_again_afterwards(tmp_path: Path) -> None:
    start = can_mount(tmp_path)
    if start is None:
        pytest.skip("no disk can be mounted here, not even in a user namespace; the next test does without")

    said = outcome([*start, *command("fill_a_small_disk", tmp_path)])

    assert said == {
        "lost": [],
        "findings": [],
        "full": "storage.no_space",
        "blob": "",
        "emptied": "appended",
        "read_only": "storage.read_only",
        "listed": 1,
        "writable": "appended",
    }


def test_a_disk_that_refuses_writes_is_told_and_used_again_afterwards(tmp_path: Path) -> None:
    said = outcome(command("reach_a_file_limit", tmp_path))

    assert said == {"lost": [], "findings": [], "limited": "storage.io", "freed": "appended"}


def test_a_folder_that_may_not_be_written_is_told_and_used_again_afterwards() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o755)

        said = outcome(command("lose_permission", Path(folder) / "data"))

    assert said == {"lost": [], "findings": [], "forbidden": "storage.read_only", "listed": 1, "allowed": "appended"}

"""Contents as files: whole or not there, verified, private, pruned."""

import contextlib
import os
import stat
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, storage
from cherry.storage.blobs import FileBlobs, UnusedBlob, blob_file, remove_blob, unused_blobs
from cherry.storage.packing import packed, unpacked

DAY = 86_400.0
NOW = 1_750_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
async def blobs(folder: Path) -> AsyncIterator[FileBlobs]:
    made = FileBlobs(folder)
    yield made
    await made.close()


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def kept(blobs: FileBlobs, data: bytes, *, age: float) -> str:
    name = await blobs.put(data)
    path = blobs.path(name)
    assert path is not None
    os.utime(path, (NOW - age, NOW - age))
    return name


async def test_a_content_lies_plain_in_one_private_file(blobs: FileBlobs, folder: Path) -> None:
    name = await blobs.put(b"whole output")

    [file] = files(folder)
    assert file == blobs.path(name)
    assert file.relative_to(folder).as_posix() == f"{name[3:5]}/{name[5:]}"
    assert file.read_bytes() == b"whole output"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(parent.stat().st_mode) for parent in (file.parent, folder)} == {0o700}


async def test_a_large_content_lies_compressed_and_comes_back_whole(blobs: FileBlobs, folder: Path) -> None:
    data = b"the same line over and over\n" * 2_000
    name = await blobs.put(data)

    [file] = files(folder)
    assert file.stat().st_size < len(data) / 10
    assert blobs.path(name) is None, "it cannot be read as it lies"
    assert await blobs.get(name) == data
    assert await blobs.put(data) == name
    assert files(folder) == [file]


async def test_a_large_content_from_before_there_was_compression_is_still_read(blobs: FileBlobs, folder: Path) -> None:
    data = b"plain " * 1_000
    name = await blobs.put(data)
    [file] = files(folder)
    file.write_bytes(data)

    assert await blobs.get(name) == data
    assert await blobs.put(data) == name


@given(st.binary(max_size=3_000), st.booleans(), st.integers(1, 40))
def test_every_content_is_unpacked_to_what_was_packed(data: bytes, marked: bool, times: int) -> None:
    content = (packed(b"x" * 1_000)[:16] if marked else b"") + data * times
    assert unpacked(packed(content)) == content


@given(st.binary(max_size=300))
def test_a_damaged_file_never_crashes_unpacking(junk: bytes) -> None:
    unpacked(packed(b"x" * 1_000)[:20] + junk)


async def test_a_content_kept_again_is_one_file_that_counts_as_new(blobs: FileBlobs, folder: Path) -> None:
    name = await kept(blobs, b"same", age=30 * DAY)

    assert await blobs.put(b"same") == name

    [file] = files(folder)
    assert file.stat().st_mtime > NOW


async def test_a_file_changed_by_a_fault_is_told_and_mended_when_the_content_is_kept_again(blobs: FileBlobs) -> None:
    name = await blobs.put(b"right")
    path = blobs.path(name)
    assert path is not None
    path.write_bytes(b"wrong")

    with pytest.raises(CherryError) as caught:
        await blobs.get(name)
    assert caught.value.kind is storage.DAMAGED
    assert str(path) in caught.value.message

    await blobs.put(b"right")
    assert await blobs.get(name) == b"right"


async def test_a_place_that_cannot_be_written_is_told_and_leaves_nothing(blobs: FileBlobs, folder: Path) -> None:
    folder.write_text("in the way")

    with pytest.raises(CherryError) as caught:
        await blobs.put(b"x")

    assert caught.value.kind is storage.IO
    folder.unlink()
    assert await blobs.get(await blobs.put(b"x")) == b"x"


def pruned(folder: Path, *names: str, now: float = NOW) -> list[int]:
    """Sizes of what was removed; the names are in use."""
    unused = unused_blobs(folder, used={name.encode() for name in names}, now=now)
    return [blob.size for blob in unused if remove_blob(blob, now=now)]


async def test_what_nothing_refers_to_is_pruned_and_the_rest_stays(blobs: FileBlobs, folder: Path) -> None:
    unused = await kept(blobs, b"unused", age=31 * DAY)
    used = await kept(blobs, b"used", age=31 * DAY)

    assert pruned(folder, used) == [6]

    assert blobs.path(unused) is None
    assert await blobs.get(used) == b"used"
    assert pruned(folder, used) == []


async def test_what_was_kept_lately_is_never_pruned(blobs: FileBlobs, folder: Path) -> None:
    name = await kept(blobs, b"lately", age=DAY - 60)

    assert pruned(folder) == []
    assert pruned(folder, now=NOW - 400 * DAY) == []  # a clock set back
    assert blobs.path(name) is not None


async def test_what_is_kept_again_while_it_is_being_pruned_stays(blobs: FileBlobs, folder: Path) -> None:
    name = await kept(blobs, b"once more", age=31 * DAY)
    [unused] = unused_blobs(folder, used=(), now=NOW)
    await blobs.put(b"once more")

    assert not remove_blob(unused, now=NOW)
    assert await blobs.get(name) == b"once more"


async def test_keeping_and_pruning_at_the_same_time_loses_nothing(blobs: FileBlobs, folder: Path) -> None:
    ends = threading.Event()

    def prune_for_ever() -> None:
        while not ends.is_set():
            for file in folder.glob("??/[0-9a-f]*"):
                remove_blob(UnusedBlob(file, 0), now=NOW)

    with ThreadPoolExecutor() as threads:
        pruning = threads.submit(prune_for_ever)
        try:
            for number in range(90):
                content = bytes([number % 3])
                name = await blobs.put(content)
                assert await blobs.get(name) == content
                with contextlib.suppress(FileNotFoundError):  # from now on it may go
                    os.utime(blob_file(folder, name), (NOW - 31 * DAY, NOW - 31 * DAY))
        finally:
            ends.set()
        pruning.result()


async def test_left_over_temporary_files_are_pruned(blobs: FileBlobs, folder: Path) -> None:
    name = await kept(blobs, b"x", age=5 * DAY)
    left_over = next(iter(files(folder))).with_name("tmp-0123456789abcdef")
    left_over.write_bytes(b"half")
    os.utime(left_over, (NOW - 2 * DAY, NOW - 2 * DAY))

    assert pruned(folder, name) == [4]
    assert len(files(folder)) == 1


def test_pruning_where_nothing_is_kept_removes_nothing(folder: Path) -> None:
    assert pruned(folder) == []

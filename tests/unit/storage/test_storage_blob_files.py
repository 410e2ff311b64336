"""Contents as files: whole or not there, verified, private, pruned."""

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.errors import CherryError, storage
from cherry.storage.blobs import FileBlobs, Pruned, prune_blobs

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


async def test_old_contents_are_pruned_by_age(blobs: FileBlobs, folder: Path) -> None:
    old = await kept(blobs, b"old", age=31 * DAY)
    young = await kept(blobs, b"young", age=29 * DAY)

    assert prune_blobs(folder, now=NOW, max_age_seconds=30 * DAY) == Pruned(1, 3)

    assert blobs.path(old) is None
    assert await blobs.get(young) == b"young"


async def test_the_oldest_contents_are_pruned_until_the_rest_is_small_enough(blobs: FileBlobs, folder: Path) -> None:
    names = [await kept(blobs, bytes([day]) * 100, age=day * DAY) for day in range(1, 6)]

    assert prune_blobs(folder, now=NOW, max_bytes=250) == Pruned(3, 300)

    assert [blobs.path(name) is not None for name in names] == [True, True, False, False, False]
    assert prune_blobs(folder, now=NOW, max_bytes=250) == Pruned(0, 0)


async def test_what_was_kept_just_now_is_never_pruned(blobs: FileBlobs, folder: Path) -> None:
    name = await kept(blobs, b"x" * 1000, age=60)

    assert prune_blobs(folder, now=NOW, max_age_seconds=1, max_bytes=1) == Pruned(0, 0)
    assert prune_blobs(folder, now=NOW - DAY, max_age_seconds=1, max_bytes=1) == Pruned(0, 0)  # a clock set back
    assert blobs.path(name) is not None


async def test_left_over_temporary_files_are_pruned(blobs: FileBlobs, folder: Path) -> None:
    await kept(blobs, b"x", age=5 * DAY)
    left_over = next(iter(files(folder))).with_name("tmp-0123456789abcdef")
    left_over.write_bytes(b"half")
    os.utime(left_over, (NOW - DAY, NOW - DAY))

    assert prune_blobs(folder, now=NOW) == Pruned(1, 4)
    assert len(files(folder)) == 1


def test_pruning_where_nothing_is_kept_removes_nothing(folder: Path) -> None:
    assert prune_blobs(folder, now=NOW, max_bytes=0) == Pruned(0, 0)

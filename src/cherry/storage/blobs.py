"""Large contents as files named by their hash: `blobs/ab/cdef…`, kept plain so that other tools can read them.

Invariants: a blob is whole or not there (temporary file, fsync, rename, fsync of the folder) · what `get` returns has the hash it
was asked by · files are readable by their owner only.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.kernel.ids import content_hash
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.worker import Worker

_NAME = re.compile(r"b2:[0-9a-f]{32}")
_SECONDS = 60.0
_FRESH_SECONDS = 3600.0
_TEMPORARY = "tmp-"


class FileBlobs:
    """The `Blobs` port on a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worker = Worker("storage.blobs")

    async def put(self, data: bytes) -> str:
        """Raises CherryError(storage.NO_SPACE, READ_ONLY, IO)."""
        return await self._worker.run("storage.blobs.put", _SECONDS, lambda: self._put(data))

    async def get(self, name: str) -> bytes:
        """Raises CherryError(storage.UNKNOWN_BLOB), DAMAGED when the file holds something else, IO."""
        return await self._worker.run("storage.blobs.get", _SECONDS, lambda: self._get(name))

    def path(self, name: str) -> Path | None:
        file = self._file(name)
        return file if file is not None and file.is_file() else None

    async def close(self) -> None:
        self._worker.stop()

    def _file(self, name: str) -> Path | None:
        if not _NAME.fullmatch(name):
            return None
        digits = name.removeprefix("b2:")
        return self._folder / digits[:2] / digits[2:]

    def _put(self, data: bytes) -> str:
        name = content_hash(data)
        file = self._file(name)
        assert file is not None
        with os_fault(self._folder, "A content cannot be kept"):
            if _holds(file, data):
                os.utime(file)  # pruning goes by the time a content was last kept
            else:
                make_private(file.parent)
                _write_whole(file, data)
        return name

    def _get(self, name: str) -> bytes:
        file = self._file(name)
        if file is None:
            raise CherryError(storage.UNKNOWN_BLOB, where=name)
        with os_fault(file, "A kept content cannot be read"):
            try:
                data = file.read_bytes()
            except FileNotFoundError:
                raise CherryError(storage.UNKNOWN_BLOB, where=name) from None
        if content_hash(data) != name:
            raise CherryError(storage.DAMAGED, "A kept content is not what was put there", where=str(file))
        return data


class Pruned(NamedTuple):
    files: int
    bytes: int


class _Kept(NamedTuple):
    kept_at: float
    size: int
    file: Path


def prune_blobs(
    folder: Path, *, now: float, max_age_seconds: float | None = None, max_bytes: int | None = None
) -> Pruned:
    """Remove blobs older than `max_age_seconds`, then the oldest until the rest takes at most `max_bytes`.

    Age counts from when a content was last put. What was put within the last hour stays: a running turn may be about to name it.
    Left-over temporary files of that age go too. Raises CherryError(storage.READ_ONLY, IO).
    """
    removed = Pruned(0, 0)
    with os_fault(folder, "Old contents cannot be removed"):
        blobs = sorted(_blobs(folder), key=lambda blob: blob.kept_at)
        total = sum(blob.size for blob in blobs)
        for blob in blobs:
            age = now - blob.kept_at
            if age < _FRESH_SECONDS:
                break
            too_old = max_age_seconds is not None and age > max_age_seconds
            too_much = max_bytes is not None and total > max_bytes
            if not (too_old or too_much or blob.file.name.startswith(_TEMPORARY)):
                continue
            blob.file.unlink(missing_ok=True)
            total -= blob.size
            removed = Pruned(removed.files + 1, removed.bytes + blob.size)
    return removed


def _blobs(folder: Path) -> Iterator[_Kept]:
    for file in folder.glob("??/*"):
        with contextlib.suppress(FileNotFoundError):  # another process prunes too
            status = file.stat()
            yield _Kept(status.st_mtime, status.st_size, file)


def _holds(file: Path, data: bytes) -> bool:
    """Also when a disk fault changed a kept file: it is then written anew."""
    try:
        return file.stat().st_size == len(data) and file.read_bytes() == data
    except FileNotFoundError:
        return False


def _write_whole(file: Path, data: bytes) -> None:
    temporary = file.with_name(f"{_TEMPORARY}{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)

"""Large contents as files named by their hash: `blobs/ab/cdef…`, compressed where that saves something (`packing`).

Invariants: a blob is whole or not there (temporary file, fsync, rename, fsync of the folder) · what `get` returns has the hash it
was asked by · files are readable by their owner only · what is being put is never pruned, however the two meet.
"""

import contextlib
import os
import re
import stat
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.kernel.file_locks import LockTimeout, brief_lock
from cherry.kernel.ids import content_hash
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.packing import is_plain, packed, read_content
from cherry.storage.worker import Worker

_NAME = re.compile(r"b2:[0-9a-f]{32}")
_SECONDS = 60.0
_FRESH_SECONDS = 86_400.0
_LOCK_SECONDS = 20.0
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
        return file if file is not None and file.is_file() and is_plain(file) else None

    async def close(self) -> None:
        self._worker.stop()

    def _file(self, name: str) -> Path | None:
        return blob_file(self._folder, name) if _NAME.fullmatch(name) else None

    def _put(self, data: bytes) -> str:
        name = content_hash(data)
        file = self._file(name)
        assert file is not None
        stored = packed(data)
        with os_fault(self._folder, "A content cannot be kept"):
            make_private(file.parent)
            with _locked(file.parent, shared=True):
                if _holds(file, stored, data):
                    os.utime(file)  # pruning goes by the time a content was last kept
                else:
                    _write_whole(file, stored)
        return name

    def _get(self, name: str) -> bytes:
        file = self._file(name)
        if file is None:
            raise CherryError(storage.UNKNOWN_BLOB, where=name)
        with os_fault(file, "A kept content cannot be read"):
            try:
                data = read_content(file)
            except FileNotFoundError:
                raise CherryError(storage.UNKNOWN_BLOB, where=name) from None
        if content_hash(data) != name:
            raise CherryError(storage.DAMAGED, "A kept content is not what was put there", where=str(file))
        return data


def blob_file(folder: Path, name: str) -> Path:
    """Where the content of this name (`b2:` and 32 digits) lies or would lie."""
    digits = name.removeprefix("b2:")
    return folder / digits[:2] / digits[2:]


def blob_of(file: Path) -> str:
    """The name of the content in this file of a folder of blobs."""
    return f"b2:{file.parent.name}{file.name}"


def blob_paths(folder: Path) -> list[Path]:
    """The file of every content in the folder, in the order of their names; nothing else that may lie there. Raises OSError."""
    return sorted(path for path in folder.glob("??/*") if _NAME.fullmatch(blob_of(path)) and path.is_file())


class UnusedBlob(NamedTuple):
    file: Path
    size: int


def unused_blobs(folder: Path, *, used: Container[bytes], now: float) -> list[UnusedBlob]:
    """Contents whose name is not in `used`, and left-over temporary files. Raises OSError.

    What was kept within the last day is left out: a running turn may be about to name it.
    """
    found = []
    for file in sorted(folder.glob("??/*")):
        name = blob_of(file)
        if name.encode() in used and _NAME.fullmatch(name):
            continue
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if _is_old(status.st_mtime, now) and stat.S_ISREG(status.st_mode):
                found.append(UnusedBlob(file, status.st_size))
    return found


def remove_blob(blob: UnusedBlob, *, now: float) -> bool:
    """False when it was kept again meanwhile, and stays. Raises OSError."""
    with _locked(blob.file.parent), contextlib.suppress(FileNotFoundError):
        if _is_old(blob.file.stat().st_mtime, now):
            blob.file.unlink()
            return True
    return False


def _is_old(kept_at: float, now: float) -> bool:
    """Also when the clock was set back or forth, only what certainly is."""
    return now - kept_at > _FRESH_SECONDS


@contextlib.contextmanager
def _locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keeping and pruning in one folder wait for each other, also between processes; each takes a moment only."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(brief_lock(folder, "storage.blobs", seconds=_LOCK_SECONDS, shared=shared))
        except LockTimeout as error:
            raise CherryError(storage.BUSY, where=str(folder), why=str(error)) from None
        yield


def _holds(file: Path, stored: bytes, data: bytes) -> bool:
    """False also when a disk fault changed a kept file: it is then written anew. True for one that lies plain from before."""
    try:
        return file.stat().st_size in (len(stored), len(data)) and file.read_bytes() in (stored, data)
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

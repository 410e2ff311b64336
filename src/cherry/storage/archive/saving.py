"""Making a backup: everything of one moment in one new file, or no file.

The database comes first and the blobs after it, under the upkeep lock: nothing the database speaks of is removed meanwhile, and blobs
only ever get more. The file appears under its name when it is complete and on disk; a kill leaves at most a folder
`.cherry-backup-…` beside it, which the next backup removes.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cherry.domain.errors import CherryError, config
from cherry.kernel.ids import content_hash
from cherry.storage.archive.content import (
    DATABASE,
    FORMAT,
    HEADER,
    INDEX,
    Header,
    Index,
    Member,
    blob_member,
)
from cherry.storage.archive.tarball import CHUNK, TarWriter
from cherry.storage.blobs import blob_of, blob_paths
from cherry.storage.faults import os_fault
from cherry.storage.folders import sync_folder
from cherry.storage.packing import content_size, read_content
from cherry.storage.replacing import BLOBS, settle
from cherry.storage.replacing import DATABASE as DATABASE_FILE
from cherry.storage.sole import upkeep_lock
from cherry.storage.sqlite.snapshot import Counted, take_snapshot

_WORK = ".cherry-backup-"
_MOST_PACKED = 1100
"""By what factor zlib can make a content smaller, at the very most."""
_FORGOTTEN_SECONDS = 86_400.0


class Saved(NamedTuple):
    file: Path
    bytes: int
    """Of the archive."""
    sessions: int
    events: int
    blobs: int
    damaged_blobs: tuple[str, ...]
    """Names of contents that are not what they should be; left out."""


class _Packed(NamedTuple):
    inventory: Index
    damaged: tuple[str, ...]


def save(folder: Path, file: Path, *, small: Mapping[str, bytes], cherry: str, now: float) -> Saved:
    """`folder`: Cherry's data. `small`: contents of `SMALL_FILES` by their names.

    Raises CherryError: config.BAD_USAGE when the file exists; storage.DAMAGED, NO_SPACE, READ_ONLY, IO, BUSY, NEWER_DATABASE.
    """
    settle(folder)
    with os_fault(file, "The backup cannot be written"):
        _refuse_existing(file)
        _sweep(file.parent)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=file.parent))
    try:
        with upkeep_lock(folder), os_fault(file, "The backup cannot be written"):
            counted = take_snapshot(folder / DATABASE_FILE, work / DATABASE_FILE)
            packed = _pack(folder, work, small=small, cherry=cherry, now=now, counted=counted)
            size = (work / "archive").stat().st_size
            _appear(work / "archive", file)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Saved(file, size, counted.sessions, counted.events, packed.inventory.blobs, packed.damaged)


def _pack(
    folder: Path, work: Path, *, small: Mapping[str, bytes], cherry: str, now: float, counted: Counted
) -> _Packed:
    database = work / DATABASE_FILE
    blobs = [(blob_of(path), path) for path in blob_paths(folder / BLOBS)]
    total = database.stat().st_size + sum(len(content) for content in small.values())
    total += sum(_at_most(path) for _, path in blobs)
    header = Header(format=FORMAT, cherry=cherry, made_at=now, bytes=total)
    handle = os.open(work / "archive", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        tar = TarWriter(stream, made_at=now)
        _add(tar, HEADER, header.model_dump_json().encode())
        members = [_add(tar, name, content) for name, content in sorted(small.items())]
        with database.open("rb") as source:
            members.append(_add_large(tar, DATABASE, database.stat().st_size, source))
        names, damaged, blob_bytes = hashlib.blake2b(digest_size=16), [], 0
        for name, path in blobs:
            content = read_content(path)
            if content_hash(content) != name:
                damaged.append(name)
                continue
            _add(tar, blob_member(name), content)
            names.update(name.encode())
            blob_bytes += len(content)
        index = Index(
            files=tuple(members),
            sessions=counted.sessions,
            events=counted.events,
            blobs=len(blobs) - len(damaged),
            blob_bytes=blob_bytes,
            blob_names=names.hexdigest(),
            damaged_blobs=len(damaged),
        )
        _add(tar, INDEX, index.model_dump_json().encode())
        tar.close()
        stream.flush()
        os.fsync(stream.fileno())
    return _Packed(index, tuple(damaged))


def _at_most(blob: Path) -> int:
    """Bytes of the content; never more than compression can hide, whatever a damaged file says of itself."""
    return min(content_size(blob), _MOST_PACKED * blob.stat().st_size)


def _add(tar: TarWriter, name: str, content: bytes) -> Member:
    tar.add(name, len(content), [content])
    return Member(name=name, size=len(content), hash=content_hash(content))


def _add_large(tar: TarWriter, name: str, size: int, source: BinaryIO) -> Member:
    digest = hashlib.blake2b(digest_size=16)

    def chunks() -> Iterator[bytes]:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            yield chunk

    tar.add(name, size, chunks())
    return Member(name=name, size=size, hash=f"b2:{digest.hexdigest()}")


def _appear(made: Path, file: Path) -> None:
    """Under its name, without ever taking the place of another file."""
    try:
        file.hardlink_to(made)
    except FileExistsError:
        raise _exists(file) from None
    except OSError:  # a file system without second names
        _refuse_existing(file)
        made.replace(file)
    sync_folder(file.parent)


def _refuse_existing(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise _exists(file)


def _exists(file: Path) -> CherryError:
    return CherryError(
        config.BAD_USAGE, "The file exists already", where=str(file), next_step="Name a file that does not exist yet."
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed backup left long ago."""
    for left_over in folder.glob(f"{_WORK}*"):
        with suppress(OSError):
            if time.time() - left_over.stat().st_mtime > _FORGOTTEN_SECONDS:
                shutil.rmtree(left_over, ignore_errors=True)

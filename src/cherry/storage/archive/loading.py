"""Reading a backup into a staging folder, and telling whether all of it is as it was written. Nothing else is touched.

An archive is foreign bytes: only the names of `content` are taken, each once; no more is unpacked than its header says, and its
header may not say more than the disk has room for.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.kernel.ids import content_hash
from cherry.kernel.text import human_bytes
from cherry.storage.archive.content import (
    DATABASE,
    HEADER,
    INDEX,
    MOST_SMALL_BYTES,
    SMALL_FILES,
    Header,
    Index,
    Member,
    blob_name,
    parse_header,
    parse_index,
)
from cherry.storage.archive.tarball import Entry, TarReader
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private
from cherry.storage.packing import packed
from cherry.storage.replacing import write_durably
from cherry.storage.sqlite.snapshot import verify

_PACKED_UPTO = 64 << 20
"""Larger contents are not held in memory, and lie as they are."""
_SPARE_BYTES = 16 << 20
"""Left free on the disk besides what is unpacked."""


class Unpacked(NamedTuple):
    header: Header
    inventory: Index
    small: tuple[str, ...]
    """Names of the small files that were in it."""


def unpack(file: Path, staging: Path) -> Unpacked:
    """Unpack everything below `staging`, by the names of `content`, on disk and verified.

    Raises CherryError: storage.BAD_ARCHIVE, NEWER_ARCHIVE, NEWER_DATABASE, NO_SPACE, READ_ONLY, IO.
    """
    with os_fault(file, "The backup cannot be read"):
        stream = file.open("rb")
    with stream, os_fault(staging, "The backup cannot be unpacked"):
        if not file.is_file():
            raise CherryError(storage.BAD_ARCHIVE, where=str(file), why="it is no file")
        unpacked = _Unpacking(stream, str(file), staging).run()
    _verify_database(staging / DATABASE, unpacked.inventory, str(file))
    return unpacked


class _Unpacking:
    """One reading of one archive."""

    def __init__(self, stream: BinaryIO, where: str, staging: Path) -> None:
        self._tar = TarReader(stream, where=where)
        self._where = where
        self._staging = staging
        self._left = 0
        """Bytes that may still come."""
        self._members: dict[str, Member] = {}
        self._blobs = 0
        self._blob_bytes = 0
        self._blob_names = hashlib.blake2b(digest_size=16)
        self._last_blob = ""

    def run(self) -> Unpacked:
        header: Header | None = None
        index: Index | None = None
        for entry in self._tar.entries():
            if index is not None:
                raise self._tar.bad("there is something behind its index")
            if header is None:
                header = self._header(entry)
            elif entry.name == INDEX:
                index = parse_index(self._small(entry), self._where)
            else:
                self._unpack(entry)
        if header is None or index is None:
            raise self._tar.bad("its index is missing")
        self._compare(index)
        return Unpacked(header, index, tuple(sorted(self._members.keys() - {DATABASE})))

    def _header(self, entry: Entry) -> Header:
        if entry.name != HEADER:
            raise self._tar.bad("it does not say that it is a backup of Cherry")
        header = parse_header(self._small(entry), self._where)
        self._left = header.bytes
        free = shutil.disk_usage(self._staging).free
        if header.bytes + _SPARE_BYTES > free:
            why = f"unpacked it needs {human_bytes(header.bytes)}, {human_bytes(free)} are free"
            raise CherryError(
                storage.NO_SPACE, "There is no room for the backup", where=str(self._staging.parent), why=why
            )
        return header

    def _unpack(self, entry: Entry) -> None:
        self._left -= entry.size
        if self._left < 0:
            raise self._tar.bad("it holds more than it says")
        if blob := blob_name(entry.name):
            self._unpack_blob(entry, blob)
        elif entry.name == DATABASE or (entry.name in SMALL_FILES and entry.size <= MOST_SMALL_BYTES):
            if entry.name in self._members:
                raise self._tar.bad(f"{entry.name} is in it twice")
            self._members[entry.name] = Member(name=entry.name, size=entry.size, hash=self._write(entry))
        else:
            raise self._tar.bad(f"{entry.name!r} does not belong in a backup")

    def _unpack_blob(self, entry: Entry, blob: str) -> None:
        if blob <= self._last_blob:
            raise self._tar.bad(f"{entry.name} is in it twice or in the wrong place")
        hash = self._write_packed(entry) if entry.size <= _PACKED_UPTO else self._write(entry)
        if hash != blob:
            raise self._tar.bad(f"{entry.name} is damaged")
        self._last_blob = blob
        self._blobs += 1
        self._blob_bytes += entry.size
        self._blob_names.update(blob.encode())

    def _small(self, entry: Entry) -> bytes:
        if entry.size > MOST_SMALL_BYTES:
            raise self._tar.bad(f"{entry.name} is too large")
        return b"".join(entry.chunks)

    def _write(self, entry: Entry) -> str:
        """The names are from our own list and blobs from a pattern: they cannot lead anywhere else."""
        target = self._staging / entry.name
        make_private(target.parent)
        digest = hashlib.blake2b(digest_size=16)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out:
            for chunk in entry.chunks:
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        return f"b2:{digest.hexdigest()}"

    def _write_packed(self, entry: Entry) -> str:
        """As the store would have written it."""
        content = b"".join(entry.chunks)
        target = self._staging / entry.name
        make_private(target.parent)
        write_durably(target, packed(content))
        return content_hash(content)

    def _compare(self, index: Index) -> None:
        if {member.name: member for member in index.files} != self._members or DATABASE not in self._members:
            raise self._tar.bad("its files are not those of its index")
        blobs = (index.blobs, index.blob_bytes, index.blob_names)
        if blobs != (self._blobs, self._blob_bytes, self._blob_names.hexdigest()):
            raise self._tar.bad("its contents are not those of its index")


def _verify_database(database: Path, index: Index, where: str) -> None:
    try:
        counted = verify(database)
    except CherryError as error:
        if error.kind is storage.NEWER_DATABASE:
            raise
        raise CherryError(storage.BAD_ARCHIVE, where=where, why=f"its database is damaged ({error.why})") from error
    if counted != (index.sessions, index.events):
        raise CherryError(storage.BAD_ARCHIVE, where=where, why="its database is not the one its index speaks of")

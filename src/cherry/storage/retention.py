"""What is kept no longer: old sessions, contents nothing speaks of, old logs, what a restore or a repair put aside.

First a plan, which changes nothing, then doing it. A session that somebody uses, or has used since the plan was made, stays; so do all
contents that living sessions speak of: whatever can be undone can still be undone. Every step is whole, so pruning may end anywhere.
"""

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError
from cherry.domain.sessions import SessionInfo
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.storage import sql
from cherry.storage.blobs import blob_of, blob_paths, remove_blob, unused_blobs
from cherry.storage.faults import os_fault
from cherry.storage.references import references
from cherry.storage.replacing import BLOBS, DATABASE, sweep_staging
from cherry.storage.sole import upkeep_lock
from cherry.storage.sqlite.connecting import open_writer
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.index import delete_session
from cherry.storage.sqlite.rows import last_seq, session_info, tenure_of
from cherry.storage.upkeep import Bounds, Doomed, Plan, Pruned

PLAN_SECONDS = 1800.0
NO_BOUND = 1 << 62

_ASIDE = re.compile(r"(before-restore|damaged)-\d{8}T\d{6}(-\d+)?")
_VACUUM_FROM = 0.1
"""Share of the database file that must be free before it is written anew to give the space back."""


class _Used(NamedTuple):
    info: SessionInfo
    in_use: bool


def plan(folder: Path, logs: Path, bounds: Bounds, *, now: float, seconds: float = PLAN_SECONDS) -> Plan:
    """Look only. `seconds`: how long that may take.

    Raises CherryError: storage.DAMAGED, NEWER_DATABASE, READ_ONLY, IO; DeadlineExceeded.
    """
    with os_fault(folder, "The data folder cannot be looked through"), _database(folder) as database:
        files = tuple(_old_files(folder, logs, bounds, now=now))
        empty = Plan(files=files, file_bytes=sum(map(_size, files)), total=_total(folder, logs))
        if not database.file.exists():
            return empty
        go_on = _until(time.monotonic() + seconds, seconds)
        return database.read_now(
            lambda connection: _Planning(connection, folder, bounds, now=now, go_on=go_on).run(empty)
        )


def prune(folder: Path, logs: Path, planned: Plan, *, now: float, vacuum_upto: int = NO_BOUND) -> Pruned:
    """Do it, as far as it still holds. A database file larger than `vacuum_upto` bytes is not written anew to give space back.

    Raises CherryError: storage.BUSY, NO_SPACE, READ_ONLY, IO, DAMAGED, NEWER_DATABASE.
    """
    with upkeep_lock(folder), os_fault(folder, "Old data cannot be removed"):
        before = _total(folder, logs)
        for path in planned.files:
            _remove(path)
        sweep_staging(folder)
        gone = blobs = 0
        with _database(folder) as database:
            if database.file.exists():
                gone = sum(database.write_now(_deleting(doomed, now)) for doomed in planned.sessions)
                blobs = _remove_unused(database, folder, now=now)
        if gone:
            _give_space_back(folder / DATABASE, vacuum_upto)
        return Pruned(gone, blobs, len(planned.files), max(0, before - _total(folder, logs)))


def in_use(folder: Path, *, now: float) -> bool:
    """Whether somebody works on a session. Raises CherryError."""
    with _database(folder) as database:
        return database.file.exists() and database.read_now(
            lambda connection: any(used.in_use for used in _used(connection, now))
        )


class _Planning:
    def __init__(
        self,
        connection: sqlite3.Connection,
        folder: Path,
        bounds: Bounds,
        *,
        now: float,
        go_on: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._bounds = bounds
        self._now = now
        self._blobs = {blob_of(path).encode(): _size(path) for path in blob_paths(folder / BLOBS)}
        self._references = references(connection, folder / BLOBS, go_on=go_on)

    def run(self, empty: Plan) -> Plan:
        free, used_bytes = self._pages()
        weights = self._weights(used_bytes)
        kept_for = next((path.name for path in sorted(_asides(self._folder) - {*empty.files})), "")
        unused = [] if kept_for else unused_blobs(self._folder / BLOBS, used=self._references.owners, now=self._now)
        begun = empty._replace(blobs=len(unused), blob_bytes=sum(blob.size for blob in unused), kept_for=kept_for)
        sessions: list[Doomed] = []
        in_use = 0
        left = begun.total - free - begun.bytes
        for used in _used(self._connection, self._now):
            if not self._is_to_go(used.info, left):
                continue
            if used.in_use:
                in_use += 1
                continue
            info = used.info
            doomed = Doomed(info.id, info.title, info.updated_at, info.last_seq, weights.get(info.id, 0))
            sessions.append(doomed)
            left -= doomed.bytes
        return begun._replace(sessions=tuple(sessions), in_use=in_use)

    def _is_to_go(self, info: SessionInfo, left: int) -> bool:
        age, most = self._bounds
        return (age is not None and self._now - info.updated_at > age) or (most is not None and left > most)

    def _weights(self, used_bytes: int) -> dict[str, int]:
        """What each session takes: its share of the database by the size of its events, and the contents that are its own."""
        events = sum(self._references.sizes.values()) or 1
        weights = {session: size * used_bytes // events for session, size in self._references.sizes.items()}
        for name, session in self._references.owners.items():
            if session:
                weights[session] = weights.get(session, 0) + self._blobs.get(name, 0)
        return weights

    def _pages(self) -> tuple[int, int]:
        """Bytes of the database file that are free, and that are not."""
        size, count, free = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        return size * free, size * (count - free)


def _used(connection: sqlite3.Connection, now: float) -> list[_Used]:
    """All sessions, the oldest first."""
    infos = [session_info(*row) for row in connection.execute(sql.SESSIONS_OLDEST_FIRST)]
    tenures = [tenure_of(connection, info.id) for info in infos]
    return [_Used(info, tenure is not None and tenure.holds(now)) for info, tenure in zip(infos, tenures, strict=True)]


def _deleting(doomed: Doomed, now: float) -> Callable[[sqlite3.Connection], bool]:
    def work(connection: sqlite3.Connection) -> bool:
        tenure = tenure_of(connection, doomed.id)
        held = tenure is not None and tenure.holds(now)
        if held or last_seq(connection, doomed.id) != doomed.last_seq:
            return False
        delete_session(connection, doomed.id)
        return True

    return work


def _remove_unused(database: Database, folder: Path, *, now: float) -> int:
    """What the sessions that are left speak of is looked up again: much may have happened since the plan."""
    if _asides(folder):
        return 0
    used = database.read_now(lambda connection: references(connection, folder / BLOBS, go_on=lambda: None)).owners
    return sum(remove_blob(blob, now=now) for blob in unused_blobs(folder / BLOBS, used=used, now=now))


def _give_space_back(database: Path, upto: int) -> None:
    """Where that is not possible now, the space is used again for what comes."""
    if database.stat().st_size > upto:
        return
    with suppress(sqlite3.Error, CherryError), closing(open_writer(database)) as connection:
        free, count = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
        if free >= count * _VACUUM_FROM:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _old_files(folder: Path, logs: Path, bounds: Bounds, *, now: float) -> Iterator[Path]:
    if bounds.max_age_seconds is None:
        return
    for path in (*sorted(_asides(folder)), *sorted(logs.glob("*.log*"))):
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime > bounds.max_age_seconds:
                yield path


def _asides(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if _ASIDE.fullmatch(path.name)} if folder.is_dir() else set()


def _total(folder: Path, logs: Path) -> int:
    """Of everything Cherry keeps, in bytes."""
    files = [folder / f"{DATABASE}{suffix}" for suffix in ("", "-wal")]
    return sum(map(_size, (*files, folder / BLOBS, logs, *_asides(folder))))


def _size(path: Path) -> int:
    """Of a file, or of all files below a folder; 0 for what is gone."""
    try:
        if path.is_dir():
            return sum(map(_size, path.iterdir()))
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _until(give_up: float, seconds: float) -> Callable[[], None]:
    def go_on() -> None:
        if time.monotonic() > give_up:
            raise DeadlineExceeded("storage.retention", seconds)

    return go_on


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    database = Database(folder / DATABASE)
    try:
        yield database
    finally:
        database.close_now()

"""Putting a new database, and files beside it, in the place of old ones: as a whole or not at all.

    staging = new_staging(folder)        # filled by the caller, see `STAGED_*`
    commit(folder, staging, replacement) # one rename: from now on it counts
    finish(folder)                       # puts everything in its place, keeps the old aside

Invariants: before the rename nothing of the old is touched · after it every step can be repeated, and whoever opens the database next
(`settle`) finishes what a kill cut short, before anything is read · what was there is kept in the folder `aside` · everything is on
disk before it is needed.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.sole import upkeep_lock

DATABASE = "cherry.db"
BLOBS = "blobs"
STAGED_FILES = "files"
_STAGING = "staging-"
_COMMITTED = "replacing"
_PLAN = "plan.json"
_CHUNK = 1 << 20


class Replacement(NamedTuple):
    """What is in a staging folder and where it goes. The database and the blobs go to the data folder itself."""

    aside: str
    """Name of the folder, in the data folder, that takes what was there."""
    files: tuple[tuple[str, str], ...] = ()
    """Name in `STAGED_FILES`, absolute path it gets."""
    gone: tuple[str, ...] = ()
    """Absolute paths of files that are put aside and have no successor."""


def new_staging(folder: Path) -> Path:
    """An empty private folder on the same disk. Raises OSError."""
    make_private(folder)
    return Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))


def commit(folder: Path, staging: Path, replacement: Replacement) -> None:
    """Make the replacement certain; the caller holds the upkeep lock and goes on with `finish`. Raises OSError."""
    write_durably(staging / _PLAN, json.dumps(replacement._asdict()).encode())
    for place in (*_folders(staging), staging):
        sync_folder(place)
    staging.rename(folder / _COMMITTED)
    sync_folder(folder)


def settle(folder: Path) -> None:
    """Finish what was committed and cut short; nothing to do nearly always. Raises CherryError(storage.BUSY, READ_ONLY, …)."""
    if not os.path.lexists(folder / _COMMITTED):  # on every start: the quickest way to look
        return
    with upkeep_lock(folder), os_fault(folder, "An interrupted restore cannot be finished"):
        finish(folder)


def finish(folder: Path) -> None:
    """The caller holds the upkeep lock. Raises OSError; what is missing is then done the next time."""
    staged = folder / _COMMITTED
    if not staged.is_dir():
        return
    if not (staged / _PLAN).is_file():  # everything is in place, only its removal was cut short
        shutil.rmtree(staged)
        return
    replacement = _plan(staged / _PLAN)
    aside = folder / replacement.aside
    make_private(aside)
    _place_blobs(staged / BLOBS, folder / BLOBS)
    for path in replacement.gone:
        _put_aside(Path(path), aside)
    for name, target in replacement.files:
        _place_file(staged / STAGED_FILES / name, Path(target), aside)
    _place_database(staged / DATABASE, folder, aside)
    if not any(aside.iterdir()):
        aside.rmdir()
    (staged / _PLAN).unlink()
    sync_folder(staged)
    shutil.rmtree(staged)
    sync_folder(folder)


def sweep_staging(folder: Path) -> None:
    """Remove what a killed restore or repair left before anything of it counted. The caller holds the upkeep lock."""
    for left_over in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(left_over, ignore_errors=True)


def aside_name(folder: Path, word: str, now: float) -> str:
    """`before-restore-20260131T120000`; a name that is not taken."""
    wanted = f"{word}-{time_stamp(now)}"
    name, number = wanted, 1
    while (folder / name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return name


def time_stamp(now: float) -> str:
    """`20260131T120000`, UTC; a time no calendar knows is the first one."""
    try:
        return time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    except (OverflowError, ValueError, OSError):
        return "19700101T000000"


def write_durably(file: Path, content: bytes) -> None:
    """A new private file, on disk when this returns. Raises OSError."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _plan(file: Path) -> Replacement:
    try:
        loaded = json.loads(file.read_bytes())
        files = tuple((name, target) for name, target in loaded["files"])
        return Replacement(loaded["aside"], files, tuple(loaded["gone"]))
    except (ValueError, KeyError, TypeError) as error:
        why = "its plan cannot be read"
        raise CherryError(
            storage.DAMAGED, "An interrupted restore cannot be finished", where=str(file), why=why
        ) from error


def _place_blobs(source: Path, target: Path) -> None:
    """Contents are named by their hash: one that is there already is the same."""
    if not source.is_dir():
        return
    for group in sorted(source.iterdir()):
        make_private(target / group.name)
        for blob in sorted(group.iterdir()):
            blob.replace(target / group.name / blob.name)
        sync_folder(target / group.name)


def _put_aside(file: Path, aside: Path) -> None:
    if file.exists():
        _copy(file, aside / file.name)
        file.unlink()
        sync_folder(file.parent)


def _place_file(source: Path, target: Path, aside: Path) -> None:
    """Targets may lie on another disk than the data folder, so contents are copied."""
    if not source.exists():
        return
    make_private(target.parent)
    kept = aside / target.name
    if target.exists() and not kept.exists():
        _copy(target, kept)
    _copy(source, target)
    source.unlink()


def _place_database(source: Path, folder: Path, aside: Path) -> None:
    target = folder / DATABASE
    if not source.exists():
        return
    if target.exists() and not (aside / DATABASE).exists():
        _keep(target, aside / DATABASE)
    for suffix in ("-wal", "-journal"):  # whatever of them is left belongs to the old file
        beside = target.with_name(target.name + suffix)
        if beside.exists():
            beside.replace(aside / beside.name)
    target.with_name(f"{DATABASE}-shm").unlink(missing_ok=True)
    sync_folder(aside)
    source.replace(target)
    sync_folder(folder)


def _keep(file: Path, other: Path) -> None:
    """A second name for the file; a copy where the file system knows no second names."""
    try:
        other.hardlink_to(file)
    except OSError:
        _copy(file, other)


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all, and on disk."""
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with source.open("rb") as stream, os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(stream, out, _CHUNK)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _folders(staging: Path) -> Iterator[Path]:
    for place, names, _ in os.walk(staging, topdown=False):
        yield from (Path(place) / name for name in names)

"""Putting a backup in place: into the data folder, or into a new folder of its own. All of it is verified before any of it counts."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.kernel.text import plural
from cherry.storage import sql
from cherry.storage.archive.content import DATABASE as MEMBER
from cherry.storage.archive.content import SMALL_FILES
from cherry.storage.archive.loading import Unpacked, unpack
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.replacing import (
    BLOBS,
    DATABASE,
    STAGED_FILES,
    Replacement,
    aside_name,
    commit,
    finish,
    new_staging,
    settle,
    sweep_staging,
)
from cherry.storage.sole import upkeep_lock
from cherry.storage.sqlite.snapshot import alone, carry_over
from cherry.storage.upkeep import Restored

_UNPACKED = "unpacked"
_INTO_PREFIX = ".cherry-restore-"
_SETTINGS = tuple(sorted(name for name in SMALL_FILES if name.startswith("config/")))


def restore(file: Path, folder: Path, *, targets: Mapping[str, Path], replace: bool, now: float) -> Restored:
    """`folder`: Cherry's data; `targets`: where each of `SMALL_FILES` belongs. Without `replace` nothing that is there is touched.

    Raises CherryError: storage.BAD_ARCHIVE, NEWER_ARCHIVE, NEWER_DATABASE, NOT_EMPTY, IN_USE, BUSY, NO_SPACE, READ_ONLY, IO.
    """
    settle(folder)
    with upkeep_lock(folder), os_fault(folder, "The backup cannot be restored"):
        sweep_staging(folder)
        with _staging(folder) as staging:
            unpacked = unpack(file, staging / _UNPACKED)
            with alone(folder / DATABASE) as old:
                if not replace:
                    _refuse_sessions(folder / DATABASE, old)
                replacement = _arrange(staging, unpacked, folder, targets=targets, replace=replace, now=now)
                if old is not None:
                    carry_over(staging / DATABASE, old)
                commit(folder, staging, replacement)
                finish(folder)
        aside = folder / replacement.aside
        placed = tuple(path for _, path in replacement.files)
        left = tuple(str(targets[name]) for name in unpacked.small if str(targets[name]) not in placed)
        return _restored(unpacked, placed, left, str(aside) if aside.exists() else "")


def restore_into(file: Path, folder: Path) -> Restored:
    """A whole home (`CHERRY_HOME`) in a folder that is new or empty; it appears when it is complete. Raises as `restore`."""
    with os_fault(folder, "The backup cannot be restored"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            step = "Name a folder that is new or empty."
            raise CherryError(storage.NOT_EMPTY, "There is something already", where=str(folder), next_step=step)
        make_private(folder.parent)
        made = Path(tempfile.mkdtemp(prefix=_INTO_PREFIX, dir=folder.parent))
        try:
            unpacked = unpack(file, made)
            for place, _, _ in os.walk(made, topdown=False):
                sync_folder(Path(place))
            made.replace(folder)
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    placed = tuple(str(folder / name) for name in unpacked.small)
    return _restored(unpacked, placed, (), "")


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Gone afterwards, unless it was committed."""
    staging = new_staging(folder)
    try:
        (staging / _UNPACKED).mkdir(mode=0o700)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refuse_sessions(database: Path, old: sqlite3.Connection | None) -> None:
    count = 0
    if old is not None:
        with suppress(sqlite3.Error):  # no table yet: no sessions
            count = len(old.execute(sql.EVERY_SESSION).fetchall())
    elif database.exists():
        raise CherryError(storage.NOT_EMPTY, "There is a damaged database here already", where=str(database))
    if count:
        raise CherryError(storage.NOT_EMPTY, where=str(database), why=plural(count, "session"))


def _arrange(
    staging: Path, unpacked: Unpacked, folder: Path, *, targets: Mapping[str, Path], replace: bool, now: float
) -> Replacement:
    """From the names of the archive to those of `replacing`."""
    source = staging / _UNPACKED
    (source / MEMBER).rename(staging / DATABASE)
    if (source / "data" / BLOBS).exists():
        (source / "data" / BLOBS).rename(staging / BLOBS)
    (staging / STAGED_FILES).mkdir(mode=0o700)
    files = []
    for name in unpacked.small:
        if not replace and any(targets[other].exists() for other in _rivals(name)):
            continue
        staged = name.replace("/", "-")
        (source / name).rename(staging / STAGED_FILES / staged)
        files.append((staged, str(targets[name])))
    taken = {path for _, path in files}
    gone = [
        path
        for name in unpacked.small
        if str(targets[name]) in taken
        for path in _existing(targets, _rivals(name))
        if path not in taken
    ]
    shutil.rmtree(source)
    return Replacement(aside_name(folder, "before-restore", now), tuple(files), tuple(gone))


def _rivals(name: str) -> Sequence[str]:
    """Small files of which there can be only one: settings are TOML or YAML, not both."""
    return _SETTINGS if name in _SETTINGS else (name,)


def _existing(targets: Mapping[str, Path], names: Sequence[str]) -> list[str]:
    return [str(targets[name]) for name in names if targets[name].exists()]


def _restored(unpacked: Unpacked, placed: tuple[str, ...], left: tuple[str, ...], aside: str) -> Restored:
    header, inventory = unpacked.header, unpacked.inventory
    return Restored(
        made_at=header.made_at,
        cherry=header.cherry,
        sessions=inventory.sessions,
        events=inventory.events,
        blobs=inventory.blobs,
        placed=placed,
        left=left,
        aside=aside,
    )

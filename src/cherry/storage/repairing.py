"""Mending a damaged database: what can be read goes into a new one that takes its place; the damaged file is kept."""

import shutil
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder
from cherry.storage.replacing import (
    DATABASE,
    STAGED_FILES,
    Replacement,
    aside_name,
    commit,
    finish,
    new_staging,
    settle,
    sweep_staging,
    write_durably,
)
from cherry.storage.sole import upkeep_lock
from cherry.storage.sqlite.salvage import Salvaged, salvage
from cherry.storage.sqlite.snapshot import alone


class Repaired(NamedTuple):
    salvaged: Salvaged
    aside: Path
    """Folder with the damaged file, and with the rest of each session that was cut as JSON lines."""


def repair(folder: Path, *, now: float) -> Repaired:
    """Raises CherryError: storage.DAMAGED when nothing at all can be saved, IN_USE, NEWER_DATABASE, BUSY, NO_SPACE, READ_ONLY, IO.

    Then nothing was changed.
    """
    settle(folder)
    damaged = folder / DATABASE
    with upkeep_lock(folder), os_fault(damaged, "The database cannot be mended"):
        sweep_staging(folder)
        staging = new_staging(folder)
        try:
            with damaged.open("rb") as stream, alone(damaged) as old:
                salvaged = salvage(damaged, staging / DATABASE, stream, old)
                if not salvaged.sessions:
                    raise _nothing(damaged)
                aside = aside_name(folder, "damaged", now)
                rests = _stage_rests(staging, salvaged)
                commit(folder, staging, Replacement(aside, tuple((name, str(folder / aside / name)) for name in rests)))
                finish(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return Repaired(salvaged, folder / aside)


def put_blobs_aside(folder: Path, blobs: list[Path], *, now: float) -> Path:
    """Take damaged contents out of the way, so that nothing takes them for whole. Returns the folder they are in."""
    with upkeep_lock(folder), os_fault(folder, "Damaged contents cannot be put aside"):
        aside = folder / aside_name(folder, "damaged", now)
        make_private(aside)
        for blob in blobs:
            blob.replace(aside / f"{blob.parent.name}{blob.name}")
            sync_folder(blob.parent)
        sync_folder(aside)
    return aside


def rest_name(session: str) -> str:
    """Of the file with what could be read behind a hole."""
    return f"rest-of-{''.join(char for char in session if char.isalnum() or char in '-_')[:100]}.jsonl"


def _stage_rests(staging: Path, salvaged: Salvaged) -> list[str]:
    (staging / STAGED_FILES).mkdir(mode=0o700)
    names = []
    for cut in salvaged.cut:
        if cut.rest:
            names.append(rest_name(cut.session))
            content = "".join(f"{line}\n" for line in cut.rest).encode("utf-8", "replace")
            write_durably(staging / STAGED_FILES / names[-1], content)
    return names


def _nothing(damaged: Path) -> CherryError:
    return CherryError(
        storage.DAMAGED,
        "No session can be saved from the database",
        where=str(damaged),
        next_step="Restore a backup with `cherry data restore --replace`, or move the file away to begin anew. Nothing was changed.",
    )

"""Where a store comes from."""

from pathlib import Path

from cherry.kernel.clock import Clock
from cherry.storage.sqlite.store import SqliteStore
from cherry.storage.upkeep import KeptStore


def open_store(folder: Path, *, clock: Clock | None = None) -> KeptStore:
    """The store in Cherry's data folder (`HomeFolders.data`). Touches no file before it is first used."""
    return SqliteStore(folder, clock=clock)

"""Where this user's data lie, and looking after them: by `cherry data`, and quietly after a command when the settings bound them.

The modules behind are loaded when they are needed: most commands never do.
"""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cherry.client.data import Bounds, DataClient
from cherry.config.loader import Loaded
from cherry.config.sources import LayerKind
from cherry.domain.errors import CherryError
from cherry.kernel.clock import Clock
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.kernel.paths import HomeFolders
from cherry.observability.log import Log

TRUST_FILE = "trust.json"
APPROVALS_FILE = "approvals.json"
_SETTINGS_FILES = ("config.toml", "config.yaml", "config.yml")
_DAY = 86_400.0


def data_folder(folders: HomeFolders, loaded: Loaded) -> Path:
    folder = loaded.settings.storage.folder
    return Path(folder).expanduser() if folder else folders.data


def open_data(folders: HomeFolders, loaded: Loaded, *, clock: Clock) -> DataClient:
    """Opens nothing yet."""
    keeping: Any = import_module("cherry.app.data.keeping")
    folder = data_folder(folders, loaded)
    places = keeping.Places(data=folder, logs=folders.state / "logs", small=_small_files(folders, folder))
    data: DataClient = keeping.DataKeeping(places, environ=loaded.environ, bounds=bounds_of(loaded), clock=clock)
    return data


def bounds_of(loaded: Loaded) -> Bounds:
    """A project's settings never decide what happens to the sessions of other projects."""
    settings = loaded.settings.storage
    days = settings.keep_days if _is_users(loaded, "keep_days") else None
    return Bounds(
        max_age_seconds=None if days is None else days * _DAY,
        max_bytes=settings.max_bytes if _is_users(loaded, "max_bytes") else None,
    )


async def retain(folders: HomeFolders, loaded: Loaded, *, clock: Clock, log: Log) -> None:
    """Prune by the settings, at most once a day and only while nobody works on a session. Never raises: it is told in the log."""
    bounds = bounds_of(loaded)
    if bounds == Bounds():
        return
    quiet: Any = import_module("cherry.app.data.quiet")
    folder = data_folder(folders, loaded)
    try:
        pruned = await asyncio.to_thread(quiet.retain, folder, folders.state / "logs", bounds, now=clock.now())
    except (CherryError, DeadlineExceeded) as error:
        log.warning("retention.failed", error=error)
        return
    if pruned is not None:
        log.info("retention.done", **pruned._asdict())


def _is_users(loaded: Loaded, name: str) -> bool:
    return loaded.source("storage", name).layer is not LayerKind.PROJECT_FILE


def _small_files(folders: HomeFolders, data: Path) -> Mapping[str, Path]:
    return {
        **{f"config/{name}": folders.config / name for name in _SETTINGS_FILES},
        "data/trust.json": folders.data / TRUST_FILE,
        "data/approvals.json": data / APPROVALS_FILE,
        "state/chat_history": folders.state / "chat_history",
    }

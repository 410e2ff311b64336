"""Where Cherry keeps its things on this machine, after the XDG base directory specification.

`CHERRY_HOME` puts everything below one folder; tests and containers use it.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class HomeFolders(NamedTuple):
    config: Path
    """User configuration: `config.toml` or `config.yaml`."""
    data: Path
    """Sessions and what makes undo possible. Losing it loses history."""
    cache: Path
    """May be deleted at any time."""
    state: Path
    """Logs and prompt history."""


def home_folders(environ: Mapping[str, str]) -> HomeFolders:
    if root := environ.get("CHERRY_HOME"):
        base = Path(root).expanduser().absolute()
        return HomeFolders(base / "config", base / "data", base / "cache", base / "state")
    home = Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 — Path.home() raises without a home
    if sys.platform == "darwin":
        support = home / "Library" / "Application Support" / "cherry"
        return HomeFolders(support, support, home / "Library" / "Caches" / "cherry", support)
    return HomeFolders(
        _xdg(environ, "XDG_CONFIG_HOME", home / ".config"),
        _xdg(environ, "XDG_DATA_HOME", home / ".local" / "share"),
        _xdg(environ, "XDG_CACHE_HOME", home / ".cache"),
        _xdg(environ, "XDG_STATE_HOME", home / ".local" / "state"),
    )


def _xdg(environ: Mapping[str, str], name: str, fallback: Path) -> Path:
    value = environ.get(name, "")
    # The specification says a relative value is invalid and must be ignored.
    return (Path(value) if value.startswith("/") else fallback) / "cherry"

"""The files of a workspace a model may want to find: what git does not ignore, or, without git, everything but known clutter.

Follows no symbolic links, opens nothing, is bounded in number and time.
"""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError
from cherry.git.command import Git
from cherry.git.listing import list_files

CLUTTER = frozenset(
    {".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", ".venv", "venv", "__pycache__", ".mypy_cache"}
    | {".ruff_cache", ".pytest_cache", ".tox", ".nox", ".gradle", ".next", ".nuxt", ".terraform", ".cache", ".eggs"}
)
"""Folders of these names are passed over where git does not say what to ignore."""
MAX_FILES = 200_000
MAX_SECONDS = 10.0


class Files(NamedTuple):
    names: tuple[str, ...]
    """Relative to the workspace; may hold surrogates, may name files that are gone by now."""
    left_out: str
    """What was passed over, in words."""


async def workspace_files(git: Git, root: Path, below: str = ".", *, seconds: float = MAX_SECONDS) -> Files:
    """All files below a folder (or the one file) given relative to the workspace. `seconds`: how long a walk may take."""
    try:
        known = await list_files(git, below)
    except CherryError:  # no git, or it takes too long: walking works without it
        known = None
    if known is not None:
        return Files(known, "Files ignored by git are left out.")
    stop = threading.Event()
    try:
        return await asyncio.to_thread(walk, root, below, seconds, stop)
    finally:
        stop.set()  # a thread that nobody waits for any more would keep the process from ending


def walk(root: Path, below: str, seconds: float, stop: threading.Event) -> Files:
    start = root / below
    if not start.is_dir():
        return Files((os.path.normpath(below),), "")
    deadline = time.monotonic() + seconds
    found: list[str] = []
    passed_over: set[str] = set()
    prefix = "" if below == "." else f"{below}/"
    waiting = [(str(start), prefix)]
    while waiting:
        folder, prefix = waiting.pop()
        if len(found) > MAX_FILES or time.monotonic() > deadline or stop.is_set():
            return Files(tuple(found), f"Not everything was looked at: more than {MAX_FILES:,} files or {seconds:g} s.")
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name in CLUTTER:
                            passed_over.add(entry.name)
                        else:
                            waiting.append((entry.path, f"{prefix}{entry.name}/"))
                    elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                        found.append(prefix + entry.name)
        except OSError:  # not readable, or gone: what else is there still counts
            continue
    left_out = f"Left out: {', '.join(sorted(passed_over))}." if passed_over else ""
    return Files(tuple(found), left_out)

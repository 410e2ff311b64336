"""The other names of a file that has several (hard links), looked for within the workspace.

Replacing a file gives it a new body, so names that are not replaced with it would keep the old one. Names inside the workspace
are therefore changed together and stay one file; a name outside is never written through, and that is said.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from cherry.domain.errors import CherryError
from cherry.edits.files.state import FileState
from cherry.edits.ports import PathJail

_MOST_ENTRIES = 50_000
"""Names looked at; beyond that the others count as not found."""


def other_names(jail: PathJail, path: str, state: FileState) -> tuple[str, ...]:
    """Names besides `path` that may be written, sorted; as many as were found."""
    found: list[str] = []
    for looked_at, entry in enumerate(_entries(jail.root)):
        if looked_at >= _MOST_ENTRIES or len(found) >= state.links - 1:
            break
        if entry.inode() != state.inode:
            continue
        relative = os.path.relpath(entry.path, jail.root)
        if relative != path and _is_the_file(entry, state) and _may_be_written(jail, relative):
            found.append(relative)
    return tuple(sorted(found))


def _entries(root: Path) -> Iterator["os.DirEntry[str]"]:
    """Everything below the root but git's own folder, links not followed."""
    folders = [os.fspath(root)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git":
                            folders.append(entry.path)
                    else:
                        yield entry
        except OSError:  # a folder that cannot be read holds no name that could be written
            continue


def _is_the_file(entry: "os.DirEntry[str]", state: FileState) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (state.device, state.inode)


def _may_be_written(jail: PathJail, relative: str) -> bool:
    try:
        return jail.resolve(relative, for_write=True).relative == relative
    except CherryError:
        return False

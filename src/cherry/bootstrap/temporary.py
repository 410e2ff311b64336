"""Private temporary folders, named after the process they belong to, so that those of a killed Cherry can be told and cleared away."""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from cherry.storage.holders import holder_alive, holder_id

_PREFIX = "cherry-of-"
_COLON = "+"
"""In place of the colons of a holder: in lists of folders they would part one from the next."""


def make_private_folder() -> Path:
    """Readable by this user only; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{holder_id().replace(':', _COLON)}-"))


def remove_forgotten_folders() -> None:
    """Those of this user whose process on this machine is gone. What cannot be removed is left: nothing depends on it."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_forgotten(entry):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_forgotten(entry: "os.DirEntry[str]") -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    holder = entry.name.removeprefix(_PREFIX).rpartition("-")[0].replace(_COLON, ":")
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and holder_alive(holder) is False

"""Folders only their owner can read, and making sure that what was put into a folder is still there after a power loss."""

import errno
import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Create the folder and what is missing above it, mode 0700, durably. Folders that exist keep their mode. Raises OSError."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_private(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Does nothing where a folder may be written but not read, or its file system cannot sync folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)

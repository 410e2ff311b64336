"""Errors of the operating system as rows of the catalogue."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cherry.domain.errors import CherryError, ErrorKind, storage

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_LOW_BYTES = 256 * 1024


@contextmanager
def os_fault(where: Path, what: str) -> Iterator[None]:
    """Raises CherryError(storage.NO_SPACE, READ_ONLY, IO) for an OSError of the body."""
    try:
        yield
    except OSError as error:
        raise CherryError(os_kind(error), what, where=str(where), why=error.strerror or str(error)) from error


def os_kind(error: OSError) -> ErrorKind:
    if error.errno in _NO_SPACE:
        return storage.NO_SPACE
    return storage.READ_ONLY if error.errno in _READ_ONLY else storage.IO


def nearly_full(folder: Path) -> bool:
    """Whether so little is left on the disk that this is the likely cause of a failed write."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _LOW_BYTES

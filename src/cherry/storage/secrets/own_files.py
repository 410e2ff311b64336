"""The two files of the secret store on disk: read only when nobody else could have read or placed them, replaced durably."""

import errno
import os
import stat
from pathlib import Path

from cherry.domain.errors import CherryError, secrets
from cherry.security.private_files import write_private
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private, sync_folder

_LARGEST = 8_000_000
_NOT_READABLE = "The secret store cannot be read"
_NOT_WRITABLE = "The secret store cannot be written"


def read_own(file: Path) -> bytes | None:
    """None when there is none. Raises CherryError(secrets.EXPOSED, DAMAGED, storage.READ_ONLY, IO)."""
    with os_fault(file, _NOT_READABLE):
        try:
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise CherryError(secrets.EXPOSED, where=str(file), why="it is a link") from None
            raise
        with os.fdopen(handle, "rb") as stream:
            _check(file, os.fstat(handle))
            content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise CherryError(secrets.DAMAGED, where=str(file), why="it is too large")
    return content


def write_own(file: Path, content: bytes) -> None:
    """Replace it whole; on disk when this returns. Only under the lock of the store. Raises CherryError of `storage`."""
    with os_fault(file, _NOT_WRITABLE):
        make_private(file.parent)
        for left in file.parent.glob(f".{file.name}.*"):  # of a process that was killed
            left.unlink(missing_ok=True)
        write_private(file, content.decode("ascii"))
        sync_folder(file.parent)


def remove_own(file: Path) -> None:
    with os_fault(file, _NOT_WRITABLE):
        file.unlink(missing_ok=True)
        sync_folder(file.parent)


def _check(file: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise CherryError(secrets.DAMAGED, where=str(file), why="it is not a file")
    if facts.st_uid not in (os.geteuid(), 0):
        raise CherryError(secrets.EXPOSED, where=str(file), why="it belongs to somebody else")
    if facts.st_mode & 0o077:
        raise CherryError(secrets.EXPOSED, where=str(file), why=f"its mode is {stat.S_IMODE(facts.st_mode):o}")

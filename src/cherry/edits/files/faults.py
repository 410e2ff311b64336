"""What the operating system answers, as errors of the catalogue."""

import errno

from cherry.domain.errors import CherryError, edits

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MOVED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR)


def as_cherry_error(error: OSError, where: str, *, undone: bool = True) -> CherryError:
    """`undone`: nothing of the change set is left."""
    why = error.strerror or str(error)
    if not undone:
        why += "; what was already written could not be taken back yet, the next start tries again"
    if error.errno in _FULL:
        return CherryError(edits.NO_SPACE, "" if undone else "The disk is full", where=where, why=why)
    if error.errno in _MOVED:
        return CherryError(edits.STALE, "Something was moved or made there meanwhile", where=where, why=why)
    return CherryError(edits.UNWRITABLE, where=where, why=why)

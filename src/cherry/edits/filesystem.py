"""Every system call a change set makes, one method each: the seam at which tests let the disk fail or the process die.

Names are single components relative to an open folder, so nothing here ever follows a path through a link that was swapped in.
Decides nothing and catches nothing.
"""

import ctypes
import errno
import os
import sys
import threading
from collections.abc import Callable
from functools import cache

NOT_SUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a file system answers that cannot exchange two names or rename without replacing."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HAS_ATTRIBUTES = sys.platform == "linux"
_EXCHANGE = 2
_NO_REPLACE = 1 if sys.platform == "linux" else 4


class Filesystem:
    """The machine's own. All methods raise OSError."""

    def open_root(self, path: str) -> int:
        """The one call that takes a whole path: the workspace or the state folder, both trusted."""
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_folder(self, folder: int, name: str) -> int:
        return os.open(name, _FOLDER, dir_fd=folder)

    def open_file(self, folder: int, name: str) -> int:
        """For reading; never blocks on a pipe, never follows a link."""
        return os.open(name, _READ, dir_fd=folder)

    def create_file(self, folder: int, name: str, mode: int) -> int:
        """A new file for writing and reading back."""
        return os.open(name, _NEW_FILE, mode, dir_fd=folder)

    def create_link(self, folder: int, name: str, text: bytes) -> None:
        """A symbolic link."""
        os.symlink(text, os.fsencode(name), dir_fd=folder)

    def close(self, handle: int) -> None:
        os.close(handle)

    def stat(self, folder: int, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def stat_handle(self, handle: int) -> os.stat_result:
        return os.fstat(handle)

    def read_link(self, folder: int, name: str) -> bytes:
        return os.fsencode(os.readlink(name, dir_fd=folder))

    def read(self, handle: int, count: int) -> bytes:
        return os.read(handle, count)

    def read_at(self, handle: int, count: int, offset: int) -> bytes:
        return os.pread(handle, count, offset)

    def write(self, handle: int, data: bytes | memoryview) -> int:
        return os.write(handle, data)

    def skip(self, handle: int, count: int) -> None:
        """Leave a hole."""
        os.lseek(handle, count, os.SEEK_CUR)

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def set_mode(self, handle: int, mode: int) -> None:
        os.fchmod(handle, mode)

    def set_owner(self, handle: int, user: int, group: int) -> None:
        os.fchown(handle, user, group)

    def attributes(self, handle: int) -> list[str]:
        return os.listxattr(handle) if _HAS_ATTRIBUTES else []

    def attribute(self, handle: int, name: str) -> bytes:
        return os.getxattr(handle, name) if _HAS_ATTRIBUTES else b""

    def set_attribute(self, handle: int, name: str, value: bytes) -> None:
        if _HAS_ATTRIBUTES:
            os.setxattr(handle, name, value)

    def start_writing_out(self, handle: int) -> None:
        """Ask the kernel to begin; many files begun together are synced together."""
        if sys.platform == "linux":
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def exchange(self, folder: int, first: str, second: str) -> None:
        """Swap what two names of one folder stand for, in one step. Raises OSError(ENOSYS) where that is not possible."""
        _rename_with(_EXCHANGE, folder, first, folder, second)

    def rename(self, folder: int, old: str, to_folder: int, new: str) -> None:
        """Replaces `new`."""
        os.replace(old, new, src_dir_fd=folder, dst_dir_fd=to_folder)

    def rename_new(self, folder: int, old: str, to_folder: int, new: str) -> None:
        """Raises FileExistsError where `new` is there already, OSError(ENOSYS) where that is not possible in one step."""
        _rename_with(_NO_REPLACE, folder, old, to_folder, new)

    def link(self, folder: int, old: str, to_folder: int, new: str) -> None:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=to_folder, follow_symlinks=False)

    def unlink(self, folder: int, name: str) -> None:
        os.unlink(name, dir_fd=folder)

    def make_folder(self, folder: int, name: str) -> None:
        os.mkdir(name, dir_fd=folder)

    def remove_folder(self, folder: int, name: str) -> None:
        os.rmdir(name, dir_fd=folder)

    def names(self, folder: int) -> list[str]:
        return os.listdir(folder)


class Stoppable(Filesystem):
    """Another file system, except that reading raises InterruptedError once `stop` is set: a large file takes many reads."""

    def __init__(self, inner: Filesystem, stop: threading.Event) -> None:
        self._stop = stop
        vars(self).update({name: getattr(inner, name) for name in vars(Filesystem) if not name.startswith("_")})
        vars(self).update(read=self._unless_stopped(inner.read), read_at=self._unless_stopped(inner.read_at))

    def _unless_stopped(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        def reading(*arguments: int) -> bytes:
            if self._stop.is_set():
                raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
            return read(*arguments)

        return reading


def _rename_with(flag: int, folder: int, old: str, to_folder: int, new: str) -> None:
    call = _renameat2()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), old, None, new)
    if call(folder, os.fsencode(old), to_folder, os.fsencode(new), flag) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), old, None, new)


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """`renameat2` of Linux or `renameatx_np` of macOS: Python's own `os` has neither."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.renameat2 if sys.platform == "linux" else library.renameatx_np
    except AttributeError:  # an old C library
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int

    def rename(folder: int, old: bytes, to_folder: int, new: bytes, flag: int) -> int:
        return int(call(folder, old, to_folder, new, flag))

    return rename

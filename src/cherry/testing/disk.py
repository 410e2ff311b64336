"""A disk that fails, or a process that dies, at a chosen system call of a change set.

`FaultyFilesystem` stands before the real one and counts every call. At the numbers it is told it raises instead of calling, or
after having called: a kill may come just before or just after the kernel did its work.
"""

import errno
import os
from collections.abc import Callable, Collection
from typing import Any

from cherry.edits.filesystem import Filesystem

__all__ = ["FaultyFilesystem", "Killed", "PlainFilesystem"]

_CLEANING = frozenset({"close"})
"""Calls the kernel makes for a dead process too."""


class Killed(BaseException):
    """The process is gone: nothing after this ran. Not an `Exception`, so that nothing takes it for an error."""


class FaultyFilesystem(Filesystem):
    """The real file system, failing at the calls numbered in `at` (from 1).

    `error`: an errno to raise, or None to die. `after`: the call is made first. `only`: count just these methods.
    `onwards`: once it failed it goes on failing (a dead process, a disk that stays full); always so for a death.
    `meanwhile`: instead of failing, this is done just before the call, as if somebody else did it in that moment.
    """

    def __init__(
        self,
        at: Collection[int] = (),
        *,
        error: int | None = None,
        after: bool = False,
        onwards: bool = False,
        only: Collection[str] = (),
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self.calls: list[str] = []
        """Names of the calls made so far, the failed ones too."""
        self._at = frozenset(at)
        self._error = error
        self._after = after
        self._onwards = onwards or error is None
        self._only = frozenset(only)
        self._meanwhile = meanwhile
        self._failing = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name == "calls" or name in _CLEANING or not callable(found):
            return found
        return lambda *arguments: self._call(name, found, *arguments)

    def _call(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        if self._only and name not in self._only:
            return call(*arguments)
        if self._failing and self._onwards:
            raise self._fault()
        self.calls.append(name)
        if len(self.calls) not in self._at:
            return call(*arguments)
        if self._meanwhile is not None:
            self._meanwhile()
            return call(*arguments)
        self._failing = True
        if self._after:
            call(*arguments)
        raise self._fault()

    def _fault(self) -> BaseException:
        return Killed() if self._error is None else OSError(self._error, os.strerror(self._error))


class PlainFilesystem(Filesystem):
    """A file system that can neither exchange two names nor rename without replacing, as some network ones."""

    def exchange(self, folder: int, first: str, second: str) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def rename_new(self, folder: int, old: str, to_folder: int, new: str) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

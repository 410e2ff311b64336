"""Carrying out one step of a journal and taking it back, each in as few system calls as the file system allows.

Whether a step has happened is read off the disk: the content at `beside` is the new one before and the old one after. So
taking back after a failure and recovery after a kill are the same code. What somebody else put there meanwhile is never
overwritten: it is put back, or left where it is and reported.
"""

import errno
import os
from contextlib import suppress
from typing import Literal

from cherry.domain.errors import CherryError, edits
from cherry.edits.files.folders import Entry, Folders, split
from cherry.edits.files.state import FileState, read_entry
from cherry.edits.filesystem import NOT_SUPPORTED, Filesystem
from cherry.edits.writing.journal import Step

Undone = Literal["untouched", "taken back", "changed since"]

_NO_LINKS = (*NOT_SUPPORTED, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV)
_NO_SUCH_NAME = (errno.ENOENT, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""There is nothing of that name, or the file system can have no such name."""


class Steps:
    """Acts on the workspace through its open folders. Methods raise OSError, and CherryError(edits.STALE) where said."""

    def __init__(self, filesystem: Filesystem, folders: Folders, limit: int) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._limit = limit

    def do(self, step: Step) -> None:
        """Raises STALE when something else stood there than was checked; the step can then be taken back."""
        entry = self._folders.entry(step.path)
        match step.do:
            case "replace":
                self._replace(entry, step)
                self._expect(self._kept(entry, step), step.before, step.path)
            case "create":
                self._rename_new(Entry(entry.folder, step.beside), entry, step.path)
            case "remove":
                self._filesystem.rename(*entry, entry.folder, step.beside)
                self._expect(Entry(entry.folder, step.beside), step.before, step.path)
            case "move":
                to = self._folders.entry(step.to)
                if self._one_name_in_two_cases(entry, to, step):
                    self._filesystem.rename(*entry, *to)
                else:
                    self._rename_new(entry, to, step.to)
                self._expect(to, step.before, step.path)
            case "mode":
                self._set_mode(entry, step.mode_after)

    def take_back(self, step: Step) -> Undone:
        """Make it as if the step had not been done; safe to repeat."""
        try:
            return self._take_back(self._folders.entry(step.path), step)
        except FileNotFoundError:  # its folder was never made, or somebody removed it
            return "untouched"
        except CherryError:  # something else stands there now
            return "changed since"
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            return "changed since"  # the folder is another thing now

    def _take_back(self, entry: Entry, step: Step) -> Undone:
        match step.do:
            case "replace":
                return self._take_back_replace(entry, step)
            case "create":
                return self._take_back_create(entry, step)
            case "remove":
                return self._take_back_remove(entry, step)
            case "move":
                return self._take_back_move(entry, step)
            case "mode":
                state = self._state(entry)
                if state is None or state.recorded_mode != step.mode_after:
                    return "untouched"
                self._set_mode(entry, step.mode_before)
                return "taken back"

    def drop_leftovers(self, step: Step) -> None:
        """Remove what stands beside the path, old content or unused new one."""
        if not step.beside:
            return
        try:
            folder = self._folders.handle(split(step.path)[0])
        except FileNotFoundError:
            return
        for name in (step.beside, _second(step.beside)):
            self._unlink_if_there(Entry(folder, name))

    def _replace(self, entry: Entry, step: Step) -> None:
        try:
            self._filesystem.exchange(entry.folder, step.beside, entry.name)
        except OSError as error:
            if error.errno not in NOT_SUPPORTED:
                raise
            self._keep_old(entry, step)
            self._filesystem.rename(entry.folder, step.beside, *entry)

    def _keep_old(self, entry: Entry, step: Step) -> None:
        """A second name for the old file where two names cannot be exchanged."""
        try:
            self._filesystem.link(*entry, entry.folder, _second(step.beside))
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            why = "this file system can neither exchange two files nor link them, so nothing could be taken back"
            raise CherryError(edits.UNWRITABLE, where=step.path, why=why) from error

    def _kept(self, entry: Entry, step: Step) -> Entry:
        """Where the old content is after a replacement."""
        second = Entry(entry.folder, _second(step.beside))
        return second if self._exists(second) else Entry(entry.folder, step.beside)

    def _rename_new(self, old: Entry, new: Entry, path: str) -> None:
        try:
            try:
                self._filesystem.rename_new(*old, *new)
            except OSError as error:
                if error.errno not in NOT_SUPPORTED:
                    raise
                self._filesystem.link(*old, *new)
                self._filesystem.unlink(*old)
        except FileExistsError:
            raise CherryError(edits.STALE, "Something of that name was made meanwhile", where=path) from None

    def _expect(self, entry: Entry, digest: str, path: str) -> None:
        if self._digest(entry) != digest:
            raise CherryError(
                edits.STALE, "The file changed in the moment it was written; that change is kept", where=path
            )

    def _take_back_replace(self, entry: Entry, step: Step) -> Undone:
        beside, second = Entry(entry.folder, step.beside), Entry(entry.folder, _second(step.beside))
        if self._exists(second):
            if self._exists(beside):  # linked, not replaced yet
                self._unlink_if_there(second)
                self._filesystem.unlink(*beside)
                return "untouched"
            beside = second
        kept = self._digest(beside)
        if kept == "":
            return "untouched"
        if kept == step.after:
            self._filesystem.unlink(*beside)
            return "untouched"
        if self._digest(entry) != step.after:
            self._filesystem.unlink(*beside)
            return "changed since"
        self._filesystem.rename(*beside, *entry)
        return "taken back"

    def _take_back_create(self, entry: Entry, step: Step) -> Undone:
        beside = Entry(entry.folder, step.beside)
        if self._exists(beside):
            if self._same_file(beside, entry):  # linked, the first name not yet removed
                self._filesystem.unlink(*entry)
            self._filesystem.unlink(*beside)
            return "untouched"
        digest = self._digest(entry)
        if digest == step.after:
            self._filesystem.unlink(*entry)
            return "taken back"
        return "untouched" if digest == "" else "changed since"

    def _take_back_remove(self, entry: Entry, step: Step) -> Undone:
        beside = Entry(entry.folder, step.beside)
        if not self._exists(beside):
            return "untouched"
        if self._exists(entry) and not self._same_file(beside, entry):
            self._filesystem.unlink(*beside)
            return "changed since"
        self._filesystem.rename(*beside, *entry)
        self._unlink_if_there(beside)
        return "taken back"

    def _take_back_move(self, entry: Entry, step: Step) -> Undone:
        try:
            to = self._folders.entry(step.to)
        except FileNotFoundError:
            return "untouched"
        if self._exists_as_named(entry, step):
            if self._same_file(entry, to) and self._exists_as_named(to, step):
                self._filesystem.unlink(*to)  # linked, the first name not yet removed
            return "untouched"
        if not self._exists_as_named(to, step):
            return "changed since"
        if self._one_name_in_two_cases(to, entry, step):
            self._filesystem.rename(*to, *entry)
        else:
            self._rename_new(to, entry, step.path)
        return "taken back"

    def _set_mode(self, entry: Entry, mode: int) -> None:
        handle = self._filesystem.open_file(*entry)
        try:
            self._filesystem.set_mode(handle, mode)
            self._filesystem.sync(handle)
        finally:
            self._filesystem.close(handle)

    def _state(self, entry: Entry) -> FileState | None:
        return read_entry(self._filesystem, entry, limit=self._limit)

    def _digest(self, entry: Entry) -> str:
        """Empty when there is nothing; something that is no file has a hash no file has."""
        try:
            state = self._state(entry)
        except CherryError:
            return "not a file"
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise
            return ""
        return state.digest if state else ""

    def _stat(self, entry: Entry) -> os.stat_result | None:
        try:
            return self._filesystem.stat(*entry)
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise
            return None

    def _exists(self, entry: Entry) -> bool:
        return self._stat(entry) is not None

    def _exists_as_named(self, entry: Entry, step: Step) -> bool:
        """In just these letters, where a move only changes their case and the file system may tell no cases apart."""
        if step.path.casefold() != step.to.casefold():
            return self._exists(entry)
        return entry.name in self._filesystem.names(entry.folder)

    def _same_file(self, one: Entry, two: Entry) -> bool:
        first, second = self._stat(one), self._stat(two)
        return (
            first is not None and second is not None and (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
        )

    def _one_name_in_two_cases(self, entry: Entry, to: Entry, step: Step) -> bool:
        return step.path.casefold() == step.to.casefold() and self._same_file(entry, to)

    def _unlink_if_there(self, entry: Entry) -> None:
        with suppress(FileNotFoundError):
            self._filesystem.unlink(*entry)


def _second(beside: str) -> str:
    return beside + "~"

"""Writing new contents beside the files they shall replace: complete, with the old owner, mode and attributes, and on disk."""

import errno
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cherry.domain.errors import CherryError, edits
from cherry.edits.files.contents import CHUNK, Held, Stored, chunks, digest_of, nothing_to_read
from cherry.edits.files.folders import Bases, Entry, Folders
from cherry.edits.files.state import FileState, with_executable
from cherry.edits.filesystem import NOT_SUPPORTED, Filesystem
from cherry.edits.planning.plan import PlannedFile
from cherry.edits.writing.journal import Step

_TOGETHER = 64
"""Files written before they are synced: begun together they cost little more than one."""
_BLOCK = 4096
_ZEROS = bytes(CHUNK)
_NOT_ALLOWED = (errno.EPERM, errno.EACCES, *NOT_SUPPORTED, errno.ENODATA)
_NEVER_COPIED = ("security.capability",)
"""Rights given to a certain content; the kernel itself drops them when a file is written."""


class Work(NamedTuple):
    """A new content to lay down."""

    step: Step
    file: PlannedFile
    like: FileState | None
    """Whose owner, mode, attributes and holes it takes."""
    source: str
    """Where that file is; empty when it is not there as a file."""
    same_as: Step | None = None
    """The step whose new content this is another name of (hard links)."""


class Temporaries:
    """Lays new contents down. Methods raise OSError, CherryError(edits.STALE)."""

    def __init__(self, filesystem: Filesystem, folders: Folders, bases: Bases) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._bases = bases
        self.modes: dict[str, int] = {}
        """Path → permissions each file ended up with."""

    def write(self, works: Iterable[Work]) -> None:
        pending: list[int] = []
        try:
            for work in works:
                if (handle := self._one(work)) is not None:
                    pending.append(handle)
                if len(pending) >= _TOGETHER:
                    self._settle(pending)
            self._settle(pending)
        finally:
            for handle in pending:
                self._filesystem.close(handle)

    def _settle(self, pending: list[int]) -> None:
        for handle in pending:
            self._filesystem.start_writing_out(handle)
        for handle in pending:
            self._filesystem.sync(handle)
        while pending:
            self._filesystem.close(pending.pop())

    def _one(self, work: Work) -> int | None:
        entry = Entry(self._folders.entry(work.step.path).folder, work.step.beside)
        if work.same_as is not None:
            self._another_name(entry, work, work.same_as)
            return None
        mode = work.file.mode
        if isinstance(work.file.after, Held) and mode is not None and mode > 0o7777:
            self._filesystem.create_link(*entry, work.file.after.data)
            self.modes[work.file.path] = mode
            return None
        handle = self._filesystem.create_file(*entry, 0o666 if work.like is None and mode is None else 0o600)
        try:
            self._fill(handle, work)
            if work.like is not None:
                self._take_after(handle, work.like, work.source)
            self.modes[work.file.path] = self._give_mode(handle, work)
        except BaseException:  # the descriptor alone: what is on disk is for the roll back
            self._filesystem.close(handle)
            raise
        return handle

    def _another_name(self, entry: Entry, work: Work, same_as: Step) -> None:
        self._filesystem.link(self._folders.entry(same_as.path).folder, same_as.beside, *entry)
        self.modes[work.file.path] = self.modes[same_as.path]

    def _fill(self, handle: int, work: Work) -> None:
        content = work.file.after
        assert content is not None
        assert not isinstance(content, Stored)  # laid out in a file before the commit
        read = nothing_to_read if isinstance(content, Held) else self._bases.reader(content.base)
        sparse = work.like is not None and work.like.sparse
        digest = digest_of(self._passed_on(handle, chunks(content, read), sparse))
        if sparse:
            self._filesystem.truncate(handle, content.size)
        if digest != work.file.after_digest:
            raise CherryError(edits.STALE, where=work.file.path)

    def _passed_on(self, handle: int, blocks: Iterable[bytes], sparse: bool) -> Iterator[bytes]:
        """Writes each block and hands it on."""
        for block in blocks:
            if sparse:
                self._write_around_holes(handle, block)
            else:
                self._write(handle, memoryview(block))
            yield block

    def _write_around_holes(self, handle: int, block: bytes) -> None:
        if block == _ZEROS[: len(block)]:
            self._filesystem.skip(handle, len(block))
            return
        view = memoryview(block)
        for start in range(0, len(block), _BLOCK):
            part = view[start : start + _BLOCK]
            if part == _ZEROS[: len(part)]:
                self._filesystem.skip(handle, len(part))
            else:
                self._write(handle, part)

    def _write(self, handle: int, rest: memoryview) -> None:
        while rest:
            rest = rest[self._filesystem.write(handle, rest) :]

    def _take_after(self, handle: int, like: FileState, source: str) -> None:
        """Owner before mode: changing the owner takes set-user-id away."""
        now = self._filesystem.stat_handle(handle)
        for user, group in ((like.user, like.group), (-1, like.group)):
            if (now.st_uid if user == -1 else user, group) == (now.st_uid, now.st_gid):
                break
            try:
                self._filesystem.set_owner(handle, user, group)
                break
            except OSError as error:
                if error.errno not in _NOT_ALLOWED:
                    raise
        if source:
            self._copy_attributes(handle, source)

    def _copy_attributes(self, handle: int, source: str) -> None:
        original = self._filesystem.open_file(*self._folders.entry(source))
        try:
            for name in self._filesystem.attributes(original):
                if name in _NEVER_COPIED:
                    continue
                try:
                    self._filesystem.set_attribute(handle, name, self._filesystem.attribute(original, name))
                except OSError as error:
                    if error.errno not in _NOT_ALLOWED:
                        raise
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
        finally:
            self._filesystem.close(original)

    def _give_mode(self, handle: int, work: Work) -> int:
        """Permissions as planned, else as the file had, else as the system gives a new file."""
        made = stat.S_IMODE(self._filesystem.stat_handle(handle).st_mode)
        wanted = work.file.mode if work.file.mode is not None else made
        if work.file.mode is None and work.like is not None:
            wanted = stat.S_IMODE(work.like.mode)
        elif work.file.mode is None and work.file.executable is not None:
            wanted = with_executable(made, work.file.executable)
        if wanted != made:
            self._filesystem.set_mode(handle, wanted)
        return wanted

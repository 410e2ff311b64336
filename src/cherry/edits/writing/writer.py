"""Writing a change set: all of it or nothing, whatever happens between two system calls.

Order: journal · folders · new contents beside the old ones, on disk · names change one by one · folders on disk · everything
read back · leftovers removed · journal gone. A failure takes back what was done; a kill leaves the journal for `recovery`.
The workspace lock is held by the caller. Blocking; used in a thread.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cherry.domain.errors import CherryError, edits
from cherry.domain.events import FileChange
from cherry.edits.files.faults import as_cherry_error
from cherry.edits.files.folders import Bases, Folders, parents, split
from cherry.edits.files.state import FileState, read_state
from cherry.edits.filesystem import Filesystem
from cherry.edits.planning.difference import changed_since
from cherry.edits.planning.plan import PlannedFile
from cherry.edits.writing.journal import Journal, Record, Step
from cherry.edits.writing.recovery import clean_up, take_back_all
from cherry.edits.writing.steps import Steps
from cherry.edits.writing.temporary import Temporaries, Work

_ORDER = ("move", "remove", "replace", "create", "mode")


class Written(NamedTuple):
    """What a commit did to one file."""

    file: PlannedFile
    mode_before: int | None
    mode_after: int | None
    made_folders: tuple[str, ...]

    def change(self, large: str) -> FileChange:
        """`large`: name of the blob with the record of a large file."""
        return FileChange(
            path=self.file.path,
            before=self.file.before_digest,
            after=self.file.after_digest,
            mode_before=self.mode_before,
            mode_after=self.mode_after,
            renamed_from=self.file.renamed_from,
            made_folders=self.made_folders,
            large=large,
        )


class Writer:
    """One commit."""

    def __init__(
        self, filesystem: Filesystem, folders: Folders, journal: Journal, *, limit: int, stop: threading.Event
    ) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._journal = journal
        self._limit = limit
        self._stop = stop
        self._steps = Steps(filesystem, folders, limit)

    def write(self, files: Sequence[PlannedFile], change_id: str) -> list[Written]:
        """Raises CherryError(edits.STALE, NO_SPACE, UNWRITABLE) with everything as it was."""
        now = {file.path: self._check(file) for file in files}
        token = secrets.token_hex(4)
        works = [
            work
            for index, file in enumerate(files)
            for work in _works(file, now[file.path], f".cherry-{token}-{index}")
        ]
        works = _linked(sorted(works, key=lambda work: _ORDER.index(work.step.do)))
        makes = self._missing_folders(files)
        empties = sorted({folder for file in files for folder in file.empties}, key=lambda folder: -folder.count("/"))
        record = Record(change_id, tuple(work.step for work in works), tuple(makes), tuple(empties))
        modes = self._all_or_nothing(record, works)
        clean_up(self._filesystem, self._folders, self._steps, self._journal, record)
        return [_written(file, now[file.path], modes.get(file.path), makes) for file in files]

    def _all_or_nothing(self, record: Record, works: Sequence[Work]) -> dict[str, int]:
        durable = len(record.steps) + len(record.makes) > 1
        placing = False
        try:
            self._journal.begin(record, durable=durable)
            self._make_folders(record.makes)
            with Bases(self._filesystem, self._folders) as bases:
                temporaries = Temporaries(self._filesystem, self._folders, bases)
                temporaries.write(work for work in works if work.step.do in ("replace", "create"))
            if self._stop.is_set():
                raise CherryError(edits.LOCKED, "Stopped before anything was changed")
            placing = True
            self._journal.advance("placing", durable=durable)
            for step in record.steps:
                self._steps.do(step)
            self._sync_folders(record)
            self._verify(works, temporaries.modes)
            self._journal.advance("done", durable=False)
        except Exception as error:  # whatever it was, half a change set must not stay
            undone = take_back_all(self._filesystem, self._folders, self._steps, self._journal, record, placing=placing)
            raise _told(error, record, undone=undone is not None) from error
        return temporaries.modes

    def _check(self, file: PlannedFile) -> FileState | None:
        """What is there right now, which must be what was planned on."""
        state = read_state(self._filesystem, self._folders, file.source, limit=self._limit)
        if (state.digest if state else "") != file.before_digest:
            raise _stale(file, state)
        if state is not None and file.before is not None and state.is_link != file.before.is_link:
            raise CherryError(edits.STALE, where=file.source)
        if file.renamed_from:
            taken = read_state(self._filesystem, self._folders, file.path, limit=self._limit)
            if taken is not None and state is not None and (taken.device, taken.inode) != (state.device, state.inode):
                raise CherryError(edits.STALE, "Something of that name was made meanwhile", where=file.path)
        return state

    def _missing_folders(self, files: Iterable[PlannedFile]) -> list[str]:
        missing: dict[str, None] = {}
        for file in files:
            if file.after is None or (file.before is not None and not file.renamed_from):
                continue
            for folder in parents(file.path):
                if folder not in missing and not self._is_folder(folder):
                    missing[folder] = None
        return list(missing)

    def _is_folder(self, folder: str) -> bool:
        try:
            self._folders.handle(folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise as_cherry_error(error, folder) from error
        return True

    def _make_folders(self, makes: Iterable[str]) -> None:
        for folder in makes:
            above, name = split(folder)
            self._filesystem.make_folder(self._folders.handle(above), name)

    def _sync_folders(self, record: Record) -> None:
        touched = {split(path)[0] for step in record.steps for path in (step.path, step.to) if path}
        for folder in sorted(touched | {split(made)[0] for made in record.makes}):
            self._filesystem.sync(self._folders.handle(folder))

    def _verify(self, works: Iterable[Work], modes: dict[str, int]) -> None:
        for path, file in {work.file.path: work.file for work in works}.items():
            state = read_state(self._filesystem, self._folders, path, limit=self._limit)
            if (state.digest if state else "") != file.after_digest:
                raise CherryError(
                    edits.STALE, "The file changed in the moment it was written; that change is kept", where=path
                )
            wanted = modes.get(path, file.mode)
            if state is not None and wanted is not None and state.recorded_mode != wanted:
                raise CherryError(edits.UNWRITABLE, "The file did not take its permissions", where=path)


def _works(file: PlannedFile, now: FileState | None, beside: str) -> Iterator[Work]:
    """The steps that turn what is there into what is planned."""
    like = now if now is not None and not now.is_link else file.like
    source = file.source if now is not None and not now.is_link else ""
    if now is None:
        yield Work(Step("create", file.path, beside, after=file.after_digest), file, like, source)
        return
    if file.after is None:
        yield Work(Step("remove", file.path, beside, before=now.digest), file, None, "")
        return
    if file.renamed_from:
        yield Work(Step("move", file.renamed_from, to=file.path, before=now.digest), file, None, "")
    if file.content_changes:
        yield Work(Step("replace", file.path, beside, before=now.digest, after=file.after_digest), file, like, source)
    elif file.mode is not None and file.mode != now.recorded_mode:
        step = Step("mode", file.path, mode_before=now.recorded_mode, mode_after=file.mode)
        yield Work(step, file, None, "")


def _linked(works: Iterable[Work]) -> list[Work]:
    """Names of one file that get the same new content stay one file."""
    first: dict[tuple[int, int, str], Step] = {}
    result = []
    for work in works:
        if work.step.do == "replace" and work.like is not None and work.like.links > 1:
            same_as = first.setdefault((work.like.device, work.like.inode, work.step.after), work.step)
            if same_as is not work.step:
                work = work._replace(same_as=same_as)
        result.append(work)
    return result


def _written(file: PlannedFile, now: FileState | None, mode: int | None, makes: Sequence[str]) -> Written:
    before = now.recorded_mode if now else None
    if file.after is None:
        after = None
    elif mode is not None:
        after = mode
    else:
        after = file.mode if file.mode is not None else before
    above = set(parents(file.path)) if file.after is not None else set()
    return Written(file, before, after, tuple(folder for folder in makes if folder in above))


def _stale(file: PlannedFile, now: FileState | None) -> CherryError:
    if now is None:
        return CherryError(edits.STALE, "The file is gone since it was read", where=file.source)
    if file.before is None:
        return CherryError(edits.STALE, "A file of that name was made meanwhile", where=file.source)
    return CherryError(edits.STALE, where=file.source, why=changed_since(file.before.data, now.data))


def _told(error: Exception, record: Record, *, undone: bool) -> Exception:
    if isinstance(error, OSError):
        return as_cherry_error(error, _concerned(error, record), undone=undone)
    if isinstance(error, CherryError) and not undone:
        why = f"{error.why}; what was already written could not be taken back yet, the next start tries again"
        return CherryError(error.kind, error.what, where=error.where, why=why.lstrip("; "))
    return error


def _concerned(error: OSError, record: Record) -> str:
    """The path of a person's file for the bare name the system call was about."""
    name = str(error.filename or "").rstrip("~")
    for step in record.steps:
        if len(record.steps) == 1 or name in (step.beside, split(step.path)[1], split(step.to)[1]):
            return step.path
    return name

"""The one way Cherry changes files: plan, commit, recover, take back. Everything else in this room serves these.

Boundary: knows files, not sessions or git; who may do what was decided before. Blocking work runs in one thread per call, and
that thread is always waited for: when a call is cancelled, its change set is either complete or taken back.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

from cherry.domain.errors import CherryError, edits, storage
from cherry.domain.events import FileChange
from cherry.domain.views import DiffView
from cherry.edits.edit import Edit
from cherry.edits.files.faults import as_cherry_error
from cherry.edits.files.folders import Folders
from cherry.edits.files.state import WHOLE_LIMIT, FileState, other_cases, read_state
from cherry.edits.filesystem import Filesystem, Stoppable
from cherry.edits.planning.difference import changed_since
from cherry.edits.planning.locating import check_recorded
from cherry.edits.planning.plan import Plan, PlannedFile, Revert, expectations, with_mode
from cherry.edits.planning.planner import Drawn, Planner, StaleWriteError
from cherry.edits.planning.presenting import present, view_of
from cherry.edits.ports import ContentStore, PathJail
from cherry.edits.undoing.history import net_diff
from cherry.edits.undoing.merge import merged
from cherry.edits.undoing.reverter import Reverter, in_order
from cherry.edits.writing.journal import Journal
from cherry.edits.writing.keeping import Keeper
from cherry.edits.writing.locks import workspace_lock
from cherry.edits.writing.recovery import recover
from cherry.edits.writing.writer import Writer, Written
from cherry.kernel.clock import Clock, SystemClock

T = TypeVar("T")
Reconciled = Literal["applied", "not_applied", "mixed"]


class Editor:
    """Changes the files of one workspace."""

    def __init__(
        self,
        jail: PathJail,
        blobs: ContentStore,
        state_folder: Path,
        *,
        filesystem: Filesystem | None = None,
        whole_limit: int = WHOLE_LIMIT,
        lock_seconds: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """`state_folder`: Cherry's own folder for this workspace (lock, journal), outside of it; made when needed.

        `whole_limit`: bytes above which a file is streamed. `lock_seconds`: how long another Cherry's commit is waited for.
        """
        self._jail = jail
        self._store = blobs
        self._state_folder = state_folder
        self._filesystem = filesystem or Filesystem()
        self._limit = whole_limit
        self._lock_seconds = lock_seconds
        self._clock = clock or SystemClock()
        self._keeper = Keeper(blobs, self._filesystem, jail.root, state_folder)
        self._told: list[str] = []

    async def plan(self, wanted: Sequence[Edit], *, known: Mapping[str, str] | None = None) -> Plan:
        """What the edits would do, in order, each seeing what those before it left. Writes nothing.

        `known`: path → hash of the content the model last saw; a `Write` over a file needs it, a `Replace` does not.
        Raises CherryError: edits.NOT_FOUND, AMBIGUOUS, ALREADY_APPLIED, NO_CHANGE, STALE, EXISTS, ENCODING, UNWRITABLE,
        OMISSION; tools.NO_SUCH_PATH, NOT_A_FILE, NOT_A_FOLDER, BINARY, UNREADABLE, OUTSIDE_WORKSPACE, PROTECTED_PATH.
        """
        try:
            return await self._in_thread(lambda stop: self._plan(wanted, known or {}, stop))
        except StaleWriteError as error:
            raise await self._stale(error) from None

    async def commit(self, plan: Plan, *, change_id: str) -> tuple[FileChange, ...]:
        """Write all of it or nothing.

        Raises CherryError: edits.STALE when a file is not what was planned on (plan again), LOCKED, NO_SPACE, UNWRITABLE,
        and what the store raises; in each case the workspace is as before.
        """
        files = await self._keeper.lay_out(plan.files)
        try:
            kept = await self._keeper.keep(files)
            written = await self._in_thread(lambda stop: self._write(files, change_id, stop))
        finally:
            self._keeper.tidy(files)
        return tuple(one.change(kept.get(one.file.path, "")) for one in written)

    async def recover(self) -> tuple[str, ...]:
        """Finish or take back what a kill interrupted. Sentences saying what was done; none when there was nothing.

        Raises CherryError(edits.LOCKED, UNWRITABLE).
        """
        await self._in_thread(self._recover)
        told, self._told = self._told, []
        return tuple(told)

    async def reconcile(self, expects: Mapping[str, tuple[str, str]]) -> Reconciled:
        """Whether a change set whose end was not recorded has happened, from `Plan.expects`. Recovers first where needed."""
        await self._in_thread(self._recover)
        states = await self._in_thread(lambda stop: self._states(expects, stop))
        before = after = 0
        for path, (old, new) in expects.items():
            now = _as_expected(states[path], new)
            before += now == old
            after += now == new
        if after == len(expects):
            return "applied"
        return "not_applied" if before == len(expects) else "mixed"

    async def plan_revert(self, changes: Sequence[Sequence[FileChange]], *, redo: bool = False) -> Revert:
        """What taking these change sets back (newest last) would do; with `redo`, what doing them again would. Writes nothing."""
        order = in_order(changes, redo=redo)
        paths = {path for change in order for path in (change.path, change.renamed_from) if path}
        states, unusable = await self._in_thread(lambda stop: self._revertible(paths, stop))
        worked_out = await Reverter(self._store, states, unusable, _merge).work_out(order, redo=redo)
        view = await asyncio.to_thread(view_of, worked_out.files)
        plan = Plan(worked_out.files, view, expectations(worked_out.files), worked_out.notes)
        return Revert(
            files=tuple(_as_change(file) for file in worked_out.files),
            view=view,
            conflicts=worked_out.conflicts,
            notes=worked_out.notes,
            plan=plan,
        )

    async def revert(self, revert: Revert, *, change_id: str) -> tuple[FileChange, ...]:
        """Raises CherryError(edits.UNDO_CONFLICT) before anything is touched, and like `commit`."""
        if revert.conflicts:
            raise CherryError(edits.UNDO_CONFLICT, " ".join(revert.conflicts))
        if not revert.plan.files:
            return ()
        return await self.commit(revert.plan, change_id=change_id)

    async def look(self, paths: Sequence[str]) -> dict[str, FileState | None]:
        """What is at these paths now (None: nothing), of those that can be read and may be recorded."""
        return await self._in_thread(lambda stop: self._recordable(paths, stop))

    async def diff(self, changes: Sequence[Sequence[FileChange]]) -> DiffView:
        """The net effect of several change sets, oldest first, from stored contents: what Cherry wrote, not what is there now."""
        return await net_diff(self._store, changes)

    def _plan(self, wanted: Sequence[Edit], known: Mapping[str, str], stop: threading.Event) -> Plan:
        filesystem = Stoppable(self._filesystem, stop)
        with Folders(filesystem, str(self._jail.root)) as folders:
            drawn = Planner(filesystem, folders, self._jail, known, self._limit).draw(wanted)
        if not drawn.files:
            raise _nothing(drawn)
        return present(drawn.files, drawn.notes, drawn.large_hunks)

    def _write(self, files: Sequence[PlannedFile], change_id: str, stop: threading.Event) -> list[Written]:
        with self._locked(stop) as journal:
            with self._workspace() as folders:
                self._told += recover(self._filesystem, folders, journal, limit=self._limit)
            with self._workspace() as folders:
                return Writer(self._filesystem, folders, journal, limit=self._limit, stop=stop).write(files, change_id)

    def _recover(self, stop: threading.Event) -> None:
        if not self._state_folder.exists():
            return
        with self._locked(stop) as journal, self._workspace() as folders:
            self._told += recover(self._filesystem, folders, journal, limit=self._limit)
            self._keeper.sweep(self._clock.now())

    @contextmanager
    def _locked(self, stop: threading.Event) -> Iterator[Journal]:
        with (
            workspace_lock(self._state_folder, seconds=self._lock_seconds, stop=stop, clock=self._clock),
            Folders(self._filesystem, str(self._state_folder)) as state,
        ):
            yield Journal(self._filesystem, state.handle(""))

    def _states(self, paths: Iterable[str], stop: threading.Event) -> dict[str, FileState | None]:
        filesystem = Stoppable(self._filesystem, stop)
        with self._workspace() as folders:
            states = {path: read_state(filesystem, folders, path, limit=self._limit) for path in paths}
            self._drop_other_cases(folders, states)
            return states

    def _drop_other_cases(self, folders: Folders, states: dict[str, FileState | None]) -> None:
        for path in other_cases(self._filesystem, folders, states):
            states[path] = None

    def _revertible(
        self, paths: Iterable[str], stop: threading.Event
    ) -> tuple[dict[str, FileState | None], dict[str, str]]:
        """What is at paths of a log, and why some may no longer be written: each goes through the jail, like a model's."""
        unusable: dict[str, str] = {}
        states: dict[str, FileState | None] = {}
        filesystem = Stoppable(self._filesystem, stop)
        with self._workspace() as folders:
            for path in paths:
                try:
                    protected = check_recorded(self._jail, path)
                    states[path] = read_state(filesystem, folders, path, limit=self._limit)
                except CherryError as error:
                    states[path], unusable[path] = None, error.message
                else:
                    unusable.update({path: protected} if protected else {})
            self._drop_other_cases(folders, states)
        return states, unusable

    def _recordable(self, paths: Iterable[str], stop: threading.Event) -> dict[str, FileState | None]:
        states: dict[str, FileState | None] = {}
        filesystem = Stoppable(self._filesystem, stop)
        with self._workspace() as folders:
            for path in paths:
                with suppress(CherryError):
                    check_recorded(self._jail, path)
                    states[path] = read_state(filesystem, folders, path, limit=self._limit)
        return states

    def _workspace(self) -> Folders:
        return Folders(self._filesystem, str(self._jail.root))

    async def _in_thread(self, work: Callable[[threading.Event], T]) -> T:
        """Run it in a thread. A cancelled caller asks it to stop, waits for its end, and only then is cancelled."""
        stop = threading.Event()
        task = asyncio.create_task(asyncio.to_thread(work, stop))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stop.set()
            await _ended(task)
            raise
        except OSError as error:
            raise as_cherry_error(error, str(error.filename or self._jail.root)) from error

    async def _stale(self, error: StaleWriteError) -> CherryError:
        if not error.known:
            what, hint = "The file exists and was not read yet", "Read it with fs.read, then write it again."
            return CherryError(edits.STALE, what, where=error.path, next_step=hint)
        return CherryError(edits.STALE, where=error.path, why=await self._changed_since(error))

    async def _changed_since(self, error: StaleWriteError) -> str:
        """The difference between what the model saw and what is there, where the former is kept."""
        try:
            seen = await self._store.get(error.known)
        except CherryError as missing:
            if missing.kind is not storage.UNKNOWN_BLOB:
                raise
            return ""
        return changed_since(seen, error.state.data)


async def _ended(task: asyncio.Task[object]) -> None:
    """Return when the thread is through, however often the caller is cancelled; its error went nowhere and is dropped."""
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


async def _merge(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    return await asyncio.to_thread(merged, base, ours, theirs)


def _nothing(drawn: Drawn) -> CherryError:
    if drawn.already:
        return CherryError(edits.ALREADY_APPLIED, where=", ".join(drawn.already))
    return CherryError(edits.NO_CHANGE)


def _as_change(file: PlannedFile) -> FileChange:
    mode_before = file.before.recorded_mode if file.before else None
    return FileChange(
        path=file.path,
        before=file.before_digest,
        after=file.after_digest,
        mode_before=mode_before,
        mode_after=None if file.after is None else mode_before if file.mode is None else file.mode,
        renamed_from=file.renamed_from,
    )


def _as_expected(state: FileState | None, form: str) -> str:
    """The state in the form of an expectation: with its mode where that counts."""
    if state is None:
        return ""
    return with_mode(state.digest, state.recorded_mode) if " " in form else state.digest

"""Taking change sets back, and doing them again, by content: what stands there now decides, never what should stand there.

Change by change, newest first (oldest first for a redo), in memory: a file that is as Cherry left it becomes what it was; one
that somebody changed since is merged where other lines are concerned, and is a conflict otherwise. Nothing is written here.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import FileChange
from cherry.edits.files.contents import Held, Pieced, Stored
from cherry.edits.files.folders import parents
from cherry.edits.files.state import FileState
from cherry.edits.planning.large import LargeChange, Step, from_json, replay, whole
from cherry.edits.planning.plan import PlannedFile
from cherry.edits.ports import ContentStore
from cherry.kernel.ids import content_hash

Merge = Callable[[bytes, bytes, bytes], Awaitable[bytes | None]]


class Turned(NamedTuple):
    """One file of one change set, as seen in the direction of going."""

    here: str
    """Where the file is."""
    there: str
    """Where it goes."""
    old: str
    """Hash it should have; empty: it should not be there."""
    new: str
    """Hash it gets; empty: it goes away."""
    old_mode: int | None
    new_mode: int | None
    large: str


@dataclass(slots=True)
class _Slot:
    """What a path holds in the middle."""

    origin: FileState | None
    origin_path: str
    digest: str
    content: Held | Pieced | Stored | None
    """None: nothing, or whatever the store has under `digest`."""
    mode: int | None
    steps: tuple[Step, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Reverted:
    files: tuple[PlannedFile, ...]
    conflicts: tuple[str, ...]
    notes: tuple[str, ...]


class _GoneError(Exception):
    """A content is no longer in the store."""


def turned(change: FileChange, *, redo: bool) -> Turned:
    old_path = change.renamed_from or change.path
    if redo:
        modes = (change.mode_before, change.mode_after)
        return Turned(old_path, change.path, change.before, change.after, *modes, change.large)
    modes = (change.mode_after, change.mode_before)
    return Turned(change.path, old_path, change.after, change.before, *modes, change.large)


def in_order(changes: Sequence[Sequence[FileChange]], *, redo: bool) -> list[FileChange]:
    """The order of going: newest first for an undo."""
    return [
        change for files in (changes if redo else reversed(changes)) for change in (files if redo else reversed(files))
    ]


class Reverter:
    """Works one undo or redo out. `states` holds what is on disk at every path the changes name.

    `unusable`: path → a sentence saying why it may no longer be read or written.
    """

    def __init__(
        self, store: ContentStore, states: dict[str, FileState | None], unusable: dict[str, str], merge: Merge
    ) -> None:
        self._store = store
        self._merge = merge
        self._states = states
        self._unusable = unusable
        self._slots = {path: _slot(path, state) for path, state in states.items()}
        self._conflicts: dict[str, None] = {}
        self._notes: dict[str, None] = {}
        self._fetched: dict[str, bytes] = {}

    async def work_out(self, changes: Iterable[FileChange], *, redo: bool) -> Reverted:
        made: set[str] = set()
        for change in changes:
            made.update(() if redo else change.made_folders)
            step = turned(change, redo=redo)
            if self._slots[step.here].refused or self._slots[step.there].refused:
                continue
            if reason := self._reason_against(step):
                self._refuse(step, reason)
                continue
            try:
                await self._turn(step)
            except _GoneError:
                self._refuse(step, f"{step.there}: its earlier content is no longer kept.")
        if self._conflicts:
            return Reverted((), tuple(self._conflicts), tuple(self._notes))
        files = await self._net_effect(made)
        return Reverted(files, tuple(self._conflicts), tuple(self._notes))

    def _reason_against(self, step: Turned) -> str:
        """Why a path may not be used; what is exactly as Cherry left it may be taken back even where writing is refused now."""
        reason = self._unusable.get(step.here) or self._unusable.get(step.there) or ""
        return "" if step.old and self._slots[step.here].digest == step.old else reason

    async def _turn(self, step: Turned) -> None:
        slot = self._slots[step.here]
        if not step.old:
            await self._bring_back(slot, step)
        elif not step.new:
            self._take_away(slot, step)
        elif step.here != step.there:
            await self._move_back(slot, step)
        elif not slot.digest:
            self._refuse(step, f"{step.here} was deleted since.")
        else:
            await self._change_back(slot, step)

    async def _bring_back(self, slot: _Slot, step: Turned) -> None:
        if slot.digest == step.new:
            self._already(step)
        elif slot.digest:
            self._refuse(step, f"{step.here} exists again, with another content.")
        else:
            large = await self._large(step)
            slot.digest, slot.mode = step.new, step.new_mode
            slot.content = large.after if large else None

    def _take_away(self, slot: _Slot, step: Turned) -> None:
        if not slot.digest:
            self._already(step)
        elif slot.digest != step.old:
            self._refuse(step, f"{step.here} was changed since; removing it would lose that.")
        else:
            slot.digest, slot.content, slot.mode, slot.steps = "", None, None, ()

    async def _move_back(self, slot: _Slot, step: Turned) -> None:
        target = self._slots[step.there]
        if not slot.digest and target.digest == step.new:
            self._already(step)
        elif not slot.digest:
            self._refuse(step, f"{step.here} was deleted or renamed since.")
        elif target.digest:
            self._refuse(step, f"{step.there} exists again; {step.here} cannot get its name back.")
        else:
            self._slots[step.there] = slot
            self._slots[step.here] = _slot(step.here, None)
            await self._change_back(slot, step)

    async def _change_back(self, slot: _Slot, step: Turned) -> None:
        if slot.digest == step.old:
            await self._successor(slot, step)
        elif slot.digest == step.new:
            self._already(step)
        elif step.old != step.new and not await self._merge_back(slot, step):
            self._refuse(step, f"{step.here} was changed since in the same lines.")
            return
        if slot.mode == step.old_mode and step.new_mode is not None:
            slot.mode = step.new_mode

    async def _successor(self, slot: _Slot, step: Turned) -> None:
        if step.old == step.new:
            return
        large = await self._large(step)
        slot.digest = step.new
        if large and large.after is not None:
            slot.content, slot.steps = large.after, ()
        elif large and large.steps and isinstance(slot.content, Pieced):
            slot.content, slot.steps = replay(slot.content, large.steps), (*slot.steps, *large.steps)
        else:
            slot.content, slot.steps = None, ()

    async def _merge_back(self, slot: _Slot, step: Turned) -> bool:
        ours = slot.content
        if ours is None:
            ours = Held(await self._get(slot.digest))
        if step.large or not isinstance(ours, Held) or (slot.mode or 0) > 0o7777:
            return False
        result = await self._merge(await self._get(step.old), ours.data, await self._get(step.new))
        if result is None:
            return False
        slot.content, slot.digest = Held(result), content_hash(result)
        self._notes[f"{step.there} was changed by somebody else too; that is kept."] = None
        return True

    async def _large(self, step: Turned) -> LargeChange | None:
        return from_json(await self._get(step.large), step.old) if step.large else None

    async def _net_effect(self, made: set[str]) -> tuple[PlannedFile, ...]:
        renames = self._renames()
        files = []
        for path in sorted(self._slots):
            slot, before = self._slots[path], self._states[path]
            if path in renames.values() or (not slot.digest and before is None):
                continue
            empties = _inner_first(made, renames.get(path, path))
            if not slot.digest:
                files.append(PlannedFile(path, before, None, "", empties=empties))
                continue
            source = slot.origin if path in renames else before
            try:
                file = await self._planned(path, slot, source, renames.get(path, ""), empties)
            except _GoneError:
                self._conflicts[f"{path}: its earlier content is no longer kept."] = None
                continue
            if file.renamed_from or file.content_changes or file.mode_changes:
                files.append(file)
        return () if self._conflicts else tuple(files)

    def _renames(self) -> dict[str, str]:
        """New path → old path, for files that move to a free name and leave theirs empty."""
        renames: dict[str, str] = {}
        for path, slot in sorted(self._slots.items()):
            left = slot.origin_path
            free = slot.digest and slot.origin is not None and self._states[path] is None
            if free and left != path and not self._slots[left].digest and left not in renames.values():
                renames[path] = left
        return renames

    async def _planned(
        self, path: str, slot: _Slot, before: FileState | None, renamed_from: str, empties: tuple[str, ...]
    ) -> PlannedFile:
        own = before is not None and slot.origin is before
        content = slot.content
        if content is None:
            content = before_content(path, before) if before and before.digest == slot.digest else None
        if content is None:
            content = Held(await self._get(slot.digest))
        large = None
        if isinstance(content, Stored):
            large = LargeChange(after=content)
        elif slot.steps and own:
            large = LargeChange(slot.steps)
        mode = slot.mode if before is None or slot.mode != before.recorded_mode else None
        return PlannedFile(
            path,
            before,
            content,
            slot.digest,
            renamed_from=renamed_from,
            mode=mode,
            like=None if own else slot.origin,
            empties=empties,
            large=large,
        )

    async def _get(self, name: str) -> bytes:
        if name not in self._fetched:
            try:
                self._fetched[name] = await self._store.get(name)
            except CherryError as error:
                if error.kind is not storage.UNKNOWN_BLOB:
                    raise
                raise _GoneError from error
        return self._fetched[name]

    def _refuse(self, step: Turned, sentence: str) -> None:
        self._conflicts[sentence] = None
        for path in (step.here, step.there):
            self._slots[path].refused = True

    def _already(self, step: Turned) -> None:
        self._notes[f"{step.there} is as it was already."] = None


def before_content(path: str, state: FileState) -> Held | Pieced:
    return whole(path, state.size) if state.data is None else Held(state.data)


def _slot(path: str, state: FileState | None) -> _Slot:
    if state is None:
        return _Slot(None, path, "", None, None)
    return _Slot(state, path, state.digest, before_content(path, state), state.recorded_mode)


def _inner_first(made: set[str], path: str) -> tuple[str, ...]:
    return tuple(folder for folder in reversed(parents(path)) if folder in made)

"""From edits to a plan: reads what is there, applies the edits one after another in memory, and works out the net effect per file.

Invariants: nothing is written. A whole-file `Write` over a file needs the hash of what the model saw; a `Replace` is anchored by
its own text. The order of the edits counts: each sees what those before it left.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.edit import Delete, Edit, Rename, Replace, SetMode, Write
from cherry.edits.files.contents import Held, Pieced, chunks, digest_of
from cherry.edits.files.folders import Bases, Folders
from cherry.edits.files.state import FileState, read_state, with_executable
from cherry.edits.filesystem import Filesystem
from cherry.edits.placing import apply, complete, place
from cherry.edits.planning.large import LargeChange, Step, replace_in_large, whole
from cherry.edits.planning.links import other_names
from cherry.edits.planning.locating import name_of, target_of
from cherry.edits.planning.plan import PlannedFile
from cherry.edits.ports import PathJail, Placement
from cherry.edits.textfile import TextFile, decode, new_file
from cherry.kernel.ids import content_hash


class StaleWriteError(Exception):
    """A whole-file write over a file that is not the one the model saw."""

    def __init__(self, path: str, known: str, state: FileState) -> None:
        super().__init__(path)
        self.path = path
        self.known = known
        """Hash of what the model saw; empty when it never looked."""
        self.state = state


@dataclass(slots=True)
class _Draft:
    """What a path holds in the middle of planning."""

    origin: FileState | None
    """The file on disk whose content, mode and owner this began with."""
    origin_path: str
    content: Held | Pieced
    text: str | None = None
    """Once edited as text; `content` is then made from it at the end."""
    file: TextFile | None = None
    executable: bool | None = None
    steps: tuple[Step, ...] = ()
    """What was done to a large file; only while it is still its own successor."""
    shown: str = ""
    """Hunks of a large file."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The net effect of the edits."""

    files: tuple[PlannedFile, ...]
    notes: tuple[str, ...]
    large_hunks: Mapping[str, str]
    """Path → unified hunks, for files that are not in memory."""
    already: tuple[str, ...]
    """Files that already have what was asked for."""


class Planner:
    """Applies edits in memory. Blocking; used once, in a thread."""

    def __init__(
        self, filesystem: Filesystem, folders: Folders, jail: PathJail, known: Mapping[str, str], limit: int
    ) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._jail = jail
        self._known = known
        self._limit = limit
        self._disk: dict[str, FileState | None] = {}
        self._drafts: dict[str, _Draft | None] = {}
        self._notes: dict[str, None] = {}

    def draw(self, wanted: Sequence[Edit]) -> Drawn:
        """Raises CherryError for the first edit that cannot be applied, StaleWriteError."""
        with Bases(self._filesystem, self._folders) as bases:
            self._bases = bases
            for edit in wanted:
                self._apply(edit)
            return self._net_effect()

    def _apply(self, edit: Edit) -> None:
        match edit:
            case Replace():
                self._replace(edit)
            case Write():
                self._write(edit)
            case Delete():
                path = self._named(edit.path)
                self._existing(path, edit.path)
                self._refuse_stale(path)
                self._drafts[path] = None
            case Rename():
                self._rename(edit)
            case SetMode():
                path = self._target(edit.path)
                self._existing(path, edit.path).executable = edit.executable
            case _:
                assert_never(edit)

    def _replace(self, edit: Replace) -> None:
        path = self._target(edit.path)
        draft = self._draft(path)
        if draft is None:
            if edit.old:
                raise CherryError(tools.NO_SUCH_PATH, where=edit.path)
            draft = self._drafts[path] = _Draft(None, path, Held(b""))
        if isinstance(draft.content, Pieced):
            self._replace_in_large(draft, draft.content, edit, path)
            return
        text = self._text_of(draft, path)
        placed = place(text, edit)
        draft.text = apply(text, placed)
        self._note(f"{path}: {placed.note}" if placed.note else "")

    def _replace_in_large(self, draft: _Draft, content: Pieced, edit: Replace, path: str) -> None:
        self._refuse_read_only(draft, path)
        done = replace_in_large(content, edit, self._bases.reader(content.base))
        draft.content = done.content
        draft.steps = (*draft.steps, done.step)
        draft.shown += done.shown
        self._note(f"{path} is too large for anything but exact replacement, which was done.")

    def _write(self, edit: Write) -> None:
        path = self._target(edit.path)
        draft = self._draft(path)
        if draft is None:
            self._drafts[path] = _Draft(None, path, Held(b""), text=complete("", edit), file=new_file())
            return
        data = self._rewritten(draft, edit, path)
        on_disk = self._disk.get(path)
        known = self._known.get(path, self._known.get(edit.path, ""))
        if on_disk is not None and on_disk.size and known != on_disk.digest and content_hash(data) != on_disk.digest:
            raise StaleWriteError(path, known, on_disk)
        self._refuse_read_only(draft, path)
        draft.content, draft.text, draft.file, draft.steps = Held(data), None, None, ()

    def _rewritten(self, draft: _Draft, edit: Write, path: str) -> bytes:
        """The new content in the encoding and with the line ends of the old one, where that is text."""
        if isinstance(draft.content, Pieced):
            return edit.content.encode("utf-8", "surrogatepass")
        try:
            text = self._text_of(draft, path)
        except CherryError as error:
            if error.kind is not tools.BINARY:
                raise
            return edit.content.encode("utf-8", "surrogatepass")
        assert draft.file is not None
        content = complete(text, edit)
        if content != edit.content:
            self._note(f"{path}: what the new content left out was filled in from the file; nothing of it was dropped.")
        adopted = TextFile(text, draft.file.encoding, draft.file.bom, draft.file.stray).adopt(content)
        if adopted != content:
            self._note(f"{path} keeps its line ends and its last line's end.")
        return _encoded(draft.file, adopted, path)

    def _rename(self, edit: Rename) -> None:
        path, to = self._named(edit.path), self._named(edit.to)
        draft = self._existing(path, edit.path)
        if path == to:
            raise CherryError(edits.NO_CHANGE, where=edit.path, why="the new name is the old one")
        taken = self._draft(to)
        if taken is not None and self._same_file(path, to):
            self._disk[to] = None  # one name in two cases, on a file system that tells no cases apart
        elif taken is not None:
            raise CherryError(edits.EXISTS, where=edit.to)
        self._drafts[path], self._drafts[to] = None, draft

    def _same_file(self, path: str, to: str) -> bool:
        one, two = self._disk.get(path), self._disk.get(to)
        if one is None or two is None or path.casefold() != to.casefold():
            return False
        return (one.device, one.inode, one.links) == (two.device, two.inode, 1)

    def _net_effect(self) -> Drawn:
        renamed = self._renames()
        files: list[PlannedFile] = []
        already: list[str] = []
        hunks: dict[str, str] = {}
        for path in sorted(self._drafts):
            draft, before = self._drafts[path], self._disk[path]
            if path in renamed.values() or (draft is None and before is None):
                continue
            if draft is None:
                files.append(PlannedFile(path, before, None, ""))
                continue
            planned = self._planned(path, draft, renamed.get(path, ""))
            if planned.renamed_from or planned.content_changes or planned.mode_changes:
                files.append(planned)
                files.extend(self._other_names(planned))
                self._note(_about_owner(planned))
                if draft.shown:
                    hunks[path] = draft.shown
            else:
                already.append(path)
        return Drawn(tuple(files), tuple(self._notes), hunks, tuple(already))

    def _other_names(self, file: PlannedFile) -> list[PlannedFile]:
        """The same change for the other names of a file with hard links, so that they stay one file."""
        before = file.before
        if before is None or before.links == 1 or before.is_link or not (file.content_changes or file.mode_changes):
            return []
        if not file.content_changes:
            self._note(f"{file.path} has {before.links} names (hard links); the permissions change for all of them.")
            return []
        names = other_names(self._jail, file.source, before)
        others = [replace(file, path=name, renamed_from="") for name in names if name not in self._drafts]
        if len(others) == before.links - 1:
            listed = ", ".join(other.path for other in others)
            self._note(f"{file.path} is the same file as {listed} (hard links); they change together.")
        else:
            said = f"{file.path} has {before.links} names (hard links), not all of them found here or unchanged by this"
            self._note(f"{said}; the others keep the old content.")
        return others

    def _renames(self) -> dict[str, str]:
        """New path → old path, for files that moved to a free name and left theirs empty."""
        renames: dict[str, str] = {}
        for path, draft in sorted(self._drafts.items()):
            if draft is None or draft.origin is None or self._disk[path] is not None:
                continue
            left = draft.origin_path
            if left != path and self._drafts.get(left) is None and left not in renames.values():
                renames[path] = left
        return renames

    def _planned(self, path: str, draft: _Draft, renamed_from: str) -> PlannedFile:
        before = draft.origin if renamed_from else self._disk[path]
        after, digest = self._finished(draft, path)
        own = draft.origin is not None and draft.origin is before
        return PlannedFile(
            path,
            before,
            after,
            digest,
            renamed_from=renamed_from,
            mode=None if own and draft.executable is None else _mode_after(draft.origin or before, draft.executable),
            executable=draft.executable,
            like=None if own else draft.origin,
            large=LargeChange(draft.steps) if draft.steps and own else None,
        )

    def _finished(self, draft: _Draft, path: str) -> tuple[Held | Pieced, str]:
        if draft.text is not None and draft.file is not None:
            if draft.origin is not None:
                self._refuse_read_only(draft, path)
            draft.content = Held(_encoded(draft.file, draft.text, path))
        content = draft.content
        if isinstance(content, Held):
            return content, content_hash(content.data)
        if draft.origin is not None and not draft.steps:
            return content, draft.origin.digest
        return content, digest_of(chunks(content, self._bases.reader(content.base)))

    def _text_of(self, draft: _Draft, path: str) -> str:
        if draft.text is None:
            if draft.origin is not None and draft.origin.is_link:
                raise CherryError(tools.NOT_A_FILE, where=path, why="it is a symbolic link")
            assert isinstance(draft.content, Held)
            try:
                draft.file = decode(draft.content.data) if draft.content.data else new_file()
            except CherryError as error:
                raise _at(error, path) from None
            draft.text = draft.file.text
        return draft.text

    def _draft(self, path: str) -> _Draft | None:
        if path not in self._drafts:
            state = read_state(self._filesystem, self._folders, path, limit=self._limit)
            self._disk[path] = state
            self._drafts[path] = None if state is None else _draft_of(state, path)
        return self._drafts[path]

    def _existing(self, path: str, given: str) -> _Draft:
        draft = self._draft(path)
        if draft is None:
            raise CherryError(tools.NO_SUCH_PATH, where=given)
        return draft

    def _target(self, path: str) -> str:
        return self._noted(target_of(self._jail, path))

    def _named(self, path: str) -> str:
        return self._noted(name_of(self._jail, self._filesystem, self._folders, path))

    def _noted(self, placement: Placement) -> str:
        self._note(placement.note)
        return placement.relative

    def _note(self, text: str) -> None:
        if text:
            self._notes[text] = None

    def _refuse_stale(self, path: str) -> None:
        on_disk, known = self._disk.get(path), self._known.get(path)
        if on_disk is None or on_disk.is_link or known is None:  # of a link, its target was seen
            return
        if known != on_disk.digest:
            raise StaleWriteError(path, known, on_disk)

    def _refuse_read_only(self, draft: _Draft, path: str) -> None:
        if draft.origin is not None and not draft.origin.mode & 0o222:
            mode = f"{draft.origin.recorded_mode:o}"
            raise CherryError(edits.UNWRITABLE, where=path, why=f"it is read-only for everyone (mode {mode})")


def _draft_of(state: FileState, path: str) -> _Draft:
    content = whole(path, state.size) if state.data is None else Held(state.data)
    return _Draft(state, path, content)


def _mode_after(like: FileState | None, executable: bool | None) -> int | None:
    """None for what is made anew: the system's usual mode."""
    if like is None:
        return None
    mode = like.recorded_mode
    if executable is None or like.is_link:
        return mode
    return with_executable(mode, executable)


def _about_owner(file: PlannedFile) -> str:
    """Only root can give a file away: a rewritten file of somebody else's becomes one's own."""
    if file.before is None or not file.content_changes or os.geteuid() in (0, file.before.user):
        return ""
    return f"{file.path} belongs to another user (id {file.before.user}); written, it will belong to you."


def _encoded(file: TextFile, text: str, path: str) -> bytes:
    try:
        return file.encode(text)
    except CherryError as error:
        raise _at(error, path) from None


def _at(error: CherryError, path: str) -> CherryError:
    return CherryError(error.kind, error.what, where=error.where or path, why=error.why, next_step=error.next_step)

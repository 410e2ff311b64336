"""What a commit is about to do, on disk before it does it, so that the next start can finish or take back what a kill left.

Three phases, each a name of the same file: `preparing` (temporary files are written, nothing is in place), `placing` (all of them
are complete, names change), `done` (everything is in place, leftovers are being removed). One commit at a time: the workspace
lock is held whenever a journal is read or written.
"""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from cherry.edits.files.contents import CHUNK
from cherry.edits.filesystem import Filesystem

Phase = Literal["preparing", "placing", "done"]
_PHASES: tuple[Phase, ...] = ("preparing", "placing", "done")
_NEW = "journal.new"
_UNREADABLE = "journal.unreadable"


@dataclass(frozen=True, slots=True)
class Step:
    """One name that changes. What has happened to it is read off the disk, so a step needs no state of its own.

    `replace`  `path` exchanges its content with `beside` · `create`  `beside` becomes `path` · `remove`  `path` becomes `beside`
    `move`  `path` becomes `to` · `mode`  the permissions of `path` change in place
    """

    do: Literal["replace", "create", "remove", "move", "mode"]
    path: str
    beside: str = ""
    """Name in the same folder: the new content before, the old one after."""
    to: str = ""
    before: str = ""
    """Hash of the content."""
    after: str = ""
    mode_before: int = 0
    mode_after: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    change_id: str
    steps: tuple[Step, ...]
    makes: tuple[str, ...]
    """Folders to make, outermost first."""
    empties: tuple[str, ...]
    """Folders to remove at the end where empty, innermost first."""


class DamagedJournalError(Exception):
    """The journal cannot be read; it was moved aside."""


class Journal:
    """The journal in an open state folder. All methods raise OSError."""

    def __init__(self, filesystem: Filesystem, folder: int) -> None:
        self._filesystem = filesystem
        self._folder = folder

    def begin(self, record: Record, *, durable: bool) -> None:
        """Only after `pending` said there is nothing. `durable`: against loss of power too, which one change of one name needs not."""
        handle = self._filesystem.create_file(self._folder, _NEW, 0o600)
        try:
            rest = memoryview(json.dumps(asdict(record)).encode())
            while rest:
                rest = rest[self._filesystem.write(handle, rest) :]
            if durable:
                self._filesystem.sync(handle)
        finally:
            self._filesystem.close(handle)
        self._filesystem.rename(self._folder, _NEW, self._folder, _name("preparing"))
        if durable:
            self._filesystem.sync(self._folder)

    def advance(self, phase: Phase, *, durable: bool) -> None:
        previous = _PHASES[_PHASES.index(phase) - 1]
        self._filesystem.rename(self._folder, _name(previous), self._folder, _name(phase))
        if durable:
            self._filesystem.sync(self._folder)

    def end(self) -> None:
        present = self._filesystem.names(self._folder)
        for phase in _PHASES:
            if _name(phase) in present:
                self._filesystem.unlink(self._folder, _name(phase))
        if _NEW in present:
            self._filesystem.unlink(self._folder, _NEW)

    def pending(self) -> tuple[Phase, Record] | None:
        """What an earlier commit left. Raises DamagedJournalError."""
        present = self._filesystem.names(self._folder)
        for phase in _PHASES:
            if _name(phase) in present:
                return phase, self._read(phase)
        if _NEW in present:  # killed before anything was begun
            self._filesystem.unlink(self._folder, _NEW)
        return None

    def _read(self, phase: Phase) -> Record:
        handle = self._filesystem.open_file(self._folder, _name(phase))
        try:
            data = b"".join(iter(lambda: self._filesystem.read(handle, CHUNK), b""))
        finally:
            self._filesystem.close(handle)
        try:
            return _record(data)
        except (ValueError, KeyError, TypeError) as error:
            self._filesystem.rename(self._folder, _name(phase), self._folder, _UNREADABLE)
            raise DamagedJournalError(str(error)) from error


def _record(data: bytes) -> Record:
    fields = json.loads(data)
    return Record(
        change_id=fields["change_id"],
        steps=tuple(Step(**step) for step in fields["steps"]),
        makes=tuple(fields["makes"]),
        empties=tuple(fields["empties"]),
    )


def _name(phase: Phase) -> str:
    return f"journal.{phase}"

"""What a change set will do, as values: computed by planning or undoing, carried out by writing, shown by everyone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cherry.domain.events import FileChange
from cherry.domain.views import DiffView
from cherry.edits.files.contents import Held, Pieced, Stored
from cherry.edits.files.state import FileState
from cherry.edits.planning.large import LargeChange


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of a change set, from what is on disk to what shall be."""

    path: str
    """Relative to the workspace, real (no link on the way), with `/`."""
    before: FileState | None
    """What is there now (at `renamed_from` if that is set); None: nothing."""
    after: Held | Pieced | Stored | None
    """The new content; of a symbolic link its text. None: the file goes away."""
    after_digest: str
    """Hash of the new content; empty when it goes away."""
    renamed_from: str = ""
    mode: int | None = None
    """As `FileState.recorded_mode`; None: as before, or as new files are made here."""
    executable: bool | None = None
    """For a new file of usual mode: whether it may be run."""
    like: FileState | None = None
    """Whose owner, mode and attributes a new file takes, when it is a copy."""
    empties: tuple[str, ...] = ()
    """Folders to remove afterwards if they became empty, innermost first."""
    large: LargeChange | None = None
    """How to get from one content to the other when they are too large to keep whole."""

    @property
    def before_digest(self) -> str:
        return self.before.digest if self.before else ""

    @property
    def content_changes(self) -> bool:
        return self.before_digest != self.after_digest

    @property
    def mode_changes(self) -> bool:
        return self.before is not None and self.mode is not None and self.mode != self.before.recorded_mode

    @property
    def source(self) -> str:
        """Where the file is on disk before."""
        return self.renamed_from or self.path


@dataclass(frozen=True, slots=True)
class Plan:
    """A change set ready to be written. Nothing has been written."""

    files: tuple[PlannedFile, ...]
    view: DiffView
    expects: Mapping[str, tuple[str, str]]
    """Path → (hash before, hash after); empty for no file. Where only the mode changes, ` mode` in octal follows each hash."""
    notes: tuple[str, ...] = ()
    """Sentences: which tolerance was used, which link was followed, what else is touched."""
    shown: str = ""
    """For the model: what each file looks like now around the changes, with line numbers."""

    @property
    def writes(self) -> tuple[str, ...]:
        """Every path that is created, changed or removed."""
        return tuple(self.expects)


@dataclass(frozen=True, slots=True)
class Revert:
    """An undo or redo, worked out. Nothing has been written."""

    files: tuple[FileChange, ...]
    """From what is there now to what will be."""
    view: DiffView
    conflicts: tuple[str, ...]
    """One sentence per file that cannot be put back without losing what somebody changed since."""
    notes: tuple[str, ...] = ()
    """What is kept, merged or already as it should be."""
    plan: Plan = field(default_factory=lambda: Plan((), DiffView(files=()), {}))


def expectations(files: tuple[PlannedFile, ...]) -> dict[str, tuple[str, str]]:
    """What `reconcile` compares the disk with after a crash."""
    result: dict[str, tuple[str, str]] = {}
    for file in files:
        if file.renamed_from:
            result[file.renamed_from] = (file.before_digest, "")
            result[file.path] = ("", file.after_digest)
        elif file.content_changes:
            result[file.path] = (file.before_digest, file.after_digest)
        elif file.before is not None and file.mode is not None:
            old, new = file.before.recorded_mode, file.mode
            result[file.path] = (with_mode(file.before_digest, old), with_mode(file.after_digest, new))
    return result


def with_mode(digest: str, mode: int) -> str:
    return f"{digest} {mode:o}"


def changes_expected(expects: Mapping[str, tuple[str, str]]) -> tuple[FileChange, ...]:
    """What to record when `reconcile` found a change set applied whose end was never recorded.

    As good as the lost record for undo and diff, but a rename is a removal and a creation, and a large file cannot be taken back.
    """
    changes = []
    for path, (old, new) in expects.items():
        before, _, mode_before = old.partition(" ")
        after, _, mode_after = new.partition(" ")
        changes.append(
            FileChange(
                path=path,
                before=before,
                after=after,
                mode_before=int(mode_before, 8) if mode_before else None,
                mode_after=int(mode_after, 8) if mode_after else None,
            )
        )
    return tuple(changes)

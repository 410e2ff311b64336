"""Notes of a project, and the trust they need to count."""

import time
from collections.abc import Callable
from pathlib import Path

from cherry.bootstrap.trusting import WorkspaceTrust
from cherry.context.memory import Note, add_note, read_notes, remove_note


class WorkspaceMemory:
    """Implements `cherry.cli.wiring.MemoryDesk`. What the user adds or removes by Cherry's own commands keeps the trust there was."""

    def __init__(self, trust: WorkspaceTrust, *, now: Callable[[], float] = time.time) -> None:
        self._trust = trust
        self._now = now

    def notes(self, workspace: Path) -> tuple[Note, ...]:
        return read_notes(workspace)

    def add(self, workspace: Path, text: str) -> str:
        """A sentence about what was done. Raises CherryError(config.BAD_VALUE, BAD_FILE)."""
        trusted = self._trust.is_trusted(workspace)
        path = add_note(workspace, text, now=self._now())
        if not (trusted and self._trust.trust_change(workspace, path)):
            return f"Remembered in {path}. It counts once you have run `cherry trust`."
        return f"Remembered in {path}."

    def remove(self, workspace: Path, number: int) -> Note:
        trusted = self._trust.is_trusted(workspace)
        note = remove_note(workspace, number)
        if trusted:
            self._trust.trust_change(workspace, note.path)
        return note

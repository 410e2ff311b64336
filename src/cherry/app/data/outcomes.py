"""What came of looking after the data, as values a face can show."""

from pathlib import Path
from typing import NamedTuple

from cherry.storage.upkeep import Bounds, Finding, Plan, Pruned, Restored


class Saved(NamedTuple):
    """A backup that was made."""

    file: Path
    bytes: int
    sessions: int
    events: int
    contents: int
    notes: tuple[str, ...]
    """Sentences: what was left out, and why."""


class Checked(NamedTuple):
    sessions: int
    events: int
    contents: int
    findings: tuple[Finding, ...]
    """What is wrong now."""
    done: tuple[str, ...]
    """Sentences: what was repaired."""


__all__ = ["Bounds", "Checked", "Plan", "Pruned", "Restored", "Saved"]

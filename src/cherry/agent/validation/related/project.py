"""A project as the rules see it: its files and their texts. Knows no runner."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cherry.agent.validation.sources import Sources

MAX_FILES = 20_000
MAX_CHARACTERS = 60_000_000
"""Read in all before a rule gives up: then all tests are related."""


class Project(NamedTuple):
    files: tuple[str, ...]
    """Relative to the workspace."""
    sources: Sources
    stop: threading.Event
    """Set when nobody waits for the answer any more."""

    def text(self, path: str) -> str:
        return self.sources.text(path)


class TooLarge(Exception):
    """The project is larger than a rule looks at."""


def texts(project: Project, paths: Sequence[str], read: Callable[[str, str], None]) -> None:
    """Call `read(path, text)` for each. Raises TooLarge, also when nobody waits any more."""
    if len(paths) > MAX_FILES:
        raise TooLarge
    total = 0
    for path in paths:
        text = project.text(path)
        total += len(text)
        if total > MAX_CHARACTERS or project.stop.is_set():
            raise TooLarge
        read(path, text)

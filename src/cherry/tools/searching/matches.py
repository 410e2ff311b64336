"""What a search is asked and what it gives, whichever program did it."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

MAX_MATCHES = 300
MAX_PER_FILE = 100
LINE_CHARACTERS = 300
SECONDS = 20.0
"""Deadline `search.grep`."""
MAX_FILE_BYTES = 20 << 20
"""Larger files are not searched."""


class Query(NamedTuple):
    pattern: str
    below: str
    """Folder or file relative to the workspace."""
    accepts: Callable[[str], bool]
    """Whether a file, relative to the workspace, may be searched and shown."""
    glob: str = ""
    """As the model gave it; `accepts` decides, this may only save work."""
    seconds: float = SECONDS


class Match(NamedTuple):
    path: str
    """Relative to the workspace; may hold surrogates."""
    line: int
    text: str
    """The line, cut to a width around the match."""


class Found(NamedTuple):
    matches: tuple[Match, ...]
    remark: str = ""
    """What was left out and why the search ended early; empty when it is complete."""


class Searcher(Protocol):
    async def search(self, query: Query) -> Found:
        """Raises CherryError(tools.BAD_PATTERN)."""
        ...


class Collector:
    """Takes matches until there are enough."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._judged: tuple[str, bool] = ("", False)
        self.matches: list[Match] = []

    @property
    def full(self) -> bool:
        return len(self.matches) >= MAX_MATCHES

    def add(self, path: str, line: int, text: str, start: int) -> None:
        """`start`: where in the line the match begins, in characters."""
        if path != self._judged[0]:
            self._judged = (path, self._query.accepts(path))
        if self._judged[1] and not self.full:
            self.matches.append(Match(path, line, window(text, start)))

    def found(self, *, timed_out: bool, remark: str = "") -> Found:
        remarks = [remark] if remark else []
        if self.full:
            remarks.append(f"Stopped at {MAX_MATCHES} matches: narrow the pattern, path or glob.")
        if timed_out:
            remarks.append(
                f"Stopped after {self._query.seconds:g} s (deadline search.grep): not everything was searched."
            )
        return Found(tuple(sorted(self.matches, key=lambda match: (match.path, match.line))), " ".join(remarks))


def window(text: str, start: int) -> str:
    """At most `LINE_CHARACTERS` of a line, with the match in it."""
    text = text.rstrip("\r\n")
    if len(text) <= LINE_CHARACTERS:
        return text
    begin = 0 if start < LINE_CHARACTERS * 2 // 3 else start - LINE_CHARACTERS // 3
    piece = text[begin : begin + LINE_CHARACTERS]
    return ("… " if begin else "") + piece + (" …" if begin + LINE_CHARACTERS < len(text) else "")

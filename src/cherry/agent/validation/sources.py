"""Reading files of the workspace for validation: lines a problem names, sources that tell what imports what.

Which file is meant comes out of a program's output, so it is trusted with nothing: only regular files inside the workspace that are no
secrets are read, without following links, up to a bound.
"""

import os
from functools import lru_cache

from cherry.domain.errors import CherryError
from cherry.edits.textfile import decode
from cherry.security.beneath import open_beneath
from cherry.security.jail import Jail

MAX_BYTES = 2_000_000
_MAX_HELD = 256
_AROUND = 2
_MAX_LINE = 200


class Sources:
    """Texts as they were when first asked for; make a new one after files have changed."""

    def __init__(self, jail: Jail) -> None:
        self._jail = jail
        self._lines = lru_cache(maxsize=_MAX_HELD)(self._read_lines)

    def text(self, path: str) -> str:
        """Empty when there is no such file or it may not be read."""
        try:
            place = self._jail.resolve(path)
            handle = open_beneath(self._jail.root, place.relative, os.O_RDONLY)
        except (CherryError, OSError):
            return ""
        with os.fdopen(handle, "rb") as file:
            try:
                data = file.read(MAX_BYTES + 1)
            except OSError:
                return ""
        if len(data) > MAX_BYTES:
            return ""
        try:
            return decode(data).text
        except CherryError:  # no text
            return ""

    def line(self, path: str, number: int) -> str:
        lines = self._lines(path) if path and number > 0 else ()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def around(self, path: str, number: int) -> str:
        """The line with its neighbours, numbered, itself marked; empty when there is no such line."""
        lines = self._lines(path) if path and number > 0 else ()
        if not 0 < number <= len(lines):
            return ""
        first, last = max(1, number - _AROUND), min(len(lines), number + _AROUND)
        width = len(str(last))
        return "\n".join(
            f"{'>' if at == number else ' '} {at:>{width}} | {lines[at - 1][:_MAX_LINE]}"
            for at in range(first, last + 1)
        )

    def _read_lines(self, path: str) -> tuple[str, ...]:
        return tuple(self.text(path).splitlines())

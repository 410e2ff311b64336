"""Notices that a file the model has seen is no longer what it saw: a person saved it, a command rewrote it, a branch was changed.

Looked at before each model call: one `stat` per file, and its content only when that differs. What is found is told to the model once
per content. Nothing depends on it: a write over such a file is refused all the same.
"""

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from cherry.agent.journal import Journal
from cherry.domain.content import TextPart
from cherry.domain.events import UserMessage
from cherry.kernel.ids import content_hash, derived_id
from cherry.security.beneath import open_beneath
from cherry.security.framing import frame
from cherry.tools.names import shown

MAX_FILES = 300
"""The files seen last."""
MAX_BYTES = 4_000_000
"""Larger files are not compared."""
SHOWN = 10


class _Sign(NamedTuple):
    """Changes whenever a file is written."""

    inode: int
    size: int
    changed_ns: int


GONE = ""


class Noticing:
    def __init__(self, journal: Journal, root: Path) -> None:
        self._journal = journal
        self._state = journal.state
        self._root = root
        self._compared: dict[str, tuple[_Sign | None, str | None]] = {}
        """Path → (sign of the file when it was last hashed, that hash)."""
        self._told: dict[str, str] = {}
        """Path → content that was told of."""

    async def look(self) -> None:
        """Tell the model which files it has seen are different now; nothing when there are none."""
        seen = dict(list(self._state.seen.items())[-MAX_FILES:])
        if not seen:
            return
        changed = await asyncio.to_thread(self._changed, seen)
        news = {path: now for path, now in changed.items() if self._told.get(path) != now}
        if not news:
            return
        self._told.update(news)
        # The id is that of what is told: a resumed turn that finds the same says nothing twice.
        key = content_hash(repr(sorted(news.items())).encode("utf-8", "surrogatepass"))
        message_id = derived_id("m", self._state.session, self._state.turn.number, "changed files", key)
        message = UserMessage(
            message_id=message_id, parts=(TextPart(text=_words(news)),), steering=True, author="cherry"
        )
        await self._journal.append(message)

    def _changed(self, seen: dict[str, str]) -> dict[str, str]:
        """Path → hash of what is there now, of those that differ from what was seen."""
        found: dict[str, str] = {}
        for path, saw in seen.items():
            now = self._now(path)
            if now is not None and now != saw:
                found[path] = now
        return found

    def _now(self, path: str) -> str | None:
        sign = self._sign(path)
        known = self._compared.get(path)
        if known is None or known[0] != sign:
            known = self._compared[path] = (sign, self._hash(path, sign))
        return known[1]

    def _sign(self, path: str) -> _Sign | None:
        try:
            status = (self._root / path).stat()
        except OSError:
            return None
        return _Sign(status.st_ino, status.st_size, status.st_mtime_ns)

    def _hash(self, path: str, sign: _Sign | None) -> str | None:
        """Of the content now; `GONE` when there is none; None when it cannot be told."""
        if sign is None:
            return GONE
        if sign.size > MAX_BYTES:
            return None
        try:
            handle = open_beneath(self._root, path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return GONE
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            return content_hash(file.read(MAX_BYTES + 1))


def _words(news: dict[str, str]) -> str:
    lines = [f"- {shown(path)}" + (" (gone)" if now == GONE else "") for path, now in list(news.items())[:SHOWN]]
    if len(news) > SHOWN:
        lines.append(f"- … and {len(news) - SHOWN} more")
    listed = "\n".join(lines)
    head = "These files are no longer what you last saw; somebody or something changed them. Read before you edit:"
    return f"{head}\n{frame(listed, source='file names')}"

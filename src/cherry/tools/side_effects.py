"""What a command did to the files of the workspace, as a change set: so that it is shown, checked and taken back like an edit.

A command that does more than read is surrounded by two looks at the workspace (`cherry.git.shadow`). What differs is kept, before and
after. A person who saves a file while the command runs is taken for the command; taking it back never overwrites what came later.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from cherry.domain.errors import CherryError
from cherry.domain.events import FileChange
from cherry.edits.editor import Editor
from cherry.edits.files.state import FileState
from cherry.git.shadow import ShadowIndex, Touched
from cherry.kernel.ids import content_hash
from cherry.kernel.text import human_bytes, plural
from cherry.security.protected import CONTENT_SIGNS, PUBLIC_NAMES, SECRET_NAMES
from cherry.storage.ports import Blobs
from cherry.tools.walking import CLUTTER

MAX_FILES = 2_000
MAX_BYTES = 256 << 20
"""Of what is kept for one command."""
_EXECUTABLE = 0o111

PASSED_OVER = (
    *(f"{name}/" for name in sorted(CLUTTER)),
    *SECRET_NAMES,
    *(name for sign in CONTENT_SIGNS for name in sign.names if name != "*.json"),
    *(f"!{name}" for name in PUBLIC_NAMES),
)
"""Lines as in a `.gitignore`: what programs make anew, and what may be secret and is therefore kept nowhere."""


class Effects(NamedTuple):
    files: tuple[FileChange, ...] = ()
    note: str = ""
    """A sentence for a person about what cannot be taken back; empty when all can."""


class SideEffects:
    """Of one workspace; for one command at a time."""

    def __init__(self, index: ShadowIndex, editor: Editor, blobs: Blobs) -> None:
        self._index = index
        self._editor = editor
        self._blobs = blobs
        self._remembered = False

    async def before(self) -> str:
        """To be awaited right before the command starts. Why nothing it does can be taken back; empty when it can."""
        self._remembered = False
        try:
            await self._index.remember()
        except CherryError as error:
            return f"What commands change cannot be undone here: {error.message}"
        self._remembered = True
        return ""

    async def after(self) -> Effects:
        """To be awaited when the command and all that it started have ended. Raises nothing of its own."""
        if not self._remembered:
            return Effects()
        try:
            return await self._found(await self._index.touched())
        except CherryError as error:
            return Effects(note=f"What this command changed could not be kept and cannot be undone: {error.message}")

    def close(self) -> None:
        self._index.close()

    async def _found(self, touched: Sequence[Touched]) -> Effects:
        if not touched:
            return Effects()
        # What was there before the command comes first: that is what could be lost.
        ordered = sorted(touched, key=lambda one: not one.content)
        contents = await self._index.contents([one.content for one in ordered if one.content])
        states = await self._editor.look([one.path for one in ordered])
        files: list[FileChange] = []
        uncovered: list[str] = []
        total = 0
        for one in ordered:
            state = states.get(one.path)
            before = contents.get(one.content)
            if one.path not in states or (one.content and before is None):
                uncovered.append(one.path)
                continue
            total += len(before or b"") + (state.size if state else 0)
            if len(files) >= MAX_FILES or total > MAX_BYTES:
                uncovered.append(one.path)
                continue
            if change := await self._kept(one, before, state):
                files.append(change)
        return Effects(tuple(sorted(files, key=lambda file: file.path)), _note(uncovered))

    async def _kept(self, one: Touched, before: bytes | None, state: FileState | None) -> FileChange | None:
        """None when it is as it was."""
        old = await asyncio.to_thread(content_hash, before) if before is not None else ""
        new = state.digest if state else ""
        old_mode, new_mode = _modes(one, state)
        if (old, old_mode) == (new, new_mode):
            return None
        if before is not None:
            await self._blobs.put(before)
        if state is not None and state.data is not None:
            await self._blobs.put(state.data)
        return FileChange(path=one.path, before=old, after=new, mode_before=old_mode, mode_after=new_mode)


def _modes(one: Touched, state: FileState | None) -> tuple[int | None, int | None]:
    """Before and after, as far as git keeps modes: whether it can be run, and whether it is a link."""
    now = state.recorded_mode if state else None
    if one.mode is None:
        return None, now
    if one.mode & 0o170000 == 0o120000:
        return 0o120777, now
    executable = bool(one.mode & _EXECUTABLE)
    if now is not None and state is not None and not state.is_link:
        was = now if bool(now & _EXECUTABLE) == executable else (now | 0o111 if executable else now & ~0o111)
        return was, now
    return (0o755 if executable else 0o644), now


def _note(uncovered: Sequence[str]) -> str:
    if not uncovered:
        return ""
    shown = ", ".join(sorted(uncovered)[:3]) + (", …" if len(uncovered) > 3 else "")
    return (
        f"{plural(len(uncovered), 'file')} changed by this command cannot be undone ({shown}): "
        f"more than {MAX_FILES:,} files or {human_bytes(MAX_BYTES)}, or not readable."
    )

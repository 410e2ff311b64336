"""What a commit keeps for the way back: contents before and after in the store, large ones as records or in parts."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cherry.domain.errors import CherryError, edits
from cherry.edits.files.contents import Held, Pieced, Stored
from cherry.edits.files.folders import Bases, Folders
from cherry.edits.filesystem import Filesystem
from cherry.edits.planning.large import PART, LargeChange, whole
from cherry.edits.planning.plan import PlannedFile
from cherry.edits.ports import ContentStore

_SPOOL = "spool"
_FORGOTTEN_SECONDS = 86_400.0


class Keeper:
    """Between the workspace and the store."""

    def __init__(self, store: ContentStore, filesystem: Filesystem, root: Path, state_folder: Path) -> None:
        self._store = store
        self._filesystem = filesystem
        self._root = root
        self._spool = state_folder / _SPOOL

    async def keep(self, files: Sequence[PlannedFile]) -> dict[str, str]:
        """Store what undoing will need; durable when it returns. Path → name of the record, for large files."""
        records = {}
        for file in files:
            if not file.content_changes and not file.renamed_from:
                continue
            if file.before is not None and file.before.data is not None:
                await self._store.put(file.before.data)
            if isinstance(file.after, Held):
                await self._store.put(file.after.data)
            change = await self._large(file)
            if change is not None:
                records[file.path] = await self._store.put(change.to_json(file.before_digest, file.after_digest))
        return records

    async def lay_out(self, files: Sequence[PlannedFile]) -> tuple[PlannedFile, ...]:
        """The same files, with contents that are kept in parts joined in a file of Cherry's own folder."""
        return tuple(
            [
                replace(file, after=await self._joined(file.after)) if isinstance(file.after, Stored) else file
                for file in files
            ]
        )

    def tidy(self, files: Sequence[PlannedFile]) -> None:
        """Remove what `lay_out` made."""
        for file in files:
            if isinstance(file.after, Pieced) and file.after.base.startswith("/"):
                Path(file.after.base).unlink(missing_ok=True)

    def sweep(self, now: float) -> None:
        """Remove what a kill in the middle of an undo left long ago; `now` in seconds since 1970."""
        for path in self._spool.glob("*"):
            with suppress(OSError):  # another process sweeps too; what stays is only space
                if now - path.stat().st_mtime > _FORGOTTEN_SECONDS:
                    path.unlink()

    async def _large(self, file: PlannedFile) -> LargeChange | None:
        if file.large is not None and file.large.steps:
            return file.large
        before = None
        if file.content_changes and file.before is not None and file.before.large:
            before = await self._in_parts(file)
        after = file.large.after if file.large else None
        return LargeChange(before=before, after=after) if before or after else None

    async def _in_parts(self, file: PlannedFile) -> Stored:
        assert file.before is not None
        parts: list[str] = []
        with Folders(self._filesystem, str(self._root)) as folders, Bases(self._filesystem, folders) as bases:
            read = bases.reader(file.source)
            for offset in range(0, file.before.size, PART):
                data = await asyncio.to_thread(read, PART, offset)
                if not data:
                    raise CherryError(edits.STALE, where=file.source)
                parts.append(await self._store.put(data))
        return Stored(tuple(parts))

    async def _joined(self, content: Stored) -> Pieced:
        path = self._spool / secrets.token_hex(8)
        await asyncio.to_thread(self._spool.mkdir, mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for part in content.parts:
                await asyncio.to_thread(_write_all, handle, await self._store.get(part))
            return whole(str(path), os.fstat(handle).st_size)
        finally:
            os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]

"""Run by the tests as a program of its own: one Cherry of several that edit the same file at once.

Arguments: folder, its own name, how many lines to add. Each line is put before the last line of `shared.txt`; a refusal because
another process was faster means planning again, a bounded number of times.
"""

import asyncio
import sys
from pathlib import Path

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace, Write
from cherry.edits.editor import Editor
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore


async def main() -> None:
    folder, name, lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    editor = Editor(Jail(folder / "workspace"), MemoryStore().blobs, folder / "state")
    for number in range(lines):
        line = f"{name} {number}\n"
        wanted = [
            Replace(path="shared.txt", old="THE END\n", new=f"{line}THE END\n"),
            Write(path=f"{name}/{number}.txt", content=line),
        ]
        for _ in range(1000):
            try:
                await editor.commit(await editor.plan(wanted), change_id=f"{name}{number}")
                break
            except CherryError as error:
                if error.kind not in (edits.STALE, edits.LOCKED):
                    raise
        else:
            raise SystemExit("never got its turn")


asyncio.run(main())

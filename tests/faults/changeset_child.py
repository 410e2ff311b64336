"""Run by the tests as a program of its own: commits change sets and dies of a real SIGKILL at a chosen system call.

Reads one JSON object from standard input: `edits`, `folders` (each with a workspace and a state folder), `only` (names of
the calls that count), and `calls`, the number of the call to die at in each folder. Each dies in a process of
its own, forked before any thread is started.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from cherry.edits.edit import EDIT, Edit
from cherry.edits.editor import Editor
from cherry.security.jail import Jail
from cherry.storage.memory import MemoryStore
from cherry.testing.disk import FaultyFilesystem


async def commit(folder: Path, edits: list[Edit], number: int, only: list[str]) -> None:
    dying = FaultyFilesystem([number], only=only, meanwhile=lambda: os.kill(os.getpid(), signal.SIGKILL))
    blobs = MemoryStore().blobs
    plan = await Editor(Jail(folder / "workspace"), blobs, folder / "state").plan(edits)
    await Editor(Jail(folder / "workspace"), blobs, folder / "state", filesystem=dying).commit(plan, change_id="c")


def main() -> None:
    wanted = json.load(sys.stdin)
    edits = [EDIT.validate_python(edit) for edit in wanted["edits"]]
    ends = []
    for folder, number in zip(wanted["folders"], wanted["calls"], strict=True):
        process = os.fork()
        if process == 0:
            asyncio.run(commit(Path(folder), edits, number, wanted["only"]))
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    print(json.dumps(ends))


if __name__ == "__main__":
    main()

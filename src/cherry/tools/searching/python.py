"""Searching with Python's own regular expressions, in a process of its own: a pattern may take for ever, a process can be ended.

Used where there is no ripgrep, and for patterns with look-around or back-references.
"""

import asyncio
import os
import sys
from pathlib import Path

import cherry
from cherry.domain.errors import CherryError, tools
from cherry.git.command import Git
from cherry.tools.searching.matches import MAX_FILE_BYTES, MAX_PER_FILE, Collector, Found, Query
from cherry.tools.searching.programs import JsonLines, json_lines
from cherry.tools.walking import workspace_files

_WORKER = "cherry.tools.searching.worker"


class PythonSearch:
    def __init__(self, git: Git, root: Path) -> None:
        self._git = git
        self._root = root

    async def search(self, query: Query) -> Found:
        """Raises CherryError(tools.BAD_PATTERN)."""
        files = await workspace_files(self._git, self._root, query.below)
        names = [name for name in files.names if query.accepts(name)]
        request = [query.pattern.encode("utf-8", "surrogatepass"), *(os.fsencode(name) for name in names)]
        collector = Collector(query)
        timed_out = False
        # -P: nothing is imported from the folder it runs in, which is the untrusted workspace.
        command = [sys.executable, "-P", "-m", _WORKER, str(self._root), str(MAX_PER_FILE), str(MAX_FILE_BYTES)]
        environment = {"PYTHONPATH": str(Path(cherry.__file__).parent.parent), "LC_ALL": "C.UTF-8"}
        async with json_lines(command, folder=Path("/"), environment=environment, stdin=b"\0".join(request)) as lines:
            try:
                async with asyncio.timeout(query.seconds):
                    await _collect(lines, collector)
            except TimeoutError:
                timed_out = True
        return collector.found(timed_out=timed_out, remark=files.left_out)


async def _collect(lines: JsonLines, collector: Collector) -> None:
    async for item in lines.items():
        if "error" in item:
            raise CherryError(tools.BAD_PATTERN, "The pattern cannot be used", why=str(item["error"]))
        collector.add(os.fsdecode(bytes.fromhex(item["path"])), item["line"], item["text"], item["start"])
        if collector.full:
            return

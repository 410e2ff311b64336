"""Searching with ripgrep: fast, linear in time for every pattern it accepts, honours ignore files."""

import asyncio
import base64
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cherry.domain.errors import CherryError, tools
from cherry.kernel.text import one_line, visible
from cherry.tools.searching.matches import MAX_FILE_BYTES, MAX_PER_FILE, Collector, Found, Query
from cherry.tools.searching.programs import JsonLines, json_lines
from cherry.tools.walking import CLUTTER

_OPTIONS = (
    "--json",
    "--no-config",
    "--no-messages",
    "--hidden",
    "--no-require-git",
    f"--max-filesize={MAX_FILE_BYTES}",
    f"--max-count={MAX_PER_FILE}",
    *(f"--glob=!{name}" for name in sorted(CLUTTER & {".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__"})),
)
IGNORED = "Files ignored by git are left out."


class UnsupportedPatternError(Exception):
    """The pattern needs look-around or back-references, which ripgrep does not have."""


class Ripgrep:
    def __init__(self, program: str, root: Path) -> None:
        self._program = program
        self._root = root

    async def search(self, query: Query) -> Found:
        """Raises CherryError(tools.BAD_PATTERN), UnsupportedPatternError, OSError when it cannot be started."""
        collector = Collector(query)
        command = [self._program, *_OPTIONS, *_only(query.glob), f"--regexp={query.pattern}", "--", query.below]
        async with json_lines(command, folder=self._root, environment={"LC_ALL": "C"}) as lines:
            try:
                async with asyncio.timeout(query.seconds):
                    await _collect(lines, collector)
            except TimeoutError:
                return collector.found(timed_out=True, remark=IGNORED)
            if not collector.full and await lines.code() == 2:
                _refuse(await lines.errors())
        return collector.found(timed_out=False, remark="" if collector.matches else IGNORED)


def find_ripgrep(environ: Mapping[str, str]) -> str | None:
    # An entry of PATH that is not absolute would be looked up in the repository.
    path = ":".join(entry for entry in environ.get("PATH", os.defpath).split(":") if entry.startswith("/"))
    return shutil.which("rg", path=path)


def _only(glob: str) -> tuple[str, ...]:
    """A file type, unlike `--glob`, does not bring back what is ignored; it knows names only."""
    simple = glob and "/" not in glob and "!" not in glob and "**" not in glob
    return (f"--type-add=wanted:{glob}", "--type=wanted") if simple else ()


async def _collect(lines: JsonLines, collector: Collector) -> None:
    async for item in lines.items():
        if item.get("type") == "match":
            _add(item["data"], collector)
            if collector.full:
                return


def _add(data: dict[str, Any], collector: Collector) -> None:
    raw = _bytes(data["lines"])
    first = data["submatches"][0]["start"] if data["submatches"] else 0
    start = len(raw[:first].decode("utf-8", "replace"))
    path = os.fsdecode(_bytes(data["path"])).removeprefix("./")
    collector.add(path, data.get("line_number") or 0, raw.decode("utf-8", "backslashreplace"), start)


def _bytes(value: dict[str, str]) -> bytes:
    return value["text"].encode() if "text" in value else base64.b64decode(value["bytes"])


def _refuse(errors: str) -> None:
    if "look-around" in errors or "backreference" in errors:
        raise UnsupportedPatternError
    if not errors.strip():
        return  # some files could not be read
    reason = errors.strip().rpartition("error:")[2] or errors
    raise CherryError(tools.BAD_PATTERN, "The pattern cannot be used", why=one_line(visible(reason), 300))

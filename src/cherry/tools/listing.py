"""`fs.list` and `fs.glob`: what is where."""

import asyncio
import os
import stat
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.domain.views import SearchView, TextView
from cherry.git.command import Git
from cherry.kernel.text import human_bytes, plural
from cherry.security.jail import Jail
from cherry.tools.context import Intent, ToolContext
from cherry.tools.files import titled, workspace
from cherry.tools.globs import matcher
from cherry.tools.names import PathText, shown
from cherry.tools.tool import Output, tool
from cherry.tools.walking import workspace_files

_LISTED = 500
_LOOKED_AT = 20_000
_FOUND = 200


class ListingTools:
    def __init__(self, jail: Jail, git: Git) -> None:
        self._jail = jail
        self._git = git

    @tool(
        "fs.list",
        effect="read",
        category="filesystem",
        title=titled("List"),
        resources=workspace,
        asks_itself=True,
        timeout_seconds=30,
    )
    async def list(self, ctx: ToolContext, path: PathText = ".") -> Output:
        """List one folder: folders first, then files with their sizes."""
        jailed = self._jail.resolve(path)
        await ctx.proceed(Intent(f"List {shown(jailed.relative)}", "read", reads=(jailed.relative,)))
        text = await asyncio.to_thread(_folder_text, jailed.absolute, shown(jailed.relative))
        return Output(text, TextView(text=text), untrusted=True)

    @tool(
        "fs.glob",
        effect="read",
        category="filesystem",
        resources=workspace,
        title=lambda given: f"Find {given.get('pattern', '')}",
        asks_itself=True,
        timeout_seconds=30,
    )
    async def glob(self, ctx: ToolContext, pattern: str, path: PathText = ".") -> Output:
        """Find files by name, newest first: *.py (at any depth), src/**/*.ts, {a,b}.md."""
        jailed = self._jail.resolve(path)
        fits = matcher(pattern.removeprefix(f"{self._jail.root}/"))
        await ctx.proceed(Intent(f"Find {shown(pattern)}", "read", reads=(jailed.relative,)))
        if not await asyncio.to_thread(jailed.absolute.is_dir):
            raise not_a_folder(jailed.absolute, shown(jailed.relative))
        files = await workspace_files(self._git, self._jail.root, jailed.relative)
        prefix = "" if jailed.relative == "." else f"{jailed.relative}/"
        newest = await asyncio.to_thread(_newest, self._jail.root, _fitting(files.names, prefix, fits))
        lines = [shown(name) for name in newest[:_FOUND]]
        if len(newest) > _FOUND:
            lines.append(f"… and {len(newest) - _FOUND:,} more; give a narrower pattern.")
        summary = f"{plural(len(newest), 'file')} found. {files.left_out}".rstrip()
        return Output(
            "\n".join([*lines, summary]),
            SearchView(query=pattern, matches=len(newest), files=len(newest)),
            untrusted=True,
        )


def _fitting(names: Iterable[str], prefix: str, fits: object) -> list[str]:
    assert callable(fits)
    return [name for name in names if name.startswith(prefix) and fits(name[len(prefix) :])]


def _newest(root: Path, names: list[str]) -> list[str]:
    """Those that exist, newest first; beyond a bound in the order given."""
    dated: list[tuple[int, str]] = []
    for name in islice(names, _LOOKED_AT):
        try:
            dated.append((os.lstat(f"{root}/{name}").st_mtime_ns, name))
        except OSError:  # known to git and gone, or gone meanwhile
            continue
    dated.sort(key=lambda item: (-item[0], item[1]))
    return [name for _, name in dated] + names[_LOOKED_AT:]


class _Entry(NamedTuple):
    is_file: bool
    name: str
    line: str


def _folder_text(folder: Path, name: str) -> str:
    try:
        with os.scandir(folder) as found:
            entries = sorted(_entry(entry) for entry in islice(found, _LOOKED_AT))
    except NotADirectoryError:
        raise not_a_folder(folder, name) from None
    except FileNotFoundError:
        raise not_a_folder(folder, name) from None
    except OSError as error:
        raise CherryError(tools.UNREADABLE, where=name, why=error.strerror or str(error)) from error
    if not entries:
        return f"{name} is empty."
    lines = [entry.line for entry in entries[:_LISTED]]
    if len(entries) > _LISTED:
        count = f"{len(entries) - _LISTED:,}" if len(entries) < _LOOKED_AT else "very many"
        lines.append(f"… and {count} more; use fs.glob with a pattern.")
    return "\n".join(lines)


def _entry(entry: os.DirEntry[str]) -> _Entry:
    name = shown(entry.name)
    try:
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            return _Entry(True, name, f"{name} -> {shown(os.readlink(entry.path))}")  # noqa: PTH115 — the raw text
    except OSError:
        return _Entry(True, name, f"{name}  (cannot be looked at)")
    if stat.S_ISDIR(found.st_mode):
        return _Entry(False, name, f"{name}/")
    if stat.S_ISREG(found.st_mode):
        return _Entry(True, name, f"{name}  {human_bytes(found.st_size)}")
    return _Entry(True, name, f"{name}  (a device, pipe or socket)")


def not_a_folder(path: Path, name: str) -> CherryError:
    if not os.path.lexists(path):
        return CherryError(tools.NO_SUCH_PATH, f"There is no folder {name}", next_step="List the folder above it.")
    return CherryError(tools.NOT_A_FOLDER, f"{name} is not a folder", next_step="Read it with fs.read.")

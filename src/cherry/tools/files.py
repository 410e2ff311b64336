"""`fs.read`, `fs.write`, `fs.edit`, `fs.apply`: files and parts of them, read as numbered lines, written as change sets.

What a model has seen of a file is noted by its hash in `ToolContext.seen`; the editor refuses to overwrite what it has not seen.
"""

import asyncio
import posixpath
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from cherry.domain.errors import CherryError, tools
from cherry.domain.events import ChangesApplied, FileChange
from cherry.domain.views import FileView
from cherry.edits.edit import Edit, Replace, Write
from cherry.edits.editor import Editor
from cherry.edits.planning.plan import Plan
from cherry.kernel.text import human_bytes
from cherry.security.jail import Jail
from cherry.storage.ports import Blobs
from cherry.tools.context import Intent, ToolContext
from cherry.tools.names import MAX_PATH, PathText, shown
from cherry.tools.patches import edits_of, patch_title
from cherry.tools.reading import Excerpt, excerpt_of, read_file
from cherry.tools.tool import Output, tool
from cherry.tools.wrappers.cut import OUTPUT_PREFIX

DEFAULT_LINES = 2_000
_MOST_WRITTEN = 10 << 20


def path_of(arguments: dict[str, Any]) -> tuple[str, ...]:
    """The resource a call with a path touches. Two spellings of one relative path are the same; an absolute one may be anything."""
    path = str(arguments.get("path", ""))
    if not path or path.startswith("/") or len(path) > MAX_PATH:
        return ("workspace",)
    return (f"path:{posixpath.normpath(path)}",)


def workspace(_arguments: dict[str, Any]) -> tuple[str, ...]:
    """The resource of a call that may touch any file."""
    return ("workspace",)


def titled(verb: str) -> Callable[[dict[str, Any]], str]:
    return lambda given: f"{verb} {shown(str(given.get('path', '')))}"


class FileTools:
    def __init__(self, jail: Jail, editor: Editor, blobs: Blobs) -> None:
        self._jail = jail
        self._editor = editor
        self._blobs = blobs

    @tool(
        "fs.read",
        effect="read",
        category="filesystem",
        title=titled("Read"),
        resources=path_of,
        asks_itself=True,
        bounds_itself=True,
        timeout_seconds=60,
    )
    async def read(
        self,
        ctx: ToolContext,
        path: PathText,
        offset: Annotated[int, Field(ge=0, description="first line, from 1")] = 1,
        limit: Annotated[int, Field(ge=1, le=DEFAULT_LINES)] = DEFAULT_LINES,
    ) -> Output:
        """Read a text file as numbered lines (number, tab, text; the numbers are not part of the file). Read before editing."""
        first = max(1, offset)
        if path.startswith(OUTPUT_PREFIX):
            data = await self._blobs.get(path.removeprefix(OUTPUT_PREFIX))
            excerpt = await asyncio.to_thread(excerpt_of, data, path, first=first, limit=limit)
            return _listing(path, excerpt._replace(digest=""))  # no file that could change
        jailed = self._jail.resolve(path)
        await ctx.proceed(Intent(f"Read {shown(path)}", "read", reads=(jailed.relative,)))
        excerpt = await asyncio.to_thread(read_file, self._jail.root, jailed.relative, first=first, limit=limit)
        if excerpt.digest:
            ctx.seen[jailed.relative] = excerpt.digest
        return _listing(jailed.relative, excerpt)

    @tool(
        "fs.write",
        effect="edit",
        category="filesystem",
        title=titled("Write"),
        resources=path_of,
        asks_itself=True,
        timeout_seconds=120,
        security_level="medium",
    )
    async def write(self, ctx: ToolContext, path: PathText, content: str) -> Output:
        """Create a file, or replace all of one you have read. Missing folders are made. To change part of a file use fs_edit."""
        if len(content) > _MOST_WRITTEN:
            raise CherryError(tools.BAD_ARGUMENTS, f"`content` is longer than {human_bytes(_MOST_WRITTEN)}")
        return await self._change(ctx, f"Write {shown(path)}", (Write(path=path, content=content),))

    @tool(
        "fs.edit",
        effect="edit",
        category="filesystem",
        title=titled("Edit"),
        resources=path_of,
        asks_itself=True,
        timeout_seconds=120,
        security_level="medium",
    )
    async def edit(self, ctx: ToolContext, path: PathText, old: str, new: str, all: bool = False) -> Output:
        """Replace text in a file. old must be copied exactly, with indentation, and stand in the file once (or set all): take
        along lines around it to make it unique. Small edits beat rewriting files."""
        return await self._change(ctx, f"Edit {shown(path)}", (Replace(path=path, old=old, new=new, all=all),))

    @tool(
        "fs.apply",
        effect="edit",
        category="filesystem",
        title=patch_title,
        resources=workspace,
        asks_itself=True,
        timeout_seconds=120,
        security_level="medium",
    )
    async def apply(self, ctx: ToolContext, patch: str) -> Output:
        """Change several files at once, all or nothing: *** Begin Patch, sections *** Add File: path, *** Update File: path (then
        perhaps *** Move to: path; hunks start with @@, lines with - + or space), *** Delete File: path, *** End Patch. Unified
        diffs and SEARCH/REPLACE blocks work too."""
        wanted = await asyncio.to_thread(edits_of, patch)
        return await self._change(ctx, patch_title({"patch": patch}), wanted)

    async def _change(self, ctx: ToolContext, title: str, wanted: tuple[Edit, ...]) -> Output:
        plan = await self._planned(ctx, wanted)
        await ctx.proceed(Intent(title, "edit", plan.view, writes=plan.writes, expects=plan.expects))
        change_id = ctx.change_id
        changes = await self._editor.commit(plan, change_id=change_id)
        await ctx.record(ChangesApplied(change_id=change_id, call_id=ctx.call.id, files=changes))
        _note_seen(ctx, changes)
        text = "\n".join([_summary(plan), *plan.notes, plan.shown]).rstrip()
        # The lines around a change are the file's; a new file holds nothing but what the model wrote.
        return Output(text, plan.view, untrusted=any(file.change != "created" for file in plan.view.files))

    async def _planned(self, ctx: ToolContext, wanted: tuple[Edit, ...]) -> Plan:
        try:
            return await self._editor.plan(wanted, known=ctx.seen)
        except CherryError as error:
            if len(wanted) == 1:
                raise
            # Said aloud, because models take a refused part for the only part that was refused.
            told = f"{error.next_step} Nothing was changed: all {len(wanted)} edits are applied together or none."
            raise CherryError(error.kind, error.what, where=error.where, why=error.why, next_step=told) from None


def _note_seen(ctx: ToolContext, changes: Sequence[FileChange]) -> None:
    """Who edits a place in a file without having read it has not seen the rest of it."""
    for change in changes:
        ctx.seen.pop(change.renamed_from, None)
        known = not change.before or ctx.seen.get(change.path) == change.before
        if change.after and known:
            ctx.seen[change.path] = change.after
        elif not change.after:
            ctx.seen.pop(change.path, None)


def _summary(plan: Plan) -> str:
    return "\n".join(
        f"{file.change.capitalize()} {shown(file.path)} (+{file.added} −{file.removed})." for file in plan.view.files
    )


def _listing(name: str, excerpt: Excerpt) -> Output:
    numbered = [f"{number:>6}\t{line}" for number, line in enumerate(excerpt.lines, excerpt.first)]
    view = FileView(
        path=shown(name),
        real_path="" if shown(name) == name else name,
        first_line=excerpt.first,
        lines=len(excerpt.lines),
        total_lines=excerpt.total or 0,
        content_hash=excerpt.digest,
    )
    return Output("\n".join([*numbered, _remark(excerpt)]).rstrip("\n"), view, untrusted=True)


def _remark(excerpt: Excerpt) -> str:
    total = f"{excerpt.total:,}" if excerpt.total is not None else f"very many, {human_bytes(excerpt.size)}"
    remarks = []
    if not excerpt.lines:
        remarks.append("The file is empty.")
    elif excerpt.stopped:
        remarks.append(f"Lines {excerpt.first}-{excerpt.last} of {total}; read on with offset {excerpt.last + 1}.")
    elif excerpt.first > 1:
        remarks.append(f"Lines {excerpt.first}-{excerpt.last} of {total}, the end of the file.")
    if excerpt.encoding != "utf-8":
        remarks.append(f"Encoding: {excerpt.encoding}.")
    return f"[{' '.join(remarks)}]" if remarks else ""

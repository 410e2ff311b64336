"""`git.status`, `git.diff`, `git.log`, `git.commit`: git's own words for the model, values for people."""

import os
import posixpath
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from cherry.domain.views import TextView
from cherry.git.command import Git
from cherry.git.commit import CommitPlan, commit, plan_commit
from cherry.git.diff import read_diff
from cherry.git.log import read_log
from cherry.git.status import Entry, Status, read_status
from cherry.kernel.text import one_line, plural
from cherry.security.jail import Jail
from cherry.tools.context import Intent, ToolContext
from cherry.tools.files import workspace
from cherry.tools.names import PathText, shown, storable
from cherry.tools.tool import Output, tool

_LISTED = 200
_SECONDS = 120


class GitTools:
    def __init__(self, git: Git, jail: Jail) -> None:
        self._git = git
        self._jail = jail

    @tool(
        "git.status",
        effect="read",
        category="git",
        resources=workspace,
        title=lambda _given: "Git status",
        timeout_seconds=_SECONDS,
    )
    async def status(self, ctx: ToolContext) -> Output:
        """Branch, and what is staged, changed, untracked or in conflict."""
        return Output(_status_text(await read_status(self._git)), untrusted=True)

    @tool(
        "git.diff",
        effect="read",
        category="git",
        resources=workspace,
        title=lambda _given: "Git diff",
        timeout_seconds=_SECONDS,
    )
    async def diff(self, ctx: ToolContext, paths: tuple[PathText, ...] = (), staged: bool = False) -> Output:
        """Changes since the last commit (staged: only what is staged). Untracked files are not in it."""
        diff = await read_diff(self._git, *self._checked(paths), staged=staged)
        text = diff.text or "No differences."
        return Output(text + ("\n[the rest is too long]" if diff.cut else ""), diff.view, untrusted=True)

    @tool(
        "git.log",
        effect="read",
        category="git",
        resources=workspace,
        title=lambda _given: "Git log",
        timeout_seconds=_SECONDS,
    )
    async def log(
        self, ctx: ToolContext, paths: tuple[PathText, ...] = (), limit: Annotated[int, Field(ge=1, le=500)] = 20
    ) -> Output:
        """Commits, newest first."""
        commits = await read_log(self._git, *self._checked(paths), limit=limit)
        lines = [
            f"{item.short} {item.date[:16]} {storable(item.author)}: {storable(item.subject)}"
            + (f" ({storable(item.refs)})" if item.refs else "")
            for item in commits
        ]
        return Output("\n".join(lines) or "No commits.", untrusted=True)

    @tool(
        "git.commit",
        effect="run",
        category="git",
        title=lambda given: f"Commit: {one_line(str(given.get('message', '')), 80)}",
        asks_itself=True,
        timeout_seconds=_SECONDS,
        security_level="medium",
    )
    async def commit(
        self,
        ctx: ToolContext,
        message: Annotated[str, Field(min_length=1, max_length=20_000)],
        paths: tuple[PathText, ...] = (),
    ) -> Output:
        """Commit the files or folders named, new files included, and nothing else. Without paths: all changed files git knows, and
        only if nothing is staged. Commit only when the user asked for it."""
        plan = await plan_commit(self._git, self._checked(paths), may_commit=self._may_commit)
        title = f"Commit {plural(len(plan.entries), 'file')}: {one_line(message, 60)}"
        names = tuple(entry.path for entry in plan.entries)
        view = TextView(text=f"{message}\n\n{_entries_text(plan.entries)}\n{_left_text(plan)}".rstrip())
        await ctx.proceed(Intent(title, "run", view, reads=names))
        done = await commit(self._git, plan, message)
        branch = plan.branch or "a detached HEAD"
        text = f"Committed {done.short} on {branch}, hooks not run:\n{_entries_text(plan.entries)}\n{_left_text(plan)}"
        return Output(text.rstrip(), view, untrusted=True)

    def _may_commit(self, path: str) -> bool:
        return not self._jail.protected.secret_reason(path)

    def _checked(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Relative to the workspace and inside it; links are not followed, git knows them as links."""
        checked = []
        for path in paths:
            self._jail.resolve(path)
            relative = os.path.relpath(path, self._jail.root) if path.startswith("/") else path
            checked.append(posixpath.normpath(relative))
        return tuple(checked)


def _status_text(status: Status) -> str:
    lines = [_head_line(status)]
    if status.operation:
        lines.append(f"A {status.operation} is under way.")
    groups = {
        "Conflicts": [entry for entry in status.entries if entry.conflicted],
        "Staged": [entry for entry in status.entries if entry.is_staged],
        "Changed, not staged": [
            entry for entry in status.entries if entry.unstaged not in ".?" and not entry.conflicted
        ],
        "Untracked": [entry for entry in status.entries if entry.untracked],
    }
    for name, entries in groups.items():
        if entries:
            lines += [f"{name}:", *(f"  {_letter(entry, name)} {_name(entry)}" for entry in entries[:_LISTED])]
            if len(entries) > _LISTED:
                lines.append(f"  … and {len(entries) - _LISTED:,} more")
    if status.clean:
        lines.append("Nothing has changed.")
    if status.cut:
        lines.append("There is more; the rest was not read.")
    return "\n".join(lines)


def _head_line(status: Status) -> str:
    where = f"On branch {storable(status.branch)}" if status.branch else "Detached HEAD"
    if not status.commit:
        where += ", no commit yet"
    elif not status.branch:
        where += f" at {status.commit[:10]}"
    if status.upstream:
        where += f", upstream {storable(status.upstream)}"
        apart = [f"{count} {word}" for count, word in ((status.ahead, "ahead"), (status.behind, "behind")) if count]
        where += f" ({', '.join(apart)})" if apart else ""
    return where + "."


def _letter(entry: Entry, group: str) -> str:
    if entry.untracked:
        return "?"
    if group == "Conflicts":
        return entry.staged + entry.unstaged
    return entry.staged if group == "Staged" else entry.unstaged


def _name(entry: Entry) -> str:
    return f"{shown(entry.old_path)} -> {shown(entry.path)}" if entry.old_path else shown(entry.path)


def _entries_text(entries: Sequence[Entry]) -> str:
    lines = [f"  {_kind(entry)} {_name(entry)}" for entry in entries[:_LISTED]]
    return "\n".join(lines + ([f"  … and {len(entries) - _LISTED:,} more"] if len(entries) > _LISTED else []))


def _kind(entry: Entry) -> str:
    if entry.untracked:
        return "A"
    return entry.unstaged if entry.unstaged != "." else entry.staged


def _left_text(plan: CommitPlan) -> str:
    lines = []
    if plan.left_staged:
        lines.append(f"Stays staged, not committed: {_names(plan.left_staged)}.")
    if plan.left_secret:
        lines.append(f"Left out, it may hold secrets: {_names(plan.left_secret)}.")
    if plan.left_untracked:
        lines.append(f"New and not committed: {_names(plan.left_untracked)}.")
    return "\n".join(lines)


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 10:,} more" if len(paths) > 10 else ""
    return ", ".join(shown(path) for path in paths[:10]) + more

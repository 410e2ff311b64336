"""Committing exactly the files named, and nothing a person has staged beside them.

Works on `git commit --only`: other staged changes stay staged. Files git does not know yet are added first, and taken out of the index
again when the commit does not come about.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.git.command import Answer, Git, failure
from cherry.git.status import Entry, Status, read_status

_SECONDS = 60.0


class CommitPlan(NamedTuple):
    entries: tuple[Entry, ...]
    """What will be in the commit."""
    left_staged: tuple[str, ...]
    """What somebody staged and stays staged."""
    left_untracked: tuple[str, ...]
    """New files that are not taken along."""
    left_secret: tuple[str, ...]
    """What was chosen and may not be committed."""
    branch: str
    filters: tuple[str, ...]


class Committed(NamedTuple):
    id: str
    short: str


async def plan_commit(
    git: Git, paths: Sequence[str] = (), *, may_commit: Callable[[str], bool] = lambda _path: True
) -> CommitPlan:
    """With paths (files, or folders for all in them): what changed there, new files included. Without: what changed in files
    git knows, and only while nothing is staged. Raises CherryError(tools.GIT_FAILED, NO_REPOSITORY)."""
    status, filters = await asyncio.gather(read_status(git, all_untracked=True), git.neutral_filters())
    _refuse_unfinished(status)
    staged = tuple(entry.path for entry in status.entries if entry.is_staged)
    if not paths and staged:
        raise CherryError(
            tools.GIT_FAILED,
            f"Somebody has staged changes: {_listed(staged)}",
            why="without paths it is not clear whether they belong into this commit",
            next_step="Name in `paths` exactly what to commit; what is staged beside it stays staged.",
        )
    wanted = [entry for entry in status.entries if _is_chosen(entry, paths)]
    chosen = tuple(entry for entry in wanted if may_commit(entry.path))
    _refuse_nothing(chosen, paths, status)
    taken = {entry.path for entry in wanted}
    untracked = tuple(entry.path for entry in status.entries if entry.untracked and entry.path not in taken)
    return CommitPlan(
        entries=chosen,
        left_staged=tuple(path for path in staged if path not in taken),
        left_untracked=untracked,
        left_secret=tuple(entry.path for entry in wanted if entry not in chosen),
        branch=status.branch,
        filters=filters,
    )


async def commit(git: Git, plan: CommitPlan, message: str) -> Committed:
    """Raises CherryError(tools.GIT_FAILED); the index is then as it was."""
    new = [entry.path for entry in plan.entries if entry.untracked]
    paths = [
        path for entry in plan.entries for path in (entry.path, entry.old_path if entry.staged == "R" else "") if path
    ]
    if new:
        await _change_index(git, "--add", new, plan.filters)
    answer = await git.run(
        "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--no-status", "--cleanup=whitespace", "--file=-", "--only", "--",
        *paths,
        stdin=message.encode("utf-8", "backslashreplace"), writes=True, filters=plan.filters, seconds=_SECONDS,
    )  # fmt: skip
    if answer.code != 0:
        if new:
            await _change_index(git, "--force-remove", new, plan.filters)
        raise _refusal(answer)
    made = await git.ask("log", "-1", "--format=%H %h", "--no-show-signature")
    whole, short = made.stdout.decode("ascii").split()
    return Committed(whole, short)


def _refuse_unfinished(status: Status) -> None:
    conflicts = tuple(entry.path for entry in status.entries if entry.conflicted)
    if conflicts:
        raise CherryError(tools.GIT_FAILED, f"There are unresolved conflicts: {_listed(conflicts)}")
    if status.operation:
        raise CherryError(
            tools.GIT_FAILED,
            f"A {status.operation} is under way",
            next_step="Finish it with git through shell.run, or ask the user.",
        )
    if status.cut:
        raise CherryError(
            tools.GIT_FAILED, "There are too many changes to look through", next_step="Use git through shell.run."
        )


def _is_chosen(entry: Entry, paths: Sequence[str]) -> bool:
    if not paths:
        return not entry.untracked
    names = (entry.path, entry.old_path)
    return any(path == "." or name == path or name.startswith(f"{path}/") for path in paths for name in names if name)


def _refuse_nothing(chosen: tuple[Entry, ...], paths: Sequence[str], status: Status) -> None:
    for path in paths:
        if not any(_is_chosen(entry, [path]) for entry in chosen):
            raise CherryError(
                tools.GIT_FAILED, f"Nothing has changed at {path}", why=f"changed are: {_listed(_names(status))}"
            )
    if not chosen:
        untracked = [entry.path for entry in status.entries if entry.untracked]
        why = f"there are only new files: {_listed(untracked)}" if untracked else "nothing has changed"
        raise CherryError(
            tools.GIT_FAILED, "There is nothing to commit", why=why, next_step="Name new files in `paths`."
        )


def _names(status: Status) -> list[str]:
    return [entry.path for entry in status.entries]


def _listed(paths: Sequence[str]) -> str:
    names = ", ".join(os.fsencode(path).decode("utf-8", "backslashreplace") for path in paths[:10])
    return (names or "nothing") + (f" and {len(paths) - 10} more" if len(paths) > 10 else "")


async def _change_index(git: Git, how: str, paths: Sequence[str], filters: tuple[str, ...]) -> None:
    stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
    answer = await git.run(
        "update-index", how, "-z", "--stdin", stdin=stdin, writes=True, filters=filters, seconds=_SECONDS
    )
    if answer.code != 0:
        raise failure("add", answer)


def _refusal(answer: Answer) -> CherryError:
    if "tell me who you are" in answer.stderr or "auto-detection is disabled" in answer.stderr:
        return CherryError(
            tools.GIT_FAILED,
            "Git does not know who commits",
            next_step="Ask the user to set user.name and user.email with git config.",
        )
    return failure("commit", answer)

"""What git says of the working tree, as values. Paths are relative to the folder asked about; what lies outside it is left out."""

import asyncio
import os
from typing import NamedTuple

from cherry.git.command import Git

_OPERATIONS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)


class Entry(NamedTuple):
    path: str
    """May hold surrogates for bytes that are not UTF-8."""
    staged: str
    """One of git's letters `MTADRC`, `U` for a conflict, `.` for unchanged, `?` for untracked."""
    unstaged: str
    old_path: str = ""
    """Where a renamed or copied file was."""

    @property
    def untracked(self) -> bool:
        return self.staged == "?"

    @property
    def conflicted(self) -> bool:
        return "U" in (self.staged, self.unstaged) or (self.staged, self.unstaged) in (("A", "A"), ("D", "D"))

    @property
    def is_staged(self) -> bool:
        return self.staged not in ".?" and not self.conflicted


class Status(NamedTuple):
    branch: str
    """Empty when HEAD is detached."""
    commit: str
    """Empty when there is no commit yet."""
    upstream: str
    ahead: int
    behind: int
    operation: str
    """`merge`, `rebase`, … when one is under way."""
    entries: tuple[Entry, ...]
    cut: bool = False

    @property
    def clean(self) -> bool:
        return not self.entries


async def read_status(git: Git, *paths: str, all_untracked: bool = False) -> Status:
    """Of everything in the folder, or of some paths. Raises CherryError(tools.NO_REPOSITORY, GIT_FAILED)."""
    place, filters = await asyncio.gather(
        git.ask("rev-parse", "--absolute-git-dir", "--show-prefix"), git.neutral_filters()
    )
    git_folder, _, prefix = os.fsdecode(place.stdout).removesuffix("\n").partition("\n")
    answer = await git.ask(
        "status",
        "--porcelain=v2",
        "-z",
        "--branch",
        "--ahead-behind",
        "--ignore-submodules=dirty",
        "--untracked-files=all" if all_untracked else "--untracked-files=normal",
        "--find-renames",
        "--",
        *(paths or (".",)),
        filters=filters,
    )
    return _parsed(answer.stdout, prefix.rstrip("\n"), _operation(git_folder), cut=answer.cut)


def _operation(git_folder: str) -> str:
    return next((name for file, name in _OPERATIONS if os.path.lexists(f"{git_folder}/{file}")), "")


def _parsed(data: bytes, prefix: str, operation: str, *, cut: bool) -> Status:
    records = os.fsdecode(data).split("\0")
    if cut:
        records = records[:-1]
    head: dict[str, str] = {}
    entries: list[Entry] = []
    position = 0
    while position < len(records):
        record = records[position]
        position += 1
        if record.startswith("# "):
            name, _, value = record[2:].partition(" ")
            head[name] = value
        elif record:
            old_path = ""
            if record[0] == "2" and position < len(records):
                old_path = records[position]
                position += 1
            entries.append(_entry(record, old_path, prefix))
    ahead, behind = _ahead_behind(head.get("branch.ab", ""))
    return Status(
        branch="" if head.get("branch.head") == "(detached)" else head.get("branch.head", ""),
        commit="" if head.get("branch.oid") == "(initial)" else head.get("branch.oid", ""),
        upstream=head.get("branch.upstream", ""),
        ahead=ahead,
        behind=behind,
        operation=operation,
        entries=tuple(entries),
        cut=cut,
    )


_FIELDS_BEFORE_PATH = {"1": 8, "2": 9, "u": 10}


def _entry(record: str, old_path: str, prefix: str) -> Entry:
    kind = record[0]
    if kind in "?!":
        return Entry(record[2:].removeprefix(prefix), kind, kind)
    parts = record.split(" ", _FIELDS_BEFORE_PATH[kind])
    return Entry(parts[-1].removeprefix(prefix), parts[1][0], parts[1][1], old_path.removeprefix(prefix))


def _ahead_behind(text: str) -> tuple[int, int]:
    """`+1 -2`; with a very old upstream `+? -?`."""
    counts = [int(word[1:]) if word[1:].isdigit() else 0 for word in text.split()]
    return (counts[0], counts[1]) if len(counts) == 2 else (0, 0)

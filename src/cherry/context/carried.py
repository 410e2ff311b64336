"""What is carried over a compaction: structured state drawn from the log, and the tale of the rest. Pure.

The user's words, the files that were changed, the to-do list and the decisions come from values, never from an earlier summary, so no
number of compactions wears them down. Only the tale (`told`) is prose; it is data made from what tools and models said, and framed
as such.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from cherry.context.words import Said, kept_words
from cherry.domain.events import FileChange
from cherry.domain.views import TodoItem
from cherry.kernel.text import one_line, plural, visible
from cherry.security.framing import frame

HEAD = "[Earlier part of this session, compacted. All of it can be searched with history_search.]"
WORDS_HEAD = "What the user said, in their own words; what they ruled still holds:"
FILES_HEAD = "Files you changed so far:"
TODO_HEAD = "Your to-do list:"
TOLD_HEAD = "What happened, summarised:"

MAX_TOLD = 6_000
_FILES_SHARE = 0.25
_TODO_SHARE = 0.12
_TOLD_SHARE = 0.2
"""Of the room, kept free for the tale; it takes what the others leave as well."""
_MAX_PATH = 160
_MARKS = {"open": "[ ]", "active": "[>]"}


class ChangesOfTurn(NamedTuple):
    turn: int
    files: tuple[FileChange, ...]


class Carried(NamedTuple):
    said: Sequence[Said]
    changes: Sequence[ChangesOfTurn]
    """That still stand, oldest first."""
    todo: Sequence[TodoItem]
    told: str

    def text(self, limit: int) -> str:
        """At most about `limit` characters."""
        todo = _todo(self.todo, int(limit * _TODO_SHARE))
        files = files_changed(self.changes, int(limit * _FILES_SHARE))
        told = self.told.strip()
        left = limit - len(todo) - len(files)
        words = kept_words(self.said, left - min(len(told), int(limit * _TOLD_SHARE)))
        told = shortened_tale(told, min(MAX_TOLD, max(0, left - len(words))))
        blocks = (
            (WORDS_HEAD, words),
            (FILES_HEAD, _framed(files, "file names")),
            (TODO_HEAD, todo),
            (TOLD_HEAD, _framed(told, "summary")),
        )
        return "\n".join([HEAD, *(f"{head}\n{block}" for head, block in blocks if block)])


def files_changed(changes: Sequence[ChangesOfTurn], limit: int) -> str:
    """One line a file, in the order of the last change; where there is no room, the oldest are told by folder."""
    files = _net(changes)
    lines = [f"- {what} {one_line(visible(path), _MAX_PATH)} (turn {turn})" for path, (what, turn) in files.items()]
    room = limit
    first = len(lines)
    while first and len(lines[first - 1]) < room:
        first -= 1
        room -= len(lines[first]) + 1
    if not first:
        return "\n".join(lines)
    folders = Counter(str(PurePosixPath(visible(path)).parent) for path in list(files)[:first])
    most = ", ".join(f"{one_line(folder, 60)} ({count})" for folder, count in folders.most_common(5))
    return "\n".join([f"- {plural(first, 'file')} changed earlier: {most}", *lines[first:]])


def shortened_tale(told: str, limit: int) -> str:
    """Whole lines from the beginning and, twice as many, from the end: what happened last matters most."""
    if len(told) <= limit:
        return told
    lines = [line for line in told.splitlines() if line != _GAP]
    head, tail = _taken(lines, limit // 3), _taken(lines[::-1], limit - limit // 3)
    return "\n".join([*head, _GAP, *tail[::-1]]) if limit > _LEAST_TALE else ""


_GAP = "…"
_LEAST_TALE = 60


def _taken(lines: Sequence[str], limit: int) -> list[str]:
    taken: list[str] = []
    for line in lines:
        if len(line) >= limit:
            taken.extend([one_line(line, limit)] if limit > _LEAST_TALE else [])
            break
        taken.append(line)
        limit -= len(line) + 1
    return taken


def _net(changes: Sequence[ChangesOfTurn]) -> dict[str, tuple[str, int]]:
    """Path → what became of it since the session began, and the turn of its last change."""
    firsts: dict[str, str] = {}
    net: dict[str, tuple[str, int]] = {}
    for turn, files in changes:
        for file in files:
            before = firsts.pop(file.renamed_from, file.before) if file.renamed_from else file.before
            first = firsts.setdefault(file.path, before)
            net.pop(file.path, None)
            net.pop(file.renamed_from, None)
            if first or file.after:  # what was made and removed again is as if it had never been
                net[file.path] = (_what(first, file), turn)
    return net


def _what(first: str, file: FileChange) -> str:
    if not file.after:
        return "deleted"
    if not first:
        return "created"
    return f"renamed from {one_line(visible(file.renamed_from), _MAX_PATH)}:" if file.renamed_from else "modified"


def _todo(items: Sequence[TodoItem], limit: int) -> str:
    """What is still to do; done and dropped items only as a count."""
    lines = [f"{_MARKS[item.status]} {item.text}" for item in items if item.status in _MARKS]
    over = len(items) - len(lines)
    lines += [f"({plural(over, 'item')} done or dropped.)"] if over and lines else []
    per_line = max(24, limit // max(1, len(lines)))
    return "\n".join(one_line(line, per_line) for line in lines)


def _framed(text: str, source: str) -> str:
    return frame(text, source=source) if text else ""

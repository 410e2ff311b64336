"""What people and models are shown of a change: unified diffs, and the changed lines with their numbers."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.domain.views import FileDiff
from cherry.edits.planning.comparing import Change, changes
from cherry.edits.textfile import decode
from cherry.kernel.text import cut_middle, plural

_CONTEXT = 3
_MOST_SHOWN = 60
"""Changed and surrounding lines of one file shown to a model; the rest is counted."""
_MOST_UNIFIED = 200_000
"""Characters of one file's diff in a view; the rest is counted."""
_SINCE = 4_000
"""Characters of what changed since that an error repeats."""
_LONGEST_LINE = 400
"""Characters of one line shown to a model."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class TextChange(NamedTuple):
    """Two versions of a text as lines with their ends, and where they differ."""

    before: Sequence[str]
    after: Sequence[str]
    parts: Sequence[Change]
    marked: bool
    """Line ends are mixed or change: carriage returns are made visible."""

    @property
    def added(self) -> int:
        return sum(part.b_end - part.b_start for part in self.parts)

    @property
    def removed(self) -> int:
        return sum(part.a_end - part.a_start for part in self.parts)


Kind = Literal["created", "modified", "deleted", "renamed", "mode"]


def changed_since(before: bytes | None, now: bytes | None) -> str:
    """For an error: how a text differs from what somebody saw of it. Empty when it is not known or not text."""
    change = None if before is None or now is None else text_change(before, now)
    return f"what changed since:\n{cut_middle(unified(change), _SINCE).text}" if change else ""


def file_diff(path: str, kind: Kind, change: TextChange | None, *, old_path: str = "", header: str = "") -> FileDiff:
    """`header` stands before the first hunk (a changed mode)."""
    body = _bounded(unified(change)) if change else ""
    return FileDiff(
        path=path,
        change=kind,
        unified=header + body,
        added=change.added if change else 0,
        removed=change.removed if change else 0,
        old_path=old_path,
    )


def text_change(before: bytes, after: bytes) -> TextChange | None:
    """None when either is not text. Line ends count: a line whose end changed is a changed line."""
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return None
    a, b = _lines(old), _lines(new)
    marked = "\r\n" in old or "\r\n" in new
    marked = marked and not (_all_wide(old) and _all_wide(new))
    return TextChange(a, b, changes(a, b), marked)


def _text(data: bytes) -> str | None:
    if data.isascii() and b"\0" not in data:
        return data.decode("ascii")
    try:
        text = decode(data).text
    except CherryError as error:
        if error.kind is not tools.BINARY:
            raise
        return None
    return _LONE_SURROGATE.sub("\ufffd", text)


def _lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _all_wide(text: str) -> bool:
    return text.count("\r\n") == text.count("\n")


def _bounded(hunks: str) -> str:
    if len(hunks) <= _MOST_UNIFIED:
        return hunks
    kept = hunks[: hunks.rfind("\n", 0, _MOST_UNIFIED) + 1]
    return f"{kept}\\ {plural(hunks.count(chr(10), len(kept)), 'more line')} not shown\n"


def unified(change: TextChange) -> str:
    """Hunks with three lines of context; each line ends with a line feed."""
    return "".join(_hunk(change, group) for group in _groups(change.parts))


def shown_lines(change: TextChange) -> str:
    """The lines as they are now where something changed, numbered, with a little around them."""
    lines: list[str] = []
    last = 0
    for start, end in _windows(change):
        if lines and start > last:
            lines.append("…")
        last = end
        lines += [
            f"{number + 1:>6}\t{_cut(_shown(change.after[number], change.marked))}" for number in range(start, end)
        ]
    if len(lines) > _MOST_SHOWN:
        left_out = len(lines) - _MOST_SHOWN
        lines = [*lines[:_MOST_SHOWN], f"… {plural(left_out, 'more line')} of this change not shown"]
    return "\n".join(lines)


def _windows(change: TextChange) -> Iterator[tuple[int, int]]:
    """Line ranges of the new text worth showing, merged where they meet."""
    start = end = -1
    for part in change.parts:
        low, high = max(0, part.b_start - _CONTEXT), min(len(change.after), part.b_end + _CONTEXT)
        if start == -1:
            start, end = low, high
        elif low <= end:
            end = max(end, high)
        else:
            yield start, end
            start, end = low, high
    if start != -1:
        yield start, end


def _groups(parts: Sequence[Change]) -> Iterator[list[Change]]:
    """Changes close enough to share a hunk."""
    group: list[Change] = []
    for part in parts:
        if group and part.a_start - group[-1].a_end > 2 * _CONTEXT:
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _hunk(change: TextChange, group: list[Change]) -> str:
    a_from, b_from = max(0, group[0].a_start - _CONTEXT), max(0, group[0].b_start - _CONTEXT)
    a_to = min(len(change.before), group[-1].a_end + _CONTEXT)
    b_to = min(len(change.after), group[-1].b_end + _CONTEXT)
    lines = [f"@@ -{_range(a_from, a_to)} +{_range(b_from, b_to)} @@"]
    position, marked = a_from, change.marked
    for part in group:
        lines += [f" {_shown(line, marked)}" for line in change.before[position : part.a_start]]
        lines += [f"-{_shown(line, marked)}" for line in change.before[part.a_start : part.a_end]]
        lines += [f"+{_shown(line, marked)}" for line in change.after[part.b_start : part.b_end]]
        position = part.a_end
    lines += [f" {_shown(line, marked)}" for line in change.before[position:a_to]]
    return "\n".join(lines) + "\n"


def _range(start: int, end: int) -> str:
    """As in `diff -u`: an empty range names the line before it."""
    if end - start == 1:
        return str(start + 1)
    return f"{start + 1 if end > start else start},{end - start}"


def _shown(line: str, marked: bool) -> str:
    """Without its end; where line ends are mixed or changed, a carriage return is made visible."""
    if not line.endswith("\n"):
        return line + "\n\\ No newline at end of file"
    if line.endswith("\r\n"):
        return line[:-2] + ("␍" if marked else "")
    return line[:-1]


def _cut(line: str) -> str:
    line = line.partition("\n")[0]
    return (
        line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + f"… {len(line) - _LONGEST_LINE} characters more"
    )

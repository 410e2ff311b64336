"""Text for people: cutting, counting, and making the invisible visible."""

import unicodedata
from typing import NamedTuple


class Cut(NamedTuple):
    text: str
    omitted: int
    """Characters left out; 0 when the text is whole."""


def cut_middle(text: str, limit: int, *, marker: str = "\n… {omitted} characters left out …\n") -> Cut:
    """Keep the start and the end of a long text: errors usually stand at one of them.

    Cuts at line ends where one is near. The marker is not counted in `limit`.
    """
    if len(text) <= limit:
        return Cut(text, 0)
    head_end = _line_end_before(text, limit * 2 // 3)
    tail_start = _line_start_after(text, len(text) - (limit - limit * 2 // 3))
    omitted = tail_start - head_end
    return Cut(text[:head_end] + marker.format(omitted=omitted) + text[tail_start:], omitted)


def one_line(text: str, limit: int = 100) -> str:
    """The text on one line, white space folded, cut at the end with an ellipsis."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def visible(text: str) -> str:
    """Control, format and bidirectional characters written out (`\\x1b`, `\\u202e`); tab and newline stay.

    What is shown to a person for approval must be what will run: nothing may move the cursor or hide.
    """
    return "".join(char if _is_plain(char) else _escaped(char) for char in text)


def human_bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def human_seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _is_plain(char: str) -> bool:
    return char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _line_end_before(text: str, position: int) -> int:
    newline = text.rfind("\n", max(0, position - 200), position)
    return newline if newline > 0 else position


def _line_start_after(text: str, position: int) -> int:
    newline = text.find("\n", position, position + 200)
    return newline if newline != -1 else position

"""Lines as files have them: only `\\n`, `\\r\\n` and, in a file without any `\\n`, a lone `\\r` end a line.

`str.splitlines` is never used on file content: it also splits at form feeds and U+2028, which are content.
"""

from typing import Literal

LineEnd = Literal["\n", "\r\n", "\r"]


def split_keep(text: str) -> list[str]:
    """The lines of a text with their ends; joined they give the text again. The last may have none."""
    end = "\r" if is_lone_cr(text) else "\n"
    pieces = text.split(end)
    last = pieces.pop()
    kept = [piece + end for piece in pieces]
    if last:
        kept.append(last)
    return kept


def split_end(line: str) -> tuple[str, str]:
    """A line as its content and its end, which may be empty."""
    if line.endswith("\r\n"):
        return line[:-2], "\r\n"
    if line.endswith(("\n", "\r")):
        return line[:-1], line[-1]
    return line, ""


def is_lone_cr(text: str) -> bool:
    """True for the old Macintosh form: lines end with `\\r` alone."""
    return "\n" not in text and "\r" in text


def with_lf(text: str) -> str:
    """The same text with every line ending in `\\n`."""
    if "\r" not in text:
        return text
    return text.replace("\r", "\n") if is_lone_cr(text) else text.replace("\r\n", "\n")


def dominant_end(text: str) -> LineEnd:
    """The end most lines have; `\\n` for a text of one line."""
    if is_lone_cr(text):
        return "\r"
    crlf = text.count("\r\n")
    return "\r\n" if crlf * 2 > text.count("\n") else "\n"

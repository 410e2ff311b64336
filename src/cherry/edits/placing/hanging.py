"""An old text of one line that begins after the line's indentation, replaced by several lines.

The new lines below the first can be meant in two ways: as they stand (the first line lost its indentation in copying), or relative
to the first (all did). Where only one of them makes sense it is taken; where the difference would change meaning, it is refused.
"""

from pathlib import PurePosixPath

from cherry.edits.placing.composing import Untellable
from cherry.edits.placing.document import Document
from cherry.edits.placing.indentation import Reindent, indent_of, unit_of, width

_INDENTED = frozenset(
    {
        ".py",
        ".pyi",
        ".pyx",
        ".pxd",
        ".yaml",
        ".yml",
        ".haml",
        ".pug",
        ".jade",
        ".slim",
        ".sass",
        ".styl",
        ".coffee",
        ".nim",
    }
    | {".hs", ".elm", ".fs", ".fsx", ".gd", ".rst", ".md", ".mk", ".mojo"}
)
_OPENERS = (":", "{", "(", "[", "->", "=>")
_MULTI_LINE_LITERALS = ('"""', "'''", "`", "<<")
_WINDOW = 300


def settled(document: Document, start: int, old: str, new: str, path: str) -> str:
    """The new text as it must stand when it is put at `start`. Raises Untellable."""
    first, *rest = new.split("\n")
    if "\n" in old.rstrip("\n") or not any(line.strip() for line in rest):
        return new
    line = document.line_at(start)
    before = document.text[document.starts[line] : start]
    if not before or before.strip(" \t"):
        return new
    base = before + indent_of(old)
    if not old.strip() or _stands_as_given(base, first, rest):
        return new
    if _is_relative(base, first, rest) or (not _matters(path) and _is_closed(new)):
        return _relative(document, line, before, old, new)
    if not _matters(path):
        return new
    raise Untellable(
        f"the old text begins after the indentation of line {line + 1}, and the further lines of the new text are indented less; "
        "give whole lines in both, with the indentation they have in the file"
    )


def _stands_as_given(base: str, first: str, rest: list[str]) -> bool:
    lines = [line for line in rest if line.strip()]
    if not all(line.startswith(base) for line in lines):
        return False
    return not first.rstrip().endswith(_OPENERS) or len(indent_of(lines[0])) > len(base) or _closes(lines[0])


def _is_relative(base: str, first: str, rest: list[str]) -> bool:
    """The first line opens a block and the next is deeper than it as given, but not deeper than it as it will stand."""
    lines = [line for line in rest if line.strip()]
    deeper = width(indent_of(first)) < width(indent_of(lines[0])) <= width(base)
    return first.rstrip().endswith(_OPENERS) and deeper


def _closes(line: str) -> bool:
    return line.strip()[:1] in ("}", ")", "]")


def _matters(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix.lower() in _INDENTED or pure.name.lower() in ("makefile", "gnumakefile")


def _is_closed(new: str) -> bool:
    """No bracket is closed that the new text did not open, and no literal runs over lines: it is one piece of code."""
    depth = 0
    for char in new:
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return False
    return not any(mark in new for mark in _MULTI_LINE_LITERALS)


def _relative(document: Document, line: int, before: str, old: str, new: str) -> str:
    first, *rest = new.split("\n")
    own_unit = unit_of(document.lines[max(0, line - _WINDOW) : line + _WINDOW])
    given = indent_of(old)
    reindent = Reindent({given: before + given}, own_unit)
    indents = reindent.mapped((indent_of(text) for text in rest if text.strip()), unit_of([first, *rest]))
    if indents is None:
        raise Untellable(f"the indentation of the new text cannot be told from line {line + 1}; give whole lines")
    moved = [indents[indent_of(text)] + text.lstrip(" \t") if text.strip() else "" for text in rest]
    return "\n".join([first, *moved])

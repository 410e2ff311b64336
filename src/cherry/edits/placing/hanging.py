"""An old text that begins inside or after the indentation of its line: what indentation the new text is meant to have.

The first line can be meant whole or like the old one; further lines as they stand (only the first lost its indentation in copying)
or relative to the first (all did). Where one reading makes sense it is taken; where the others would change meaning, it is refused.
"""

from pathlib import PurePosixPath

from cherry.edits.placing.composing import Untellable
from cherry.edits.placing.document import Document
from cherry.edits.placing.indentation import Reindent, indent_of, unit_near, unit_of, width

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


def settled(document: Document, start: int, old: str, new: str, path: str) -> str:
    """The new text as it must stand when it is put at `start`. Raises Untellable."""
    line = document.line_at(start)
    before = document.text[document.starts[line] : start]
    if not before or before.strip(" \t") or not old.partition("\n")[0].strip():
        return new
    base = before + indent_of(old)
    first, *rest = new.split("\n")
    if first.strip() and indent_of(first) != indent_of(old):
        return _first_line(base, before, new, line)
    if "\n" in old.rstrip("\n") or not any(text.strip() for text in rest) or _stands_as_given(base, first, rest):
        return new
    if _is_relative(base, first, rest) or (not _matters(path) and _is_closed(new)):
        return _relative(document, line, before, old, new)
    if not _matters(path):
        return new
    raise Untellable(
        f"the old text begins after the indentation of line {line + 1}, and the further lines of the new text are indented less"
    )


def _first_line(base: str, before: str, new: str, line: int) -> str:
    """The first line is indented otherwise in the new text: it is whole there and was not in the old one."""
    if indent_of(new) == base:
        return new[len(before) :]
    raise Untellable(
        f"the old text begins inside the indentation of line {line + 1}, and the new one is indented otherwise"
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
    own_unit = unit_near(document.lines, line)
    given = indent_of(old)
    reindent = Reindent({given: before + given}, own_unit)
    indents = reindent.mapped((indent_of(text) for text in rest if text.strip()), unit_of([first, *rest]))
    if indents is None:
        raise Untellable(f"the indentation of the new text cannot be told from line {line + 1}; give whole lines")
    moved = [indents[indent_of(text)] + text.lstrip(" \t") if text.strip() else "" for text in rest]
    return "\n".join([first, *moved])

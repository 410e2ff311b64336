"""What to write at a place that was found: the new text, fitted to how the document writes the old one there.

Boundary: the place is given; nothing here looks for another. What cannot be told for certain raises `Untellable`.
"""

from typing import NamedTuple

from cherry.edits.edit import Replace
from cherry.edits.placing import refusals
from cherry.edits.placing.composing import Untellable, compose
from cherry.edits.placing.document import Document
from cherry.edits.placing.hanging import settled
from cherry.edits.placing.indentation import Reindent, indent_of, uniform, unit_near, unit_of
from cherry.edits.placing.matching import Match


class Wanted(NamedTuple):
    """An edit as it is looked for, and what was overlooked to get there."""

    edit: Replace
    old: str
    new: str
    overlooked: tuple[str, ...] = ()
    at_line: int = 0
    """The only line it may be at, from 1; 0 when it may be anywhere."""
    may_indent: bool = True
    whole_lines: bool = False
    """It can only be at lines as a whole."""


class Written(NamedTuple):
    text: str
    mended: tuple[str, ...] = ()
    """What the new text had lost and was given back."""


def verbatim(document: Document, wanted: Wanted, match: Match) -> Written:
    """Where the old text stands as it was given. Raises CherryError(edits.AMBIGUOUS)."""
    old, new = document.normal(wanted.old), document.normal(wanted.new)
    if old == new or document.cuts_line_end(match.start) or document.cuts_line_end(match.end):
        return Written(wanted.new)  # the line ends themselves are what the edit is about
    try:
        fitted = _fitted(document, wanted._replace(old=old, new=new), match)
        if "\r" not in document.text:
            return fitted
        return fitted._replace(text=compose(document, match, split(fitted.text)))
    except Untellable as error:
        raise refusals.two_readings(wanted.edit, str(error)) from None


def rewritten(document: Document, wanted: Wanted, match: Match, *, whole_lines: bool) -> Written:
    """Where the old text stands but for what was overlooked. Raises CherryError(edits.NOT_FOUND)."""
    try:
        if whole_lines:
            return _reindented(document, wanted, match)
        if match.end < len(document.text) and document.is_line_end(match.end) and not wanted.old.endswith("\n"):
            wanted = wanted._replace(new=_without_last_newline(wanted.old, wanted.new))
        fitted = _fitted(document, wanted, match)
        return fitted._replace(text=compose(document, match, split(fitted.text)))
    except Untellable as error:
        raise refusals.differs_there(document, wanted.edit, match, str(error)) from None


def as_whole_lines(wanted: Wanted) -> Wanted:
    """Both texts with a newline at their end, so that they can be compared with whole lines."""
    old, new = wanted.old, wanted.new
    if old.endswith("\n"):
        return wanted
    if old.rstrip(" \t").endswith("\n"):
        return wanted._replace(old=old.rstrip(" \t"), new=new.rstrip(" \t") if "\n" in new else new)
    return wanted._replace(old=old + "\n", new=new if new.endswith("\n") else new + "\n")


def indents_at(document: Document, match: Match) -> dict[str, str] | None:
    """How indentation differs at a place of whole lines; None when it does not differ uniformly."""
    pairs = [(pair.sought, document.text[pair.start : pair.end]) for pair in match.pairs if pair.sought is not None]
    return uniform([sought for sought, _ in pairs], [raw for _, raw in pairs])


def split(text: str) -> list[str]:
    """A text with `\\n` line ends as lines with their ends."""
    pieces = text.split("\n")
    last = pieces.pop()
    return [*(piece + "\n" for piece in pieces), *([last] if last else [])]


def _fitted(document: Document, wanted: Wanted, match: Match) -> Written:
    """The new text with what its first and last line lost in copying. Raises Untellable."""
    old, new = wanted.old, wanted.new
    ended = _with_last_newline(document, wanted, match)
    begun = _with_first_newline(old, ended) if match.start else ended
    hung = settled(document, match.start, old, begun, wanted.edit.path)
    mended = {
        "final newline": ended != new,
        "newline at its start": begun != ended,
        "indentation of the first line": hung != begun,
    }
    return Written(hung, tuple(name for name, done in mended.items() if done))


def _reindented(document: Document, wanted: Wanted, match: Match) -> Written:
    new = _with_last_newline(document, wanted, match)
    lines = split(new)
    reindent = Reindent(indents_at(document, match) or {}, unit_near(document.lines, document.line_at(match.start)))
    given_unit = _one_unit(unit_of(split(wanted.old)), unit_of(lines))
    indents = reindent.mapped((indent_of(line) for line in lines if line.strip()), given_unit)
    if indents is None:
        raise Untellable("the indentation of the new lines cannot be derived from that of the old ones")
    return Written(compose(document, match, lines, indents), ("final newline",) if new != wanted.new else ())


def _one_unit(old: str, new: str) -> str:
    """The unit both texts show; empty when they show different ones."""
    return (old or new) if not old or not new or old == new else ""


def _with_last_newline(document: Document, wanted: Wanted, match: Match) -> str:
    """A new text that lost the final newline of the old one gets it back: the next line must not be glued to it.

    The same for white space after it, which is a part of the next line's indentation.
    """
    old, new = wanted.old, wanted.new
    bare = old.rstrip(" \t")
    if not new or not bare.endswith("\n") or match.end == len(document.text) or new.rstrip() == bare.rstrip("\n"):
        return new
    if new.endswith("\n"):
        return new + old[len(bare) :]
    return new if new.rstrip(" \t").endswith("\n") else new + "\n" + old[len(bare) :]


def _with_first_newline(old: str, new: str) -> str:
    """The same at the start, where the first line of the new text is indented as that of the old one and so a line of its own."""
    if not old.startswith("\n") or not new.strip() or new.startswith("\n") or new.strip() == old.strip():
        return new
    bare = old.lstrip("\n")
    return old[: len(old) - len(bare)] + new if indent_of(bare) == indent_of(new) else new


def _without_last_newline(old: str, new: str) -> str:
    return new.removesuffix("\n") if new.rstrip("\n") != old else new

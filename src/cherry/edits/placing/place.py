"""The one place an edit means: exact and unique, or by one tolerance at a time.

Boundary: text in, spans out; reads and writes no files. Invariants: a span is given only when exactly one place fits (or `all` was
asked for); what is overlooked is only ever of the kind the tolerance names, so no letter, digit or operator differs; what the edit
keeps is copied from the text, so no character outside the change is touched.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cherry.domain.errors import CherryError, edits
from cherry.edits.edit import Replace
from cherry.edits.line_ends import with_lf
from cherry.edits.placing import matching, omission, refusals
from cherry.edits.placing.applied import already_there, is_covered, seems_applied
from cherry.edits.placing.choosing import chosen
from cherry.edits.placing.composing import keeps_missing_lines
from cherry.edits.placing.disguises import disguises
from cherry.edits.placing.document import Document
from cherry.edits.placing.fitting import Wanted, Written, as_whole_lines, indents_at, rewritten, split, verbatim
from cherry.edits.placing.matching import Match, Pair
from cherry.edits.placing.placed import Placed, Span
from cherry.edits.placing.segments import placed_in_segments


class _Rung(NamedTuple):
    name: str
    matcher: matching.Rung
    whole_lines: bool = False
    same_indent: bool = False


_LADDER = (
    _Rung("line ends", matching.line_ends),
    _Rung("trailing space", matching.trailing_space),
    _Rung("typography", matching.typography),
    _Rung("blank lines", matching.blank_lines, whole_lines=True, same_indent=True),
    _Rung("indentation", matching.indentation, whole_lines=True),
    _Rung("blank lines", matching.blank_lines, whole_lines=True),
)


def place(text: str, edit: Replace) -> Placed:
    """Raises CherryError(edits.NOT_FOUND, AMBIGUOUS, ALREADY_APPLIED, NO_CHANGE or OMISSION)."""
    if edit.old == edit.new:
        raise CherryError(edits.NO_CHANGE, where=edit.path)
    document = Document(text)
    if not edit.old:
        return _added(document, edit)
    if found := _as_given(document, edit):
        return found
    old, new = document.normal(edit.old), document.normal(edit.new)
    new = omission.settled(new, source=old, known=f"{old}\n{text}", path=edit.path)
    for wanted in _variants(edit, old, new):
        if found := _climb(document, wanted):
            return found
    if found := _in_segments(document, edit, old, new):
        return found
    raise _not_there(document, edit, old, new)


def _variants(edit: Replace, old: str, new: str) -> Iterator[Wanted]:
    yield Wanted(edit, old, new)
    for found in disguises(old, new):
        if found.old.strip() and found.old != found.new:
            at_line = found.first_number if found.counted_lines == 1 else 0
            yield Wanted(edit, found.old, found.new, (found.name,), at_line, found.even, found.whole_lines)


def _added(document: Document, edit: Replace) -> Placed:
    """An edit without an old text: the content of an empty file, or what comes at the end."""
    text = document.text
    given = omission.settled(edit.new, source="", known=text, path=edit.path)
    if not text:
        return Placed((Span(0, 0, given),), "exact", "", 1, 1)
    new = document.normal(given).replace("\n", document.main_end)
    last = len(document)
    if text == new or (edit.at_end and text.endswith(new)):
        raise refusals.already_applied(edit, last)
    if not edit.at_end:
        raise refusals.nothing_to_replace(document, edit)
    lead = "" if document.line_end(last - 1) else document.main_end
    return Placed((Span(len(text), len(text), lead + new),), "exact", "", last, last)


def _as_given(document: Document, edit: Replace) -> Placed | None:
    """Places that hold the old text character by character."""
    starts = _occurrences(document.text, edit.old, every=edit.all)
    if not starts:
        return None
    new = omission.settled(edit.new, source=edit.old, known=f"{edit.old}\n{document.text}", path=edit.path)
    matches = [_exact_match(document, start, edit.old) for start in starts]
    if len(matches) > 1 and all(already_there(document.text, match.start, match.end, new) for match in matches):
        raise refusals.already_applied(edit, document.line_at(starts[0]) + 1)
    matches = chosen(document, edit, matches)
    wanted = Wanted(edit, edit.old, new)
    return _finished(document, wanted, matches, [verbatim(document, wanted, match) for match in matches])


def _climb(document: Document, wanted: Wanted) -> Placed | None:
    """The first rung on which anything fits decides."""
    if wanted.overlooked and (found := _disguised_exact(document, wanted)):
        return found
    says_something = any(char.isalnum() for char in wanted.old)
    for rung in _LADDER:
        if rung.whole_lines and not (says_something and wanted.may_indent):
            continue
        tried = as_whole_lines(wanted) if rung.whole_lines else wanted
        matches = [match for match in _matches(document, tried, rung) if _may_be_at(document, tried, match)]
        if not matches:
            continue
        if len(matches) > matching.MOST_PLACES:
            raise refusals.ambiguous(document, wanted.edit, [match.start for match in matches])
        matches = chosen(document, wanted.edit, matches)
        tried = tried._replace(overlooked=(*tried.overlooked, rung.name))
        written = [rewritten(document, tried, match, whole_lines=rung.whole_lines) for match in matches]
        return _finished(document, tried, matches, written)
    return None


def _matches(document: Document, wanted: Wanted, rung: _Rung) -> list[Match]:
    matches = matching.find(document, split(wanted.old), rung.matcher)
    if rung.whole_lines:
        return [match for match in matches if _is_proven(document, wanted, rung, match)]
    return [match for match in matches if not document.cuts_word(match.start) and not document.cuts_word(match.end)]


def _is_proven(document: Document, wanted: Wanted, rung: _Rung, match: Match) -> bool:
    """Whether nothing but what the rung overlooks differs at a place of whole lines."""
    indents = indents_at(document, match)
    if indents is None or (rung.same_indent and any(ours != theirs for ours, theirs in indents.items())):
        return False
    return keeps_missing_lines(match, split(wanted.new))


def _disguised_exact(document: Document, wanted: Wanted) -> Placed | None:
    matches = [
        _exact_match(document, start, wanted.old)
        for start in _occurrences(document.text, wanted.old, every=wanted.edit.all)
    ]
    matches = [match for match in matches if _may_be_at(document, wanted, match)]
    if not matches:
        return None
    matches = chosen(document, wanted.edit, matches)
    return _finished(document, wanted, matches, [verbatim(document, wanted, match) for match in matches])


def _may_be_at(document: Document, wanted: Wanted, match: Match) -> bool:
    line = document.line_at(match.start)
    if wanted.whole_lines and match.start != document.starts[line]:
        return False
    return not wanted.at_line or line == wanted.at_line - 1


def _in_segments(document: Document, edit: Replace, old: str, new: str) -> Placed | None:
    segments = placed_in_segments(document, old, new, edit.path)
    if segments is None:
        return None
    wanted = Wanted(edit, old, new, ("left-out lines",))
    matches = [_exact_match(document, part.start, document.text[part.start : part.end]) for part in segments]
    written = [
        verbatim(document, wanted._replace(old=document.text[part.start : part.end], new=part.new), match)
        for part, match in zip(segments, matches, strict=True)
    ]
    return _finished(document, wanted, matches, written)


def _finished(document: Document, wanted: Wanted, matches: list[Match], written: list[Written]) -> Placed:
    text = document.text
    spans = tuple(Span(match.start, match.end, new.text) for match, new in zip(matches, written, strict=True))
    there = [
        already_there(text, *span) or (bool(wanted.overlooked) and is_covered(text, span.start, span.end, wanted.new))
        for span in spans
    ]
    first_line = document.line_at(spans[0].start) + 1
    if all(there):
        raise refusals.already_applied(wanted.edit, first_line)
    if any(there) and wanted.edit.all:
        done = [span.start for span, is_there in zip(spans, there, strict=True) if is_there]
        raise refusals.partly_applied(document, wanted.edit, done)
    last_line = document.line_at(max(spans[-1].start, spans[-1].end - 1)) + 1
    names = dict.fromkeys([*wanted.overlooked, *(name for new in written for name in new.mended)])
    note = refusals.note(wanted.overlooked, written[0].mended, first_line, last_line)
    return Placed(spans, " + ".join(names) or "exact", note, first_line, last_line)


def _not_there(document: Document, edit: Replace, old: str, new: str) -> CherryError:
    line = seems_applied(Document(with_lf(document.text)), old, new)
    if line is not None:
        return refusals.already_applied(edit, line + 1)
    bare = next((found.old for found in disguises(old, new)), old)
    return refusals.not_found(document, edit, split(bare))


def _occurrences(text: str, old: str, *, every: bool) -> list[int]:
    """Where `old` starts: places that overlap included, or with `every` all that do not."""
    starts: list[int] = []
    start = text.find(old)
    while start != -1 and (every or len(starts) <= matching.MOST_PLACES):
        starts.append(start)
        start = text.find(old, start + (len(old) if every else 1))
    return starts


def _exact_match(document: Document, start: int, old: str) -> Match:
    pairs = []
    position = start
    for raw in document.split(document.text[start : start + len(old)]):
        pairs.append(Pair(document.normal(raw), position, position + len(raw)))
        position += len(raw)
    return Match(tuple(pairs))

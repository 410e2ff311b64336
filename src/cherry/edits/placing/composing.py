"""What to write at a place: the new text, with everything the edit keeps copied from the document as it stands there.

The old and the new text are compared with each other, not with the document: lines equal in both are kept, so their own spaces,
line ends and characters survive; only what the edit itself changes is written anew, in the document's line ends and indentation.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from cherry.edits.line_ends import split_end
from cherry.edits.placing.document import Document
from cherry.edits.placing.indentation import indent_of
from cherry.edits.placing.matching import Match
from cherry.edits.placing.typography import clusters, fold

_BLANKS = " \t"
_COMPARED = 1_000_000
"""Lines times lines up to which a changed part is compared line by line; a larger one counts as replaced whole."""


class Untellable(Exception):
    """The place is clear, but not how the new text would read there. Holds the reason, for the model."""


class Change(NamedTuple):
    """Lines `old_start:old_end` of the old text become lines `new_start:new_end` of the new one."""

    kept: bool
    old_start: int
    old_end: int
    new_start: int
    new_end: int


class Slot(NamedTuple):
    """A line of the old text and what stands for it in the document."""

    old: str
    raw: str
    extra: str = ""
    """Blank lines after it that were not sought."""


def compose(document: Document, match: Match, new: Sequence[str], indents: Mapping[str, str] | None = None) -> str:
    """The text to put at the match. `new` are lines with `\\n`; `indents` takes their indentation to the document's.

    Raises Untellable.
    """
    slots = _slots(document, match)
    usual_end = document.nearby_end(document.line_at(match.start))
    pieces: list[str] = []
    for change in changes([slot.old for slot in slots], new):
        before = slots[change.old_start : change.old_end]
        after = new[change.new_start : change.new_end]
        if change.kept:
            pieces += [slot.raw + slot.extra for slot in before]
        else:
            pieces += _rewritten(before, after, indents, usual_end)
    is_open_end = match.end == len(document.text) and not split_end(document.text)[1]
    if not (is_open_end and slots[-1].old.endswith("\n")):
        return "".join(pieces)
    return _without_final_newline([piece for piece in pieces if piece], usual_end)


def keeps_missing_lines(match: Match, new: Sequence[str]) -> bool:
    """False when the edit changes lines of the old text that stand for nothing in the document (blank ones)."""
    sought = [pair for pair in match.pairs if pair.sought is not None]
    if all(pair.start < pair.end for pair in sought):
        return True
    old = [pair.sought or "" for pair in sought]
    return all(
        change.kept or all(pair.start < pair.end for pair in sought[change.old_start : change.old_end])
        for change in changes(old, new)
    )


def _without_final_newline(pieces: Sequence[str], usual_end: str) -> str:
    """The place is the end of a file whose last line has no end: so it stays."""
    ended = [piece if split_end(piece)[1] else piece + usual_end for piece in pieces]
    return split_end("".join(ended))[0]


def changes(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """How two texts differ, in order."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    if head:
        yield Change(True, 0, head, 0, head)
    if (old_end - head) * (new_end - head) <= _COMPARED:
        matcher = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            yield Change(tag == "equal", head + a, head + b, head + c, head + d)
    else:
        yield Change(False, head, old_end, head, new_end)
    if tail:
        yield Change(True, old_end, len(old), new_end, len(new))


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    count = 0
    for ours, theirs in zip(left, right, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _slots(document: Document, match: Match) -> list[Slot]:
    """Each line of the old text with its stretch of the document; stretches that were not sought go with the line before."""
    slots: list[Slot] = []
    for pair in match.pairs:
        raw = document.text[pair.start : pair.end]
        if pair.sought is None:
            slots[-1] = slots[-1]._replace(extra=slots[-1].extra + raw)
        else:
            slots.append(Slot(pair.sought, raw))
    return slots


def _rewritten(
    before: Sequence[Slot], after: Sequence[str], indents: Mapping[str, str] | None, usual_end: str
) -> Iterator[str]:
    ends = [end for slot in before if (end := split_end(slot.raw)[1])]
    paired = len(before) == len(after)
    if not paired:
        _refuse_lost_typography(before, after)
    for index, line in enumerate(after):
        body = _line(before[index], line, indented=indents is not None) if paired else split_end(line)[0]
        if indents is not None:
            body = indents[indent_of(body)] + body.lstrip(" \t") if body.strip() else ""
        own_end = split_end(before[index].raw)[1] if paired else ""
        end = own_end or (ends[0] if ends else usual_end)
        yield body + (end if line.endswith("\n") else "") + (before[index].extra if paired else "")
    if before and after and not paired:
        yield before[-1].extra


def _line(slot: Slot, new: str, *, indented: bool) -> str:
    """One changed line, with what the edit keeps of it as the document writes it. Its indentation is that of `new`."""
    was, have, will = split_end(slot.old)[0], split_end(slot.raw)[0], split_end(new)[0]
    if was == have or not have.strip(_BLANKS):
        return will
    trailing = _trailing(have) if _trailing(was) == _trailing(will) else _trailing(will)
    was, have, will = was.rstrip(_BLANKS), have.rstrip(_BLANKS), will.rstrip(_BLANKS)
    if not indented:
        return merged(was, have, will) + trailing
    return indent_of(will) + merged(was.lstrip(_BLANKS), have.lstrip(_BLANKS), will.lstrip(_BLANKS)) + trailing


def merged(was: str, have: str, will: str) -> str:
    """The change from `was` to `will`, made on `have`, which is `was` in other typography. Raises Untellable."""
    if was == have:
        return will
    if fold(was).text != fold(have).text:
        raise Untellable(f"the file has {have!r} where the edit has {was!r}")
    pairs = clusters(was, have)
    head = _kept(pairs, was, will)
    tail = _kept(pairs[head:][::-1], was, will[len(_ours(pairs[:head])) :], backwards=True)
    middle = pairs[head : len(pairs) - tail]
    rest = pairs[len(pairs) - tail :]
    changed = will[len(_ours(pairs[:head])) : len(will) - len(_ours(rest))]
    return _theirs(pairs[:head]) + _carried(middle, changed) + _theirs(rest)


def _kept(pairs: Sequence[tuple[str, str]], was: str, will: str, *, backwards: bool = False) -> int:
    """How many characters at one side the change leaves alone."""
    count = 0
    left = will
    for ours, _ in pairs:
        if not (left.endswith(ours) if backwards else left.startswith(ours)):
            break
        left = left[: len(left) - len(ours)] if backwards else left[len(ours) :]
        count += 1
    return count


def _carried(middle: Sequence[tuple[str, str]], changed: str) -> str:
    """The changed part with the document's own typography, where each such character stays in its order."""
    differing = [(ours, theirs) for ours, theirs in middle if ours != theirs]
    if not differing:
        return changed
    kinds = {ours for ours, _ in differing}
    was = [(ours, theirs) for ours, theirs in middle if ours in kinds]
    will = [ours for ours, _ in clusters(changed, changed) if ours in kinds]
    if will and [ours for ours, _ in was] != will:
        shown = ", ".join(sorted(f"{theirs!r} for {ours!r}" for ours, theirs in set(differing)))
        raise Untellable(f"the file writes {shown} there, and the new text does not keep them one for one")
    stream = iter(theirs for _, theirs in was)
    return "".join(next(stream) if ours in kinds else ours for ours, _ in clusters(changed, changed))


def _refuse_lost_typography(before: Sequence[Slot], after: Sequence[str]) -> None:
    """Lines that become more or fewer lines cannot keep characters that the edit writes in another way."""
    for slot in before:
        was, have = split_end(slot.old)[0].strip(_BLANKS), split_end(slot.raw)[0].strip(_BLANKS)
        if was == have or not was:
            continue
        differing = [ours for ours, theirs in clusters(was, have) if ours != theirs]
        if any(ours in line for ours in differing for line in after):
            raise Untellable(f"the file has {have!r} where the edit has {was!r}")


def _trailing(line: str) -> str:
    return line[len(line.rstrip(_BLANKS)) :]


def _ours(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(ours for ours, _ in pairs)


def _theirs(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(theirs for _, theirs in pairs)

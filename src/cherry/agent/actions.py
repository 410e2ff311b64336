"""Actions that a model wrote into its text instead of calling tools: read out and turned into calls.

TOON calls become calls; the edits of an answer, whatever their format, become one call of `fs.apply`. What is only shown stays
text; which is which is said in docs/decisions/0014. All or nothing: when anything that was begun as an action cannot be read, no
action of the answer is taken and the faults say why.

Pure: the same answer always gives the same message, so what is logged is the message with its calls.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from cherry.agent.loose_calls import TAGS, loose_calls
from cherry.agent.showing import is_placeholder, leads_to_shown, only_connects, only_put_forward
from cherry.domain.calls import Call
from cherry.domain.content import AssistantPart, CallPart, FromAssistant, TextPart
from cherry.edits.answers import may_hold_edits, read_edits, read_patch
from cherry.edits.edit import Edit
from cherry.toon.definition import wire_name
from cherry.toon.parser import Found, parse_calls

if TYPE_CHECKING:
    from cherry.edits.reading.reading import Piece, Reading

APPLY = "fs.apply"
_CALL_LANGUAGES = frozenset(
    {"", "json", "jsonc", "json5", "toon", "tool", "tool_call", "tool_calls", "tool-call", "text"}
)
_BESIDE_CALLS = r'\s*\{?\s*(?:"\w+"\s*:)?[\s\[\],;]*\}?\s*'
"""What may stand beside the calls of a fence: the brackets of a list of them."""
_FENCE = r"^[ \t]{0,12}(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^`\n]*$"
_QUOTATION = r"(?:`{4,}|~{4,})[ \t]*(?:markdown|md)[ \t]*\n(?!\s*<{5})"
"""A piece of somebody's answer, with the name of the file in it; around a block of a Markdown file the name stands outside."""
_EMPTY_FENCE = r'(?m)^[ \t]*(`{3,}|~{3,})[^\n`]*\n\s*\{?\s*(?:"\w+"\s*:)?[\s\[\],;]*\}?\s*^[ \t]*\1[ \t]*$'
_CONTENT_FORMS = frozenset({"whole files", "unified diff", "json", "yaml", ""})
"""Forms that, when not explicit, may show what is there already."""
_INSEPARABLE = (
    "The edits in your answer cannot be told from the rest of it for certain. "
    "Give them again as one call of fs_apply, or in an answer that holds nothing else."
)


class Actions(NamedTuple):
    message: FromAssistant
    """Prose and calls; the given message itself when none of it is an action. The call of `fs.apply` has no id yet."""
    faults: tuple[str, ...] = ()
    """What was begun as an action and cannot be read, for the model. `message` is then as it was."""


class _Action(NamedTuple):
    """A call, or the piece of the text that holds some edits, as offsets into the text."""

    start: int
    end: int
    outer_start: int
    """With the fence around it."""
    outer_end: int
    call: Call | None = None
    piece: "Piece | None" = None
    edits: tuple[Edit, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        if self.call is not None:
            return (_malformed(self.call),) if self.call.malformed else ()
        return tuple(f"{fault.message} {fault.next_step}".strip() for fault in self.piece.faults) if self.piece else ()


class _Fence(NamedTuple):
    start: int
    end: int
    language: str
    content: tuple[int, int]


def read_actions(
    message: FromAssistant, *, native: bool, tools: Iterable[str], foreign: Callable[[], Iterable[str]] = tuple
) -> Actions:
    """`native`: the model can call tools by itself, so only what is explicitly an action counts. `tools`: dotted names of the tools
    there are; edits are read only when `fs.apply` is one of them. `foreign`: what tools told the model; a call that stands in it
    word for word is quoted, not made. In a message with calls the text is prose."""
    text = message.text
    if message.calls or not text.strip():
        return Actions(message)
    names = {wire_name(name): name for name in tools}
    candidates = [
        action
        for action in _candidates(text, names, native=native)
        if action.call is None or not any(text[action.start : action.end] in told for told in foreign())
    ]
    meant = _meant(text, candidates, native=native)
    if not meant:
        return Actions(message)
    # Also the faults of what is only shown: what is broken may have swallowed the beginning of what follows.
    if faults := tuple(dict.fromkeys(fault for action in candidates for fault in action.faults)):
        return Actions(message, faults)
    return _with_calls(message, text, meant, names)


# -- what may be an action


def _candidates(text: str, names: Mapping[str, str], *, native: bool) -> list[_Action]:
    """In order. What stands inside another is content of that."""
    offsets = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    found = _calls(text, offsets, names)
    if APPLY in names.values() and may_hold_edits(text):
        found += _pieces(read_edits(text), offsets, len(text))
    outermost: list[_Action] = []
    for action in sorted(found, key=lambda action: (action.start, -action.end)):
        if not outermost or action.start >= outermost[-1].end:
            outermost.append(action)
    return [action for action in outermost if _may_act(text, action, native=native)]


def _may_act(text: str, action: _Action, *, native: bool) -> bool:
    if action.piece is None:
        return True
    return not re.match(_QUOTATION, text[action.start : action.start + 100]) and (action.piece.explicit or not native)


def _pieces(reading: "Reading", offsets: Sequence[int], length: int) -> list[_Action]:
    pieces, given = [], 0
    for piece in reading.pieces:
        start, end = offsets[piece.first - 1], min(offsets[piece.last], length)
        wanted = reading.edits[given : given + piece.edits]
        given += piece.edits
        pieces.append(_Action(start, end, start, end, piece=piece, edits=wanted))
    return pieces


def _calls(text: str, offsets: Sequence[int], names: Mapping[str, str]) -> list[_Action]:
    """Calls that stand for themselves: not part of a program, a quotation or a sentence about them."""
    if "{" not in text:
        return []
    published = parse_calls(text)
    others = [
        one for one in loose_calls(text, names) if not any(call.start <= one.start < call.end for call in published)
    ]
    found = sorted([*published, *others], key=lambda one: one.start)
    fences = _fences(text, offsets) if found else []
    calls = []
    for one in found:
        fence = next((fence for fence in fences if fence.start <= one.start < fence.end), None)
        if fence is None:
            line = text[offsets[bisect_right(offsets, one.start) - 1] : one.start]
            quoted = line.lstrip().startswith(">") or (line.endswith("`") and text[one.end : one.end + 1] == "`")
            start, end = one.start, one.end
        else:
            quoted = not _holds_only(text, fence, [other for other in found if fence.start <= other.start < fence.end])
            start, end = fence.start, fence.end
        if not quoted:
            calls.append(_Action(one.start, one.end, start, end, call=one.call))
    return calls


def _holds_only(text: str, fence: _Fence, calls: Sequence[Found]) -> bool:
    """Whether a fence holds these calls and nothing else. Where a broken one ends is not known."""
    if fence.language not in _CALL_LANGUAGES:
        return False
    rest, position = "", fence.content[0]
    for call in calls:
        rest += text[position : call.start]
        if call.call.malformed:
            return bool(re.fullmatch(_BESIDE_CALLS, rest))
        position = call.end
    return bool(re.fullmatch(_BESIDE_CALLS, rest + text[position : fence.content[1]]))


def _fences(text: str, offsets: Sequence[int]) -> list[_Fence]:
    """The outermost fences; one that is not closed goes to the end."""
    fences = []
    mark, language, start = "", "", 0
    for number, line in enumerate(text.split("\n")):
        found = re.match(_FENCE, line)
        if not mark and found:
            mark, language, start = found["mark"], found["language"].lower(), number
        elif mark and line.strip().startswith(mark) and not line.strip().strip(mark[0]):
            end = min(offsets[number + 1], len(text))
            fences.append(_Fence(offsets[start], end, language, (offsets[start + 1], offsets[number])))
            mark = ""
    if mark:
        content = (min(offsets[start + 1], len(text)), len(text))
        fences.append(_Fence(offsets[start], len(text), language, content))
    return fences


# -- what is meant as one


def _meant(text: str, candidates: Sequence[_Action], *, native: bool) -> list[_Action]:
    """Those that are not only shown."""
    if not candidates or only_put_forward(text[: candidates[0].outer_start], text[candidates[-1].outer_end :]):
        return []
    meant, position, shown = [], 0, False
    for action in candidates:
        lead = text[position : action.outer_start]
        if position == 0 or not only_connects(lead):
            shown = _is_shown(action, lead, native=native)
        # What is broken may have swallowed the words that lead to the next.
        position = max(position, action.outer_start if action.faults else action.outer_end)
        if not shown and not any(is_placeholder(edit.path) for edit in action.edits):
            meant.append(action)
    return meant


def _is_shown(action: _Action, lead: str, *, native: bool) -> bool:
    piece = action.piece
    return leads_to_shown(
        lead,
        native=native,
        diff=piece is not None and piece.form == "unified diff",
        content=piece is not None and not piece.explicit and piece.form in _CONTENT_FORMS,
    )


# -- calls


def _with_calls(message: FromAssistant, text: str, meant: Sequence[_Action], names: Mapping[str, str]) -> Actions:
    editing = [action for action in meant if action.piece is not None]
    patch = _patch(text, editing) if editing else ""
    if patch is None:
        return Actions(message, (_INSEPARABLE,))
    calls: list[Call] = []
    for action in meant:
        if action.call is not None:
            calls.append(
                action.call.model_copy(update={"tool": names.get(wire_name(action.call.tool), action.call.tool)})
            )
        elif action is editing[0]:
            calls.append(Call(id="", tool=APPLY, arguments={"patch": patch}))
    return Actions(_rewritten(message, _prose(text, meant), calls))


def _patch(text: str, editing: Sequence[_Action]) -> str | None:
    """The part of the answer that gives these edits and no others, word for word; None when there is no such part."""
    wanted = tuple(edit for action in editing for edit in action.edits)
    lines = text.split("\n")
    for with_sentences in (False, True):
        parts = []
        for action in editing:
            assert action.piece is not None
            label = [lines[action.piece.label - 1]] if with_sentences and action.piece.label else []
            parts.append("\n".join([*label, text[action.start : action.end].rstrip("\n")]))
        patch = "\n\n".join(parts) + "\n"
        if _gives(patch, wanted):
            return patch
    return text if _gives(text, wanted) else None


def _gives(patch: str, wanted: tuple[Edit, ...]) -> bool:
    reading = read_patch(patch)
    return not reading.faults and reading.edits == wanted


def _prose(text: str, meant: Sequence[_Action]) -> str:
    """The text without its actions, and without the fences that were only around calls."""
    kept, position = [], 0
    for action in meant:
        kept.append(text[position : action.start])
        position = action.end
    rest = "".join([*kept, text[position:]])
    if any(action.call for action in meant):
        rest = re.sub(TAGS, "", rest)
    rest = re.sub(_EMPTY_FENCE, "", rest)
    return re.sub(r"\n{3,}", "\n\n", rest).strip()


def _rewritten(message: FromAssistant, prose: str, calls: Sequence[Call]) -> FromAssistant:
    """What was thought stays where it was; the prose takes the place of the first text."""
    parts: list[AssistantPart] = []
    said = False
    for part in message.parts:
        if not isinstance(part, TextPart):
            parts.append(part)
        elif not said and prose:
            said = True
            parts.append(TextPart(text=prose))
    return FromAssistant(parts=(*parts, *(CallPart(call=call) for call in calls)))


def _malformed(call: Call) -> str:
    named = f" of {call.tool}" if call.tool else ""
    return (
        f"A tool call{named} in your text cannot be read as a JSON object of the form "
        '{"type": "tool_call", "tool": "NAME", "arguments": {…}}. It begins: ' + call.malformed[:120]
    )

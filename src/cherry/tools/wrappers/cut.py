"""Cuts a long text in the middle, keeps the whole of it, and says how to read on.

The line named is that of the kept text, so `fs.read` with this offset goes on exactly where the cut begins.
"""

from typing import NamedTuple

from cherry.domain.calls import Result
from cherry.domain.errors import CherryError
from cherry.kernel.text import plural
from cherry.storage.ports import Blobs
from cherry.tools.invocation import Invocation, Proceed, Wrapper

MAX_CHARACTERS = 30_000
MAX_LINES = 600
_BOUND_BY_ITSELF = 4
"""How many times the limits a tool's text may be that says it bounds itself."""
OUTPUT_PREFIX = "output:"
"""`output:ID` is where `fs.read` finds a kept text."""


class Limits(NamedTuple):
    characters: int = MAX_CHARACTERS
    lines: int = MAX_LINES

    def exceeded_by(self, text: str) -> bool:
        return len(text) > self.characters or text.count("\n") > self.lines


def cut_long(blobs: Blobs, limits: Limits | None = None) -> Wrapper:
    usual = limits or Limits()
    wide = Limits(usual.characters * _BOUND_BY_ITSELF, usual.lines * _BOUND_BY_ITSELF)

    async def cut(invocation: Invocation, proceed: Proceed) -> Result:
        result = await proceed(invocation)
        applied = wide if invocation.tool.bounds_itself else usual
        if not applied.exceeded_by(result.text):
            return result
        kept = await _keep(blobs, result.text)
        return result.model_copy(update={"text": shortened(result.text, applied, kept), "kept": kept})

    return cut


def shortened(text: str, limits: Limits, kept: str) -> str:
    """Two thirds of what is allowed from the start, one third from the end, cut at line ends where one is near."""
    head_end = _head_end(text, limits)
    tail_start = _tail_start(text, limits)
    omitted = text[head_end:tail_start]
    line = text.count("\n", 0, head_end) + 1
    marker = f"… {plural(omitted.count(chr(10)), 'line')} ({plural(len(omitted), 'character')}) left out here"
    if kept:
        marker += f'; read on with fs.read path "{OUTPUT_PREFIX}{kept}" offset {line}'
    else:
        marker += ", and there was no room to keep them"
    head = text[:head_end]
    return f"{head}{'' if head.endswith(chr(10)) else chr(10)}{marker} …\n{text[tail_start:]}"


def _head_end(text: str, limits: Limits) -> int:
    end = min(len(text), limits.characters * 2 // 3)
    position = 0
    for _ in range(limits.lines * 2 // 3):
        newline = text.find("\n", position, end)
        if newline == -1:
            near = text.rfind("\n", max(position - 1, end - 200), end)
            return near + 1 if near > 0 else end
        position = newline + 1
    return position


def _tail_start(text: str, limits: Limits) -> int:
    start = max(0, len(text) - limits.characters // 3)
    position = len(text)
    for _ in range(limits.lines // 3):
        newline = text.rfind("\n", start, max(start, position - 1))
        if newline == -1:
            near = text.find("\n", start, start + 200)
            return near + 1 if near != -1 else start
        position = newline + 1
    return position


async def _keep(blobs: Blobs, text: str) -> str:
    """The blob's name; empty when the store has no room: the call itself went well."""
    try:
        return await blobs.put(text.encode("utf-8", "backslashreplace"))
    except CherryError:
        return ""

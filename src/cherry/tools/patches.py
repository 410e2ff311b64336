"""The argument of `fs.apply`: changes as text, in any format that is read out of answers, and what they are called for people."""

import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cherry.domain.calls import Fault
from cherry.domain.errors import CherryError, edits
from cherry.edits.answers import read_patch
from cherry.edits.edit import Edit, Rename
from cherry.kernel.text import human_bytes, plural
from cherry.tools.names import shown

if TYPE_CHECKING:
    from cherry.edits.reading import Reading

MAX_PATCH = 10 << 20
"""Characters."""
_MOST_FAULTS = 5
_MOST_NAMED = 3
_TITLED_BELOW = 200_000
"""Characters. The title of a longer patch does not name its files."""


def edits_of(patch: str) -> tuple[Edit, ...]:
    """Raises CherryError(edits.MALFORMED) when any of it cannot be read: then nothing of it may be applied."""
    if len(patch) > MAX_PATCH:
        raise CherryError(edits.MALFORMED, f"`patch` is longer than {human_bytes(MAX_PATCH)}")
    reading = _reading(patch)
    if reading.faults:
        raise _refusal(reading.faults)
    return reading.edits


def paths_of(wanted: tuple[Edit, ...]) -> tuple[str, ...]:
    """Every path once, in the order of the edits."""
    names = (name for edit in wanted for name in (edit.path, edit.to if isinstance(edit, Rename) else "") if name)
    return tuple(dict.fromkeys(posixpath.normpath(name) for name in names))


def patch_title(arguments: dict[str, Any]) -> str:
    patch = arguments.get("patch")
    if not isinstance(patch, str) or len(patch) > _TITLED_BELOW:
        return "Apply changes"
    paths = paths_of(_reading(patch).edits)
    if len(paths) > _MOST_NAMED:
        named = ", ".join(shown(path) for path in paths[: _MOST_NAMED - 1])
        return f"Change {named} and {plural(len(paths) - _MOST_NAMED + 1, 'more file')}"
    return f"Change {', '.join(shown(path) for path in paths)}" if paths else "Apply changes"


@lru_cache(maxsize=4)
def _reading(patch: str) -> "Reading":
    """Kept for a moment: a call's title and its edits are asked for several times."""
    return read_patch(patch)


def _refusal(faults: tuple[Fault, ...]) -> CherryError:
    told = [f"{fault.message} {fault.next_step}".strip() for fault in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        told.append(f"And {plural(len(faults) - _MOST_FAULTS, 'more fault')}.")
    first, *others = told
    return CherryError(
        edits.MALFORMED,
        first if not others else "\n".join(told),
        next_step="Nothing was changed; give the whole patch again.",
    )

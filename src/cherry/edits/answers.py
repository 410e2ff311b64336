"""The way to the readers of edits for rooms above: loads them when a first text needs them, for they hold many patterns and most
answers have no edit."""

import re
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cherry.edits.reading.reading import Reading

_SIGN = r"""^[ \t]*(?:
    <{3,9}[ ]?\w | -{5,13}[ ]?\w | \*{3}[ ]?\w | ---[ ] | diff[ ] | @@ | `{3} | ~{3}
  | (?:[-*+]\s+|\#{1,6}\s+)?\**(?:file|path|action|operation)
)| \A\s*(?:[{\[] | \w+\s*:\s*$)"""


def may_hold_edits(text: str) -> bool:
    """False only when there is certainly no edit in it. Cheap."""
    return re.search(_SIGN, text, re.MULTILINE | re.VERBOSE | re.IGNORECASE) is not None


def read_edits(answer: str) -> "Reading":
    """The edits in a whole answer, whatever format it uses."""
    reading: Reading = import_module("cherry.edits.reading").read_edits(answer)
    return reading


def read_patch(patch: str) -> "Reading":
    """The edits in a text that is known to be whole and to be meant as edits."""
    reading: Reading = import_module("cherry.edits.reading").read_patch(patch)
    return reading

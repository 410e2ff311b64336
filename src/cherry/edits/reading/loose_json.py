"""JSON as models write it: comments, trailing commas, single quotes, Python's names, raw line breaks in strings.

Only what has one reading is repaired. A backslash that escapes nothing, an unescaped quote or a missing end stays an error.
"""

import json
import re
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
# What is not closed runs to the end in one go: looking again from every sign in it would take for ever.
_TOKEN = re.compile(
    r"(?P<string>\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z))|(?P<single>'(?:[^'\\]|\\.)*+(?:'|\\?\Z))"
    r"|(?P<comment>//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<comma>,(?=\s*(?:(?://|#)[^\n]*\s*)*[}\]]))|(?P<name>\b(?:True|False|None)\b)",
    re.DOTALL,
)
_NAMES = {"True": "true", "False": "false", "None": "null"}


def loads(text: str) -> Any:
    """The first JSON value of a text that starts with one. Raises ValueError."""
    start = text.lstrip()
    try:
        return _DECODER.raw_decode(start)[0]
    except ValueError as error:
        repaired = _TOKEN.sub(_repaired, start)
        if repaired == start:
            raise
        try:
            return _DECODER.raw_decode(repaired)[0]
        except ValueError:
            raise error from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _repaired(found: re.Match[str]) -> str:
    if found["string"]:
        return found[0]
    if found["single"] and len(found["single"]) > 1 and found["single"].endswith("'"):
        inner = found["single"][1:-1].replace("\\'", "'")
        return '"' + re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', inner) + '"'
    return found[0] if found["single"] else _NAMES.get(found[0], "")

"""Calls in text that are not quite in the published form, as models write them that learned another: `{"name": …, "arguments": {…}}`,
often between `<tool_call>` tags.

Only objects that begin so, hold nothing else and name a tool that exists; everything else is data. Bounded: a few hundred objects,
each of bounded length.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from cherry.domain.calls import MAX_ARGUMENT_LEVELS, Call
from cherry.kernel.ids import derived_id
from cherry.kernel.nesting import is_deeper
from cherry.toon.definition import wire_name
from cherry.toon.parser import Found

_NAMES = ("tool", "name", "tool_name", "function", "function_name", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "action_input", "params")
_BESIDE = frozenset({"id", "type", "call_id"})
_START = rf'\{{\s*"(?:{"|".join(_NAMES)})"\s*:\s*"(?P<name>[\w.]{{1,100}})"\s*,\s*"(?:{"|".join(_ARGUMENTS)})"\s*:\s*(?=[{{"])'
TAGS = r"(?m)^[ \t]*(?:</?(?:tool_calls?|function_calls?|tool_code|tools?)>|\[/?TOOL_CALLS?\]|<\|?/?tool_call\|?>)[ \t]*$\n?"
"""Lines that only stand around such calls."""
_MOST = 200
_LONGEST = 1 << 20
_SHOWN = 2_000
_DECODER = json.JSONDecoder()


def loose_calls(text: str, names: Mapping[str, str]) -> list[Found]:
    """`names`: wire name → dotted name of the tools there are. One that names a tool and cannot be read is malformed."""
    found: list[Found] = []
    position = 0
    pattern = re.compile(_START)
    while len(found) < _MOST and (match := pattern.search(text, position)):
        position = match.end()
        tool = names.get(wire_name(match["name"]))
        if tool is None:
            continue
        one = _read(text[match.start() : match.start() + _LONGEST], match.start(), tool)
        if one is not None:
            found.append(one)
            position = one.end
    return found


def _read(window: str, start: int, tool: str) -> Found | None:
    call_id = derived_id("call", start, window[:_SHOWN])
    try:
        value, length = _DECODER.raw_decode(window)
    except (ValueError, RecursionError):
        malformed = Call(id=call_id, tool=tool, arguments={}, malformed=window[:_SHOWN])
        return Found(malformed, start, start + 1)
    arguments = _arguments(value)
    if arguments is None:
        return None
    return Found(Call(id=call_id, tool=tool, arguments=arguments), start, start + length)


def _arguments(value: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments of what is a call and nothing else."""
    (_, (given_name, given), *others) = value.items()
    if given_name not in _ARGUMENTS or any(key not in _BESIDE for key, _ in others):
        return None
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    return given if isinstance(given, dict) and not is_deeper(given, MAX_ARGUMENT_LEVELS) else None

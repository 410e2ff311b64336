"""Tool calls written into an answer's text: JSON objects `{"type": "tool_call", …}`, in a fence or between words.

Strict: what is an object of this type and does not fit the schema, or breaks off, comes back as a malformed call, so that it is
refused aloud and never dropped. Text without the marker costs one search; no text costs more than a few readings of it.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from pydantic import ValidationError

from cherry.domain.calls import MAX_ARGUMENT_LEVELS, Call
from cherry.kernel.ids import derived_id
from cherry.kernel.nesting import is_deeper
from cherry.toon.call import ToolCall

MAX_CALLS = 200
_READINGS = 10
_WINDOW = 4_096
_LONGEST_LITERAL = 400
"""A number or literal at the end of a window may be broken off."""
_MAX_RAW = 2_000
_MARKER = re.compile(r'"type"\s*:\s*"tool_call"')
_OPENING = re.compile(r'\{\s*["}]')
_BROKEN = re.compile(r'\{\s*"type"\s*:\s*"tool_call"')
_DECODER = json.JSONDecoder()


class Found(NamedTuple):
    call: Call
    start: int
    """Where the object begins and ends in the text."""
    end: int


class _Piece(NamedTuple):
    start: int
    end: int
    value: Any
    """None when there is no whole JSON object at `start`; `end` is then where reading failed."""
    cost: int
    """Characters that were read."""


def parse_calls(text: str) -> tuple[Found, ...]:
    """The calls in a text, in order; at most `MAX_CALLS`. Objects of other types are passed over, calls inside them found.

    A call without an id gets one derived from its place and content.
    """
    found = (_found(text, piece) for piece in _objects(text))
    return tuple(islice((item for item in found if item), MAX_CALLS))


def _objects(text: str) -> Iterator[_Piece]:
    markers = [match.start() for match in _MARKER.finditer(text)]
    if not markers:
        return
    budget = _READINGS * len(text) + _WINDOW
    opening = _OPENING.search(text)
    while opening and opening.start() <= markers[-1] and budget > 0:
        piece = _read(text, opening.start())
        yield piece
        budget -= piece.cost
        opening = _OPENING.search(text, _next_start(text, piece))


def _next_start(text: str, piece: _Piece) -> int:
    """Behind a call, and behind an object that holds none; otherwise into it."""
    if piece.value is None:
        return piece.start + 1
    is_call = piece.value.get("type") == "tool_call"
    return piece.end if is_call or not _MARKER.search(text, piece.start, piece.end) else piece.start + 1


def _read(text: str, start: int) -> _Piece:
    """Reads from a window that grows only while the object goes on: what is no JSON costs little, however long the text."""
    width, cost = _WINDOW, 0
    while True:
        window = text[start : start + width]
        cost += len(window)
        try:
            value, length = _DECODER.raw_decode(window)
        except json.JSONDecodeError as error:
            ran_out = error.msg.startswith("Unterminated") or error.pos >= len(window) - _LONGEST_LITERAL
            if not ran_out or start + width >= len(text):
                return _Piece(start, start + max(error.pos, 1), None, cost)
        except (ValueError, RecursionError):  # a number of 5,000 digits, a thousand brackets
            return _Piece(start, start + 1, None, cost)
        else:
            return _Piece(start, start + length, value, cost)
        width *= 4


def _found(text: str, piece: _Piece) -> Found | None:
    if piece.value is None:
        if not _BROKEN.match(text, piece.start):
            return None
        return Found(_malformed(text[piece.start : piece.start + _MAX_RAW], piece.start), piece.start, piece.end)
    if piece.value.get("type") != "tool_call":
        return None
    raw = text[piece.start : piece.end]
    return Found(_call(piece.value, raw, piece.start), piece.start, piece.end)


def _call(value: dict[str, Any], raw: str, start: int) -> Call:
    value.setdefault("id", derived_id("call", start, raw))
    if is_deeper(value, MAX_ARGUMENT_LEVELS + 1):
        return _malformed(raw, start)
    try:
        return ToolCall.model_validate(value).to_call()
    except ValidationError:
        return _malformed(raw, start)


def _malformed(raw: str, start: int) -> Call:
    named = re.search(r'"tool"\s*:\s*"([^"\\]{1,100})"', raw)
    tool = named.group(1) if named else ""
    return Call(id=derived_id("call", start, raw), tool=tool, arguments={}, malformed=raw[:_MAX_RAW])

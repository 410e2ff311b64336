"""Reading JSON nobody vouches for: each helper gives the asked shape or an empty one, never an exception. And writing it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Json = Mapping[str, Any]
"""An object as it came from outside: any key may be missing, any value of any type."""

EMPTY: Json = {}


def obj(value: object) -> Json:
    return value if isinstance(value, dict) else EMPTY


def items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def count(value: object) -> int:
    """A number of tokens or bytes, or a place in a list; never negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return max(0, int(value))


def dump(value: object) -> bytes:
    """As JSON. Lone surrogates, such as bytes of a file name that are no UTF-8, become question marks: no provider takes them."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")

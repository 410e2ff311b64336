"""How deep a plain value (dicts and lists, as JSON gives them) is nested. No recursion: the depth is what is in doubt."""

from typing import Any


def is_deeper(value: Any, levels: int) -> bool:
    """Whether dicts and lists lie in each other more than `levels` deep; a flat one is one level."""
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [item for outer in layer for item in _inside(outer) if isinstance(item, dict | list)]
        if not layer:
            break
    return bool(layer)


def cut_below(value: Any, levels: int) -> Any:
    """A copy of which dicts and lists deeper than `levels` are left out."""
    whole: list[Any] = [None]
    waiting: list[tuple[Any, Any, Any, int]] = [(whole, 0, value, 1)]
    while waiting:
        into, key, item, depth = waiting.pop()
        if isinstance(item, dict | list) and depth > levels:
            into[key] = "…"
        elif isinstance(item, dict):
            into[key] = copy = dict.fromkeys(item)
            waiting.extend((copy, name, inner, depth + 1) for name, inner in item.items())
        elif isinstance(item, list):
            into[key] = [None] * len(item)
            waiting.extend((into[key], index, inner, depth + 1) for index, inner in enumerate(item))
        else:
            into[key] = item
    return whole[0]


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value

"""File patterns: `*.py` (a name at any depth), `src/**/*.ts`, `{a,b}/?.c`.

Matching takes at most the product of the lengths of path and pattern, whatever both are.
"""

import re
from collections.abc import Callable
from fnmatch import translate

from cherry.domain.errors import CherryError, tools

MAX_PATTERN = 500
_MAX_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def matcher(pattern: str) -> Callable[[str], bool]:
    """For paths relative to where the pattern starts. Raises CherryError(tools.BAD_PATTERN)."""
    if not pattern or len(pattern) > MAX_PATTERN or "\0" in pattern:
        raise _bad(
            pattern,
            f"it must have 1 to {MAX_PATTERN} characters" if "\0" not in pattern else "it holds a NUL character",
        )
    alternatives = [_parts(item) for item in _alternatives(pattern)]

    def matches(path: str) -> bool:
        segments = path.split("/")
        return any(_match(parts, segments) for parts in alternatives)

    return matches


_Part = Callable[[str], object] | None
"""Tells whether one path component fits; None stands for `**`."""


def _parts(pattern: str) -> list[_Part]:
    if pattern.startswith("/"):
        raise _bad(pattern, "it must be relative; give the folder as `path`")
    names = [name for name in pattern.removeprefix("./").split("/") if name]
    if ".." in names:
        raise _bad(pattern, "`..` leads out; give the folder as `path`")
    if len(names) == 1 and "/" not in pattern:
        names = ["**", *names]
    if pattern.endswith("/"):
        names.append("**")
    parts: list[_Part] = []
    for name in names:
        if name != "**":
            parts.append(_component(name, pattern))
        elif not parts or parts[-1] is not None:
            parts.append(None)
    return parts


def _component(name: str, pattern: str) -> _Part:
    try:
        return re.compile(translate(name.replace("**", "*"))).match
    except re.error as error:
        raise _bad(pattern, str(error)) from None


def _match(parts: list[_Part], segments: list[str]) -> bool:
    """Greedy with one way back, as for `*` in a string: `**` takes as little as possible, then more."""
    part = segment = 0
    retry_part, retry_segment = -1, 0
    while segment < len(segments):
        if part < len(parts) and (fits := parts[part]) is not None and fits(segments[segment]):
            part, segment = part + 1, segment + 1
        elif part < len(parts) and parts[part] is None:
            retry_part, retry_segment = part, segment
            part += 1
        elif retry_part >= 0:
            retry_segment += 1
            part, segment = retry_part + 1, retry_segment
        else:
            return False
    return all(rest is None for rest in parts[part:])


def _alternatives(pattern: str) -> list[str]:
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        current = waiting.pop()
        braces = _BRACES.search(current)
        if not braces:
            done.append(current)
        else:
            waiting += [current[: braces.start()] + item + current[braces.end() :] for item in braces[1].split(",")]
        if len(done) + len(waiting) > _MAX_ALTERNATIVES:
            raise _bad(pattern, f"its braces give more than {_MAX_ALTERNATIVES} alternatives")
    return done


def _bad(pattern: str, why: str) -> CherryError:
    return CherryError(tools.BAD_PATTERN, f"The file pattern {pattern[:80]!r} cannot be used", why=why)

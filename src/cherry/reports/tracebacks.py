"""Python tracebacks: the frames and the last exception's words."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_FRAME = re.compile(r'\s*File "(.+)", line (\d+)(?:, in .*)?$')
_ANOTHER = ("Traceback (most recent call last)", "During handling of", "The above exception was")
_REPEATS = re.compile(r"\s*\[Previous line repeated ")
MAX_MESSAGE_LINES = 25


class Place(NamedTuple):
    path: str
    line: int


class Traceback(NamedTuple):
    places: tuple[Place, ...]
    """Outermost first."""
    message: str
    """`ValueError: no such thing` and what follows it."""


def read_traceback(lines: Iterable[str]) -> Traceback:
    """Of several exceptions in a chain the last one's message; empty when there is no traceback."""
    places: list[Place] = []
    message: list[str] = []
    after_frame = False
    for line in lines:
        if frame := _FRAME.match(line):
            places.append(Place(frame[1], int(frame[2][:9])))
            message, after_frame = [], True
        elif line.startswith(_ANOTHER):
            message, after_frame = [], False
        elif after_frame and (not line[:1].isspace() and line) and not _REPEATS.match(line):
            message, after_frame = [line], False
        elif message and len(message) < MAX_MESSAGE_LINES:
            message.append(line)
    return Traceback(tuple(places), "\n".join(message).strip())

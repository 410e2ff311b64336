"""The lines of an answer as they come in. Readers are generators that ask for the next line and may look ahead.

Because a reader sees whole lines only and in order, what it reads cannot depend on how the answer was cut into chunks.
"""

from collections import deque
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Step = Generator[None, str | None, T]
"""A reader: is sent one line at a time, None for ever after the last."""


class Lines:
    """Lines with look-ahead."""

    def __init__(self) -> None:
        self._ahead: deque[str | None] = deque()
        self.taken = 0
        """How many lines of the answer are taken: the number of the last one."""
        self.indent = ""
        """White space taken off the start of every line that has it: that of the fence being read."""

    def next(self) -> Step[str | None]:
        """The next line without its end; None when there are no more."""
        line = self._ahead.popleft() if self._ahead else (yield)
        self.taken += line is not None
        return self._bare(line)

    def peek(self, distance: int = 0) -> Step[str | None]:
        """The line `distance` after the next, without taking any."""
        while len(self._ahead) <= distance:
            self._ahead.append((yield))
        return self._bare(self._ahead[distance])

    def peek_texts(self, count: int) -> Step[list[str]]:
        """The next lines that are not blank, `count` of them or fewer at the end, without taking any."""
        found: list[str] = []
        for distance in range(_MOST_BLANK * count):
            line = yield from self.peek(distance)
            if line is None:
                break
            if line.strip():
                found.append(line)
            if len(found) == count:
                break
        return found

    def skip_to(self, line: str) -> Step[None]:
        """Take the lines before one that was seen ahead."""
        while (yield from self.peek()) not in (line, None):
            yield from self.next()

    def _bare(self, line: str | None) -> str | None:
        return line.removeprefix(self.indent) if line and self.indent else line

    def peek_text(self) -> Step[str | None]:
        """The next line that is not blank, without taking any."""
        distance = 0
        while True:
            line = yield from self.peek(distance)
            if line is None or line.strip():
                return line
            distance += 1
            if distance > _MOST_BLANK:
                return ""

    def back(self, *lines: str) -> None:
        """Give lines back; they come again in this order."""
        self.taken -= len(lines)
        self._ahead.extendleft(self.indent + line for line in reversed(lines))


_MOST_BLANK = 20
"""Blank lines looked over before what follows counts as unrelated."""

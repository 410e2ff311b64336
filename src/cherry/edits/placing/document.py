"""A text as numbered lines with their positions. Computed when first asked for: an exact place needs none of it."""

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from cherry.edits import line_ends
from cherry.edits.placing.typography import plain


class Document:
    """One text being searched. Line indices count from 0, what people see counts from 1."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _raw_lines(self) -> list[str]:
        return line_ends.split_keep(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """Contents without their ends."""
        return [line_ends.split_end(line)[0] for line in self._raw_lines]

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts, and last the end of the text."""
        return [0, *accumulate(map(len, self._raw_lines))]

    @cached_property
    def main_end(self) -> str:
        return line_ends.dominant_end(self.text)

    @cached_property
    def _plain_lines(self) -> list[str]:
        return self.lines if self.text.isascii() else [plain(line) for line in self.lines]

    @cached_property
    def plain_text(self) -> str:
        """All lines in their plain form, each ended by `\\n`: the same lines, other positions."""
        return "\n".join([*self._plain_lines, ""])

    @cached_property
    def _plain_starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self._plain_lines)]

    def plain_line_at(self, position: int) -> int:
        """The index of the line that holds a position of `plain_text`."""
        return bisect_right(self._plain_starts, position) - 1

    def plain_line_end(self, index: int) -> int:
        """Where the line after this one starts in `plain_text`."""
        return self._plain_starts[index + 1]

    @cached_property
    def _lone_cr(self) -> bool:
        return line_ends.is_lone_cr(self.text)

    def normal(self, given: str) -> str:
        """A text meant for this document with every line ending in `\n`."""
        if "\r" not in given:
            return given
        given = given.replace("\r\n", "\n")
        return given.replace("\r", "\n") if self._lone_cr else given

    def split(self, part: str) -> list[str]:
        """A part of the document as lines with their ends."""
        end = "\r" if self._lone_cr else "\n"
        pieces = part.split(end)
        last = pieces.pop()
        return [*(piece + end for piece in pieces), *([last] if last else [])]

    def cuts_line_end(self, position: int) -> bool:
        """True between the two characters of a `\r\n`."""
        return self.text[max(0, position - 1) : position + 1] == "\r\n"

    def cuts_word(self, position: int) -> bool:
        """True between two letters, digits or underscores."""
        around = self.text[max(0, position - 1) : position + 1]
        return len(around) == 2 and around.replace("_", "a").isalnum()

    def is_line_end(self, position: int) -> bool:
        """True where the content of a line ends and its line end follows."""
        return self.text.startswith(("\n", "\r\n"), position) or (
            self._lone_cr and self.text.startswith("\r", position)
        )

    def __len__(self) -> int:
        return len(self._raw_lines)

    def content_end(self, index: int) -> int:
        """Where the content of a line ends and its line end begins."""
        return self.starts[index] + len(self.lines[index])

    def line_end(self, index: int) -> str:
        """The line's own end; empty for a last line without one."""
        return self.text[self.content_end(index) : self.starts[index + 1]]

    def line_at(self, position: int) -> int:
        """The index of the line that holds a position; the last line for the end of the text."""
        return max(0, min(bisect_right(self.starts, position) - 1, len(self) - 1))

    def nearby_end(self, index: int) -> str:
        """The end to give a line added at `index`: that of the line there, else of the one above, else the usual one."""
        for neighbour in (index, index - 1):
            if 0 <= neighbour < len(self) and (end := self.line_end(neighbour)):
                return end
        return self.main_end

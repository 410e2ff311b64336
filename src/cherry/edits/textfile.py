"""The bytes of a file as text and back, so that what an edit does not touch keeps its exact bytes.

Boundary: knows nothing of edits and reads no files. `text` has the line ends of the file; nothing is normalised. Bytes that
are not text in the file's encoding are carried as lone surrogates and come back as they were; a text handed in by a model
can neither add such bytes nor characters the file's encoding does not hold.
"""

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits import line_ends
from cherry.edits.encodings import Detected, detect
from cherry.kernel.text import visible

_SHOWN_CHARACTERS = 5
_DIFF_LINES = 20_000
"""Above this many lines a rewritten file takes its dominant line end instead of each line's own."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A decoded file. Made by `decode`, or by `new_file` for one that does not exist yet."""

    text: str
    encoding: str
    """Python's name of it; `unknown` when the bytes fit none for sure: they are kept and only ASCII can be added."""
    bom: bytes = b""
    stray: bool = False
    """True when some bytes are not text in this encoding; they are lone surrogates in `text`."""

    @property
    def line_end(self) -> line_ends.LineEnd:
        return line_ends.dominant_end(self.text)

    def encode(self, new_text: str) -> bytes:
        """The bytes of the file with its text changed to `new_text`. Raises CherryError(edits.ENCODING)."""
        if self.stray or self.encoding == "unknown":
            self._refuse_added(new_text)
            return self.bom + new_text.encode("utf-8", "surrogateescape")
        try:
            return self.bom + new_text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise _cannot_hold(new_text[error.start : error.end], self.encoding) from None

    def adopt(self, content: str) -> str:
        """A whole new content in the ways of this file: its line ends (unchanged lines keep their own) and its final newline.

        A content that differs from the file in line ends or the final newline alone is taken as it is: that is what was asked.
        """
        if not self.text or line_ends.with_lf(content).rstrip("\n") == line_ends.with_lf(self.text).rstrip("\n"):
            return content
        content = _like_final_newline(line_ends.with_lf(content), self.text)
        return _with_ends_of(self.text, content)

    def _refuse_added(self, new_text: str) -> None:
        """With bytes in the file that cannot be read, a character may stay, but none may come that was not there."""
        free = self.encoding != "unknown"
        before = Counter(char for char in self.text if char > "\x7f")
        after = Counter(char for char in new_text if char > "\x7f" and not (free and not _is_surrogate(char)))
        added = [char for char, count in after.items() if count > before[char]]
        if added:
            raise _cannot_hold("".join(added), self.encoding)


def decode(data: bytes) -> TextFile:
    """Raises CherryError(tools.BINARY) for what is not text."""
    found = detect(data)
    if found is None:
        raise CherryError(tools.BINARY)
    return _decoded(data, found)


def new_file() -> TextFile:
    """What a file that does not exist yet is encoded as."""
    return TextFile("", "utf-8")


def _decoded(data: bytes, found: Detected) -> TextFile:
    body = data[len(found.bom) :]
    if found.encoding == "unknown" or found.stray:
        return TextFile(body.decode("utf-8", "surrogateescape"), found.encoding, found.bom, stray=found.stray)
    return TextFile(body.decode(found.encoding), found.encoding, found.bom)


def _is_surrogate(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"


def _cannot_hold(characters: str, encoding: str) -> CherryError:
    shown = " ".join(f"{visible(char)} (U+{ord(char):04X})" for char in characters[:_SHOWN_CHARACTERS])
    if encoding == "unknown":
        why = f"its encoding is not known for sure, so only ASCII can be added, not {shown}"
    else:
        why = f"the file is {encoding}, which has no {shown}"
    return CherryError(edits.ENCODING, why=why)


def _like_final_newline(content: str, text: str) -> str:
    if text.endswith(("\n", "\r")):
        return content if content.endswith("\n") or not content else content + "\n"
    return content.removesuffix("\n")


def _with_ends_of(text: str, content: str) -> str:
    """`content`, which has `\\n` ends, with each unchanged line ending as in `text` and each new one as its neighbours do."""
    main_end = line_ends.dominant_end(text)
    if main_end == "\n" and "\r\n" not in text:
        return content
    if main_end == "\r" or text.count("\r\n") == text.count("\n"):
        return content.replace("\n", main_end)
    before = [line_ends.split_end(line) for line in line_ends.split_keep(text)]
    after = [line_ends.split_end(line)[0] for line in line_ends.split_keep(content)]
    if len(before) + len(after) > _DIFF_LINES:
        return content.replace("\n", main_end)
    ends: list[str] = [main_end] * len(after)
    for block in SequenceMatcher(None, [line for line, _ in before], after, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            ends[block.b + offset] = before[block.a + offset][1] or main_end
    joined = "".join(line + end for line, end in zip(after, ends, strict=True))
    return joined if content.endswith("\n") or not ends else joined.removesuffix(ends[-1])

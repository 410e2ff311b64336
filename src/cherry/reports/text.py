"""An output as parsers see it: no escape sequences, no carriage returns, bounded lines; JSON documents found in between."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import orjson

MAX_CHARACTERS = 8_000_000
MAX_LINE = 4_000
MAX_DOCUMENTS = 200_000

_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[ -/]+[0-~]|\x1b[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Output:
    """The output of one command. JSON documents are looked for when first asked for."""

    def __init__(self, raw: str) -> None:
        self.whole = len(raw) <= MAX_CHARACTERS
        """False when the middle was left out."""
        if not self.whole:
            half = MAX_CHARACTERS // 2
            raw = f"{raw[:half]}\n{raw[-half:]}"
        self._plain = _plain(raw)
        self.lines = [line if len(line) <= MAX_LINE else line[:MAX_LINE] for line in self._plain.split("\n")]
        """Cut where they are longer than any finding: what is matched line by line must not take for ever."""

    @cached_property
    def text(self) -> str:
        return "\n".join(self.lines)

    @cached_property
    def documents(self) -> list[Any]:
        """The JSON values in it: the whole output, or a pretty-printed value between other lines, or one value a line."""
        text = self._plain.strip()
        if "{" not in text and "[" not in text:
            return []
        for piece in (text, _from_bracket_to_bracket(text)):
            if piece and (parsed := _parse(piece)) is not None:
                return [parsed]
        return list(self._line_documents())

    def _line_documents(self) -> Iterator[Any]:
        count = 0
        for line in self._plain.split("\n"):
            if count < MAX_DOCUMENTS and line.startswith(("{", "[")) and (parsed := _parse(line)) is not None:
                count += 1
                yield parsed


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPE.sub("", text)
    if "\r" in text:  # what a terminal shows in the end of a progress line
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROL.sub("", text)


def _from_bracket_to_bracket(text: str) -> str:
    start = re.search(r"^[\[{]", text, re.MULTILINE)
    end = max(text.rfind("\n}"), text.rfind("\n]"))
    return text[start.start() : end + 2] if start and end > start.start() else ""


def _parse(text: str) -> Any:
    """None for what is no JSON, and for `null`, which says nothing either."""
    try:
        return orjson.loads(text.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return None

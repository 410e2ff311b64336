"""Where things stand in a TOML text: the statements of a text that `tomllib` has already accepted.

The standard library reads TOML but does not tell lines and cannot write. This scanner knows just enough of the grammar to say
which characters are keys and which are values, so that messages can name lines and `edit.py` can change one value and leave
every other byte alone. It does not validate; on a text that is not TOML its answer means nothing.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from cherry.config.sources import Key


class Statement(NamedTuple):
    """One `[table]`, `[[table]]` or `key = value`. Offsets count characters; `value_end` is after the value, before a comment."""

    kind: Literal["table", "element", "pair"]
    key: Key
    """Whole path; elements of arrays of tables carry their number: `("approvals", "rules", "0", "action")`."""
    line: int
    """From 1."""
    start: int
    """Where the line begins."""
    value_start: int
    value_end: int
    end: int
    """After the newline that ends the statement, or the end of the text."""
    table: Key
    """The table a pair stands in; for a table its own path."""


def statements(text: str) -> Iterator[Statement]:
    position, table, line = 0, _Tables(), 1
    while position < len(text):
        start = position
        position = _skip_blank(text, position)
        if position >= len(text):
            return
        if text[position] == "#" or text[position] in "\r\n":
            position = _line_end(text, position)
            line += 1
            continue
        statement = _statement(text, start, position, line, table)
        yield statement
        position = statement.end
        line += text.count("\n", start, statement.end)


def read_key(text: str, position: int = 0) -> tuple[Key, int]:
    """A dotted key beginning here, and where it ends."""
    parts: list[str] = []
    while True:
        position = _skip_blank(text, position)
        part, position = _key_part(text, position)
        parts.append(part)
        position = _skip_blank(text, position)
        if text[position : position + 1] != ".":
            return tuple(parts), position
        position += 1


class _Tables:
    """The table we are in, and how many elements each array of tables has so far."""

    def __init__(self) -> None:
        self.current: Key = ()
        self._counts: dict[Key, int] = {}

    def enter(self, key: Key, *, element: bool) -> Key:
        resolved: Key = ()
        for part in key[:-1]:
            resolved = self._last_element((*resolved, part))
        resolved = (*resolved, key[-1])
        if element:
            number = self._counts.get(resolved, 0)
            self._counts[resolved] = number + 1
            resolved = (*resolved, str(number))
        else:
            resolved = self._last_element(resolved)
        self.current = resolved
        return resolved

    def _last_element(self, key: Key) -> Key:
        count = self._counts.get(key)
        return (*key, str(count - 1)) if count else key


def _statement(text: str, start: int, position: int, line: int, tables: _Tables) -> Statement:
    if text[position] == "[":
        element = text.startswith("[[", position)
        key, after = read_key(text, position + (2 if element else 1))
        after += 2 if element else 1
        path = tables.enter(key, element=element)
        kind: Literal["table", "element"] = "element" if element else "table"
        return Statement(kind, path, line, start, after, after, _line_end(text, after), path)
    key, after = read_key(text, position)
    value_start = _skip_blank(text, after + 1)
    value_end = _value_end(text, value_start)
    end = _line_end(text, value_end)
    return Statement("pair", (*tables.current, *key), line, start, value_start, value_end, end, tables.current)


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t":
        position += 1
    return position


def _line_end(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return len(text) if newline == -1 else newline + 1


def _key_part(text: str, position: int) -> tuple[str, int]:
    quote = text[position : position + 1]
    if quote == "'":
        end = text.find("'", position + 1)
        end = len(text) if end == -1 else end
        return text[position + 1 : end], end + 1
    if quote == '"':
        end = _string_end(text, position)
        return _unescaped(text[position + 1 : end - 1]), end
    end = position
    while end < len(text) and (text[end].isalnum() or text[end] in "_-"):
        end += 1
    return text[position:end], end


def _value_end(text: str, position: int) -> int:
    """The end of a value of any kind; brackets nest, strings may hold anything."""
    depth = 0
    while position < len(text):
        char = text[position]
        if char in "\"'":
            position = _string_end(text, position)
            continue
        if depth == 0 and char in "#\r\n":
            break
        if char == "#":
            position = _line_end(text, position)
            continue
        depth += (char in "[{") - (char in "]}")
        position += 1
    while position > 0 and text[position - 1] in " \t":
        position -= 1
    return position


def _string_end(text: str, position: int) -> int:
    quote = text[position]
    if text.startswith(quote * 3, position):
        return _long_string_end(text, position + 3, quote)
    position += 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" and quote == '"' else 1
    return min(position + 1, len(text))


def _long_string_end(text: str, position: int, quote: str) -> int:
    while position < len(text):
        if text[position] == "\\" and quote == '"':
            position += 2
        elif text.startswith(quote * 3, position):
            position += 3
            # Up to two quotes may stand directly before the closing three.
            while text[position : position + 1] == quote:
                position += 1
            return position
        else:
            position += 1
    return len(text)


_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\", "e": "\x1b"}
_CODE_LENGTHS = {"x": 2, "u": 4, "U": 8}


def _unescaped(text: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char != "\\":
            parts.append(char)
            position += 1
            continue
        letter = text[position + 1 : position + 2]
        length = _CODE_LENGTHS.get(letter, 0)
        digits = text[position + 2 : position + 2 + length]
        parts.append(chr(int(digits, 16)) if length else _ESCAPES.get(letter, letter))
        position += 2 + length
    return "".join(parts)

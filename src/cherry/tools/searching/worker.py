"""The process behind `searching.python`: a pattern and file names in, NUL between them; matches as JSON lines out.

Standard library and `security.beneath` only: it starts in milliseconds. Whoever started it ends it.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cherry.security.beneath import open_beneath

_LINE_CHARACTERS = 4_000
_BINARY_SIGN_BYTES = 8_192


def main(arguments: list[str]) -> int:
    root, most, size = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    pattern, *names = sys.stdin.buffer.read().split(b"\0")
    try:
        expression = re.compile(pattern.decode("utf-8", "surrogatepass"))
    except (re.error, RecursionError, OverflowError) as error:
        _print({"error": str(error)})
        return 2
    for name in names:
        for count, (line, text, start) in enumerate(_matches(expression, _content(root, os.fsdecode(name), size)), 1):
            _print({"path": name.hex(), "line": line, "text": text, "start": start})
            if count >= most:
                break
    return 0


def _content(root: Path, name: str, most: int) -> bytes:
    """Empty for what cannot be read, is too large or no text."""
    try:
        handle = open_beneath(root, name, os.O_RDONLY)
    except OSError:
        return b""
    with os.fdopen(handle, "rb") as file:
        try:
            data = file.read(most + 1)
        except OSError:
            return b""
    return b"" if len(data) > most or b"\0" in data[:_BINARY_SIGN_BYTES] else data


def _matches(expression: re.Pattern[str], data: bytes) -> Iterator[tuple[int, str, int]]:
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.decode("utf-8", "backslashreplace").rstrip("\r")
        if found := expression.search(line):
            begin = max(0, found.start() - _LINE_CHARACTERS // 2)
            yield number, line[begin : begin + _LINE_CHARACTERS], found.start() - begin


def _print(item: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(item) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

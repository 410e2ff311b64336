"""Which programs a shell command names, and in which folder it runs them. Words only; the shell's grammar is not followed."""

import posixpath
import re

_WORDS = re.compile(r"[^\s;&|()<>'\"`$]+")
_FOLDER = re.compile(
    r"(?:^|[;&|\n(])\s*cd\s+(?:--\s+)?['\"]?([\w./@+-]+)|(?:\s-C\s*|--prefix[ =]|--cwd[ =])['\"]?([\w./@+-]+)"
)
MAX_COMMAND = 10_000


def words(command: str) -> tuple[str, ...]:
    """Each word, of paths the last part: `.venv/bin/ruff` is `ruff`."""
    return tuple(posixpath.basename(word) for word in _WORDS.findall(command[:MAX_COMMAND]))


def folders(command: str) -> tuple[str, ...]:
    """Folders the command goes to before it runs something."""
    found = (match[1] or match[2] for match in _FOLDER.finditer(command[:MAX_COMMAND]))
    return tuple(dict.fromkeys(folder for folder in found if folder not in (".", "-")))

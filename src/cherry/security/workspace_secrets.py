"""Secrets that a workspace itself holds: what its `.env` and its like say, so that it is taken out of what commands print.

The jail refuses to read such files, but a command in the sandbox can: it needs them. What it prints of them is redacted by value.
Only files at the top of the workspace are looked at, when something is to be redacted, and again when they have changed.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from math import log2
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cherry.security.beneath import open_beneath
from cherry.security.protected import PUBLIC_NAMES
from cherry.security.redaction import SHORTEST_VALUE, Redactor, StreamRedactor, names_a_secret

NAMES = (".env", ".env.*", "*.env", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc", ".netrc", "_netrc", ".htpasswd")
MAX_FILES = 20
MAX_BYTES = 64 << 10
_LINE = re.compile(r"\s*(?:export\s+|//[^\s=]*:)?(?P<name>[^\s=:#]+)\s*[=:]\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s#]+)")
_NETRC = re.compile(r"\b(?P<name>password)\s+(?P<value>\S+)")
_RANDOM_LENGTH, _RANDOM_BITS = 20, 3.4
_WORD = re.compile(r"[a-z]{1,15}|[A-Z]{1,15}|[0-9.,:_-]+|true|false|null|none|yes|no", re.IGNORECASE)

Signs = tuple[tuple[str, int, int, int], ...]


class WorkspaceRedactor:
    """A `Redactor` that also knows the secrets at the top of one workspace, as they are at the moment."""

    def __init__(self, root: Path, secrets: Mapping[str, str]) -> None:
        self._root = root
        self._secrets = dict(secrets)
        self._signs: Signs | None = None
        self._redactor = Redactor(secrets)

    def redact(self, text: str) -> str:
        return self._now().redact(text)

    def stream(self) -> StreamRedactor:
        return self._now().stream()

    def _now(self) -> Redactor:
        signs = _signs(self._root)
        if signs != self._signs:
            found = {name: value for file, *_ in signs for name, value in _values(self._root, file)}
            self._redactor = Redactor({**found, **self._secrets})
            self._signs = signs
        return self._redactor


def secret_lines(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of a file of settings that look like secrets."""
    for pattern in (_LINE, _NETRC):
        for match in pattern.finditer(text) if pattern is _NETRC else filter(None, map(_LINE.match, text.splitlines())):
            value = match["value"]
            value = value[1:-1] if value[:1] in "\"'" and value[-1:] == value[:1] else value
            name = match["name"].rpartition(":")[2].lstrip("_/")
            yield from _of_address(name, value)
            if _is_secret(name, value):
                yield name, value


def _of_address(name: str, value: str) -> Iterator[tuple[str, str]]:
    """The password in `postgres://user:password@host`."""
    if "://" not in value or "@" not in value:
        return
    with suppress(ValueError):
        password = urlsplit(value).password or ""
        for form in dict.fromkeys((password, unquote(password))):
            if len(form) >= SHORTEST_VALUE and not _WORD.fullmatch(form):
                yield f"{name} password", form


def _is_secret(name: str, value: str) -> bool:
    if len(value) < SHORTEST_VALUE or value[0] in "/~$" or "://" in value or _WORD.fullmatch(value):
        return False
    if names_a_secret(name):
        return True
    random = len(value) >= _RANDOM_LENGTH and " " not in value and any(letter.isdigit() for letter in value)
    return random and _bits(value) >= _RANDOM_BITS and not re.search(r"[./@]", value)


def _bits(text: str) -> float:
    """Shannon entropy of its letters, bits each."""
    shares = [text.count(letter) / len(text) for letter in set(text)]
    return -sum(share * log2(share) for share in shares)


def _signs(root: Path) -> Signs:
    """Differ when a file was made, changed or removed."""
    found: list[tuple[str, int, int, int]] = []
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if len(found) < MAX_FILES and _is_asked_for(entry.name):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((entry.name, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def _is_asked_for(name: str) -> bool:
    wanted = any(fnmatchcase(name, pattern) for pattern in NAMES)
    return wanted and not any(fnmatchcase(name, pattern) for pattern in PUBLIC_NAMES)


def _values(root: Path, file: str) -> Iterator[tuple[str, str]]:
    with suppress(OSError), os.fdopen(open_beneath(root, file, os.O_RDONLY), "rb") as opened:
        text = opened.read(MAX_BYTES).decode("utf-8", "replace")
        for name, value in secret_lines(text):
            yield f"{name} of {file}", value

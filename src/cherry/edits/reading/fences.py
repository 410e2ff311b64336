"""Fenced code: what opens and closes a fence, and which file its first line or its info string names."""

import re
from typing import NamedTuple

from cherry.edits.reading.paths import as_path, path_in

_OPENING = re.compile(r"^(?P<indent>[ \t]{0,12})(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_ATTRIBUTE = re.compile(r"(?:title|file|filename|path|name)\s*=\s*[\"']?(?P<path>[^\"'\s}]+)", re.IGNORECASE)
_CITED = re.compile(r"^\d+:\d+:")
_COMMENT = re.compile(
    r"^\s*(?:#|//|--|;+|%|/\*+|<!--|\"\"\"|'''|\(\*|\{#|rem )\s*(?:@?file(?:name|path)?\s*[:=]\s*|path\s*[:=]\s*)?(?P<path>\S[^*]*?)\s*"
    r"(?:\*+/|-->|\"\"\"|'''|\*\)|#\})?\s*$",
    re.IGNORECASE,
)
_SHOWN_ONLY = frozenset(
    {"bash", "sh", "shell", "zsh", "fish", "console", "terminal", "shell-session", "cmd", "bat", "powershell", "ps1"}
    | {"output", "log", "plaintext"}
)
_OF_COMMANDS = re.compile(
    r"(?:\.(?:\w*sh|ps1|psm1|bat|cmd|txt|log|out|env|\w*rc|profile)|(?:^|/)[^./]+)$|(?:^|/)\.[^/]+$", re.IGNORECASE
)
_DIFFS = frozenset({"diff", "patch", "udiff"})


class Fence(NamedTuple):
    """An opening fence line."""

    indent: str
    mark: str
    language: str
    path: str
    """The file its info string names; empty when it names none."""
    cited: bool
    """It quotes lines of a file that is there (`12:20:path`)."""

    @property
    def is_diff(self) -> bool:
        return self.language in _DIFFS

    @property
    def is_shown_only(self) -> bool:
        """Commands and output: without a file name of its own never a file's content."""
        return self.language in _SHOWN_ONLY

    def may_hold(self, path: str) -> bool:
        """Whether its content can be that of the file named above it: commands and output are only of files that hold such."""
        return not self.is_shown_only or bool(_OF_COMMANDS.search(path))

    def closes(self, line: str) -> bool:
        text = line.strip()
        return len(text) >= len(self.mark) and not text.strip(self.mark[0])

    def inner(self, line: str) -> str:
        """A line of the content without the indentation of the fence."""
        return line[len(self.indent) :] if self.indent and line.startswith(self.indent) else line


def opening(line: str) -> Fence | None:
    found = _OPENING.match(line)
    if found is None:
        return None
    info = found["info"].strip()
    language = re.split(r"[\s:{,]", info, maxsplit=1)[0].lower().lstrip(".")
    path = _path_of(info) or ""
    return Fence(
        found["indent"], found["mark"], "" if as_path(language) and path else language, path, bool(_CITED.match(info))
    )


def path_in_comment(line: str) -> str | None:
    """The file a comment names, when it holds nothing else."""
    found = _COMMENT.match(line)
    if found is None:
        return None
    path = as_path(found["path"].strip().strip("`"))
    return path if path and ("/" in path or "." in path.lstrip(".")) else None


def _path_of(info: str) -> str | None:
    if not info or _CITED.match(info):
        return None
    if found := _ATTRIBUTE.search(info):
        return as_path(found["path"])
    _, colon, rest = info.partition(":")
    if colon and rest and " " not in info and (path := as_path(rest)):
        return path
    words = info.split()
    if len(words) == 2 and (path := path_in(words[1])) and ("/" in path or "." in path):
        return path
    return as_path(info) if len(words) == 1 and ("/" in info or "." in info.lstrip(".")) else None

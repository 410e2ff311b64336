"""What in a workspace would make Cherry run or obey something, and whether the user has trusted exactly that.

Trust is bound to content: one changed byte and it must be given again. Listing and hashing read files; nothing is executed. What
is listed without needing trust (`instructions`) is text for the model, framed as data until trusted.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from cherry.security.beneath import open_beneath

Kind = Literal["config", "environment", "mcp", "hook", "agent", "skill", "command", "workflow", "instructions"]

TRUSTED_CONTENT: tuple[tuple[str, Kind], ...] = (
    (".cherry/config.*", "config"),
    (".cherry/policies.*", "config"),
    (".cherry/.env", "environment"),
    (".cherry/mcp.*", "mcp"),
    (".mcp.json", "mcp"),
    (".cherry/hooks/**", "hook"),
    (".cherry/agents/**", "agent"),
    (".cherry/skills/**", "skill"),
    (".cherry/commands/**", "command"),
    (".cherry/workflows/**", "workflow"),
    ("AGENTS.md", "instructions"),
    ("CLAUDE.md", "instructions"),
    (".cherry/memory/**", "instructions"),
)
"""Glob patterns from the workspace's root, and what matches them does."""

MAX_FILES = 1000
MAX_FILE_BYTES = 4 << 20
_STORE_VERSION = 1


class TrustItem(NamedTuple):
    path: str
    """Relative to the workspace."""
    kind: Kind
    digest: str
    """Of the content; for a link also of where it leads; `unreadable` when it cannot be read."""


class TrustSubject(NamedTuple):
    """Everything of one workspace that needs trust."""

    workspace: Path
    items: tuple[TrustItem, ...]

    @property
    def digest(self) -> str:
        """Changes with any byte of any item. Empty when there is nothing to trust."""
        if not self.items:
            return ""
        whole = hashlib.sha256()
        for item in self.items:
            for part in item:
                encoded = part.encode("utf-8", "surrogateescape")
                whole.update(len(encoded).to_bytes(8, "big") + encoded)
        return "sha256:" + whole.hexdigest()


def trust_subject(workspace: Path) -> TrustSubject:
    """Look at what the workspace holds. Never raises for what it cannot read; such items still count and change the digest."""
    root = Path(os.path.realpath(workspace))
    items = [
        TrustItem(relative, kind, _digest(root, relative))
        for pattern, kind in TRUSTED_CONTENT
        for relative in _matching(root, pattern)
    ]
    return TrustSubject(root, tuple(sorted(set(items))[:MAX_FILES]))


class TrustStore:
    """Which contents of which workspaces the user has trusted: a JSON file in Cherry's data folder, readable by its owner only."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def is_trusted(self, subject: TrustSubject) -> bool:
        """True when exactly this content was trusted, or when there is nothing to trust."""
        return not subject.items or self._known(subject) == _digests(subject)

    def changed(self, subject: TrustSubject) -> tuple[str, ...]:
        """Paths that are new, gone or different since trust was given; all of them when it never was."""
        known, now = self._known(subject), _digests(subject)
        return tuple(sorted(path for path in known.keys() | now.keys() if known.get(path) != now.get(path)))

    def trust(self, subject: TrustSubject) -> None:
        """Raises OSError when the store cannot be written."""
        self._save({**self._load(), str(subject.workspace): _digests(subject)})

    def forget(self, workspace: Path) -> None:
        entries = self._load()
        entries.pop(os.path.realpath(workspace), None)
        self._save(entries)

    def _known(self, subject: TrustSubject) -> dict[str, str]:
        return self._load().get(str(subject.workspace), {})

    def _load(self) -> dict[str, dict[str, str]]:
        """Digests by path by workspace. A store that is missing or damaged trusts nothing."""
        with suppress(OSError, ValueError, AttributeError):
            loaded = json.loads(self._file.read_text("utf-8", errors="surrogateescape"))
            entries = loaded.get("workspaces", {})
            return {path: entry for path, entry in entries.items() if isinstance(entry, dict)}
        return {}

    def _save(self, entries: dict[str, dict[str, str]]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({"version": _STORE_VERSION, "workspaces": entries}, indent=1, sort_keys=True)
        made = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            made.replace(self._file)
        except BaseException:
            made.unlink(missing_ok=True)
            raise


def _digests(subject: TrustSubject) -> dict[str, str]:
    return {item.path: f"{item.kind} {item.digest}" for item in subject.items}


def _matching(root: Path, pattern: str) -> Iterator[str]:
    found = root.glob(pattern if not pattern.endswith("/**") else f"{pattern}/*")
    for count, path in enumerate(found):
        if count >= MAX_FILES:
            return
        with suppress(OSError):
            if not stat.S_ISDIR(path.lstat().st_mode):
                yield path.relative_to(root).as_posix()


def _digest(root: Path, relative: str) -> str:
    path = root / relative
    try:
        if path.is_symlink():
            target = os.path.realpath(path)
            if not target.startswith(f"{root}/"):
                return "unreadable"
            return f"link:{target}:{_digest(root, os.path.relpath(target, root))}"
        handle = open_beneath(root, relative, os.O_RDONLY)
    except OSError:
        return "unreadable"
    with os.fdopen(handle, "rb") as source:
        content = source.read(MAX_FILE_BYTES + 1)
    return "unreadable" if len(content) > MAX_FILE_BYTES else hashlib.sha256(content).hexdigest()

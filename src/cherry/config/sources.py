"""Where a value came from, and the layers values come in."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

Key = tuple[str, ...]
"""Path of a setting: `("limits", "max_steps")`. Items of a list are named by their number, from 0."""


class LayerKind(IntEnum):
    """Later ones win."""

    DEFAULT = 0
    USER_FILE = 1
    PROJECT_FILE = 2
    DOTENV = 3
    ENVIRONMENT = 4
    FLAG = 5


class Source(NamedTuple):
    layer: LayerKind
    file: Path | None = None
    line: int = 0
    """From 1; 0 when not known."""
    name: str = ""
    """Environment variable or command-line option."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else str(self.file or "")
        if self.layer is LayerKind.DEFAULT:
            return "default"
        if self.layer is LayerKind.ENVIRONMENT:
            return f"environment {self.name}"
        if self.layer is LayerKind.FLAG:
            return f"option {self.name}"
        return f"{place} {self.name}".strip()


DEFAULT = Source(LayerKind.DEFAULT)


class Layer(NamedTuple):
    """What one place says: nested raw values, and where each key of it stands."""

    values: dict[str, Any]
    sources: Mapping[Key, Source]
    fallback: Source
    """For keys without a place of their own."""

    def source(self, key: Key) -> Source:
        """The place of the key, or of the nearest key above it."""
        while key:
            if key in self.sources:
                return self.sources[key]
            key = key[:-1]
        return self.fallback


def leaves(values: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value that is not a table, with its path; an empty table counts as a value."""
    for name, value in values.items():
        key = (*above, name)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, key)
        else:
            yield key, value


def written(key: Key) -> str:
    """The key as one would write it in TOML: parts that are not plain words stand in quotes."""
    return ".".join(part if _is_plain(part) else f'"{_escaped(part)}"' for part in key)


def _is_plain(part: str) -> bool:
    return bool(part) and part.isascii() and all(char.isalnum() or char in "_-" for char in part)


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace('"', '\\"')

"""Reading one configuration file, TOML or YAML, into a layer that knows the line of every key.

Raises CherryError(config.BAD_FILE) with line and column for whatever cannot be read; never any other error, whatever the bytes.
The parsers are loaded only when there is such a file.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cherry.config.sources import Key, Layer, LayerKind, Source
from cherry.config.toml_lines import statements
from cherry.domain.errors import CherryError, config

MAX_FILE_BYTES = 1 << 20
_TOML_PLACE = r"\(at (?:line (\d+), column (\d+)|end of document)\)"
_NAMES = ("config.toml", "config.yaml", "config.yml")


def find(folder: Path) -> Path | None:
    """The configuration file of a folder. Raises BAD_FILE when there are two: nobody could tell which one counts."""
    found = all_in(folder)
    if len(found) > 1:
        raise CherryError(
            config.BAD_FILE,
            f"There are two configuration files, {found[0].name} and {found[1].name}",
            where=str(folder),
            next_step="Keep one of them.",
        )
    return found[0] if found else None


def all_in(folder: Path) -> list[Path]:
    """Every file of a folder that could be its configuration. Raises BAD_FILE when the folder may not be looked into."""
    try:
        return [path for name in _NAMES if (path := folder / name).is_file()]
    except OSError as error:
        raise CherryError(config.BAD_FILE, where=str(folder), why=error.strerror or str(error)) from error


def read(path: Path, kind: LayerKind) -> Layer:
    text = read_text(path)
    if path.suffix == ".toml":
        return parse_toml(text, path, kind)
    return parse_yaml(text, path, kind)


def read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CherryError(config.BAD_FILE, where=str(path), why=error.strerror or str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise CherryError(
            config.BAD_FILE,
            where=str(path),
            why=f"it is larger than {MAX_FILE_BYTES >> 20} MiB, which no settings need",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _bad(path, "it is not UTF-8 text", line) from error


def parse_toml(text: str, path: Path, kind: LayerKind) -> Layer:
    import tomllib  # only when there is such a file: start-up time

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(_TOML_PLACE, str(error))
        reason = re.sub(_TOML_PLACE, "", str(error)).strip()
        lines = text.count("\n") + 1
        line, column = (int(place[1]), int(place[2])) if place and place[1] else (lines, 0)
        raise _bad(path, reason, line, column) from error
    except (ValueError, RecursionError) as error:  # digits beyond Python's limit; thousands of brackets
        raise _bad(path, _reason(error)) from error
    base = Source(kind, path)
    return Layer(values, dict(_toml_sources(text, base)), base)


def parse_yaml(text: str, path: Path, kind: LayerKind) -> Layer:
    import yaml  # only when there is such a file: start-up time

    base = Source(kind, path)
    sources: dict[Key, Source] = {}
    values: object = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is not None:
            sources = dict(_YamlPlaces(base).of(node))
            values = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _bad(path, str(reason), mark.line + 1 if mark else 0, mark.column + 1 if mark else 0) from error
    except (ValueError, OverflowError, RecursionError, TypeError, AttributeError, KeyError, IndexError) as error:
        # PyYAML lets errors of odd scalars (`2001-99-99`, `!!int x`) through as they come.
        raise _bad(path, _reason(error)) from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise _bad(path, "settings are expected as `key: value` lines", 1)
    return Layer(_with_text_keys(values), sources, base)


def _with_text_keys(value: Any) -> Any:
    """YAML allows numbers and more as keys; settings have names. Bounded: the places were walked before."""
    if isinstance(value, dict):
        return {str(name): _with_text_keys(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    return value


def _toml_sources(text: str, base: Source) -> Iterator[tuple[Key, Source]]:
    for statement in statements(text):
        yield statement.key, base._replace(line=statement.line)


class _YamlPlaces:
    """Lines of all keys. Aliases are followed, so the walk is bounded: a few lines can stand for billions of values."""

    def __init__(self, base: Source) -> None:
        self._base = base
        self._left = 20_000

    def of(self, node: Any, above: Key = ()) -> Iterator[tuple[Key, Source]]:
        """Raises BAD_FILE for a key given twice and for a document that unfolds beyond all measure."""
        self._left -= 1
        if self._left < 0 or len(above) > 30:
            raise _bad(_file(self._base), "it unfolds into too many values", node.start_mark.line + 1)
        if node.id == "mapping":
            yield from self._of_mapping(node, above)
        elif node.id == "sequence":
            for number, item in enumerate(node.value):
                yield (*above, str(number)), self._at(item)
                yield from self.of(item, (*above, str(number)))

    def _of_mapping(self, node: Any, above: Key) -> Iterator[tuple[Key, Source]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name in seen:
                raise _bad(_file(self._base), f"{name} is given twice", key_node.start_mark.line + 1)
            seen.add(name)
            yield (*above, name), self._at(key_node)
            yield from self.of(value_node, (*above, name))

    def _at(self, node: Any) -> Source:
        return self._base._replace(line=node.start_mark.line + 1)


def _file(base: Source) -> Path:
    assert base.file is not None
    return base.file


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error) or type(error).__name__


def _bad(path: Path, reason: str, line: int = 0, column: int = 0) -> CherryError:
    place = f"{path}:{line}" if line else str(path)
    at = f"line {line}, column {column}: " if line and column else f"line {line}: " if line else ""
    return CherryError(config.BAD_FILE, where=place, why=at + reason)

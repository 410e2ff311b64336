"""Every setting as a row: what it is, where it comes from, what it means. Secrets are never shown."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cherry.config.loader import Loaded
from cherry.config.schema import as_toml
from cherry.config.settings import SECTIONS, is_secret
from cherry.config.sources import Key, LayerKind, Source, written
from cherry.domain.base import Value

HIDDEN = "(hidden)"
UNSET = "(unset)"


class Row(NamedTuple):
    key: str
    value: str
    source: Source
    description: str

    @property
    def given(self) -> bool:
        """Somebody said so; it is not merely the default."""
        return self.source.layer is not LayerKind.DEFAULT


def explain(loaded: Loaded) -> list[Row]:
    return [
        Row(written(key), _shown(key, value), loaded.source(*key), description)
        for name in SECTIONS
        for key, value, description in _rows(getattr(loaded.settings, name), (name,))
    ]


def _rows(section: Value, above: Key) -> Iterator[tuple[Key, Any, str]]:
    for name, field in type(section).model_fields.items():
        key, value = (*above, name), getattr(section, name)
        if isinstance(value, Value):
            yield from _rows(value, key)
        elif isinstance(value, Mapping) and any(isinstance(item, Value) for item in value.values()):
            for free_name, item in value.items():
                yield from _rows(item, (*key, free_name))
        else:
            yield key, value, field.description or ""


def _shown(key: Key, value: object) -> str:
    if value is None or value == "":
        return UNSET
    if is_secret(key) and isinstance(value, Mapping):
        return as_toml(dict.fromkeys(value, HIDDEN))
    return as_toml(value)

"""Settings without the keys in them: for a backup, which may lie anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cherry.config.files import parse_toml, parse_yaml
from cherry.config.settings import is_secret
from cherry.config.sources import Key, LayerKind, leaves, written
from cherry.domain.errors import CherryError
from cherry.security.redaction import SHORTEST_VALUE, Redactor, secret_values


def without_keys(file: Path, content: bytes, environ: Mapping[str, str]) -> tuple[bytes | None, str]:
    """The settings file without the values of headers, without keys of known forms and of the environment.

    And a sentence when something is left out. None when it cannot be read, or the keys in it cannot be taken out: it is then no part
    of the backup.
    """
    try:
        text = content.decode("utf-8")
        secrets = _secrets(file, text)
        cleaned = Redactor({**secret_values(environ), **secrets}).redact(text)
        left = set(_secrets(file, cleaned).values()) & set(secrets.values())
    except (CherryError, UnicodeDecodeError):
        return None, f"{file} is not in it: it cannot be read, so nobody can tell whether there are keys in it."
    if left:
        return None, f"{file} is not in it: it holds keys that cannot be taken out."
    if cleaned == text:
        return content, ""
    return cleaned.encode(), f"{file} is in it without the keys it holds."


def _secrets(file: Path, text: str) -> dict[str, str]:
    """Settings whose values may be keys. Raises CherryError for a file that cannot be read."""
    parse = parse_toml if file.suffix == ".toml" else parse_yaml
    found: dict[str, str] = {}
    for key, value in leaves(parse(text, file, LayerKind.USER_FILE).values):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and len(item) >= SHORTEST_VALUE and _may_be_key(key, item):
                found[f"{written(key)}{len(found)}"] = item
    return found


def _may_be_key(key: Key, value: Any) -> bool:
    """All headers; of request fields those that are called so."""
    return is_secret(key) and ("headers" in key or bool(secret_values({key[-1]: value})))

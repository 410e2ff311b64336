"""The key file: the keys of the secret store by version. During a rotation the old one stays until the new one is in use, on disk."""

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cherry.domain.errors import CherryError, secrets
from cherry.storage.secrets.own_files import read_own, remove_own, write_own

_FORMAT: Final = "cherry-secrets-key"
_KEY_BYTES: Final = 32


def read_keys(file: Path) -> dict[int, bytes]:
    """Empty when there is no file. Raises CherryError(secrets.DAMAGED, EXPOSED) and those of `storage`."""
    content = read_own(file)
    if content is None:
        return {}
    try:
        raw: Any = json.loads(content)
        if raw["format"] != _FORMAT:
            raise ValueError("format")
        keys = {int(version): b64decode(key, validate=True) for version, key in raw["keys"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise CherryError(secrets.DAMAGED, "The key file of the secret store is damaged", where=str(file)) from None
    if not keys or any(len(key) != _KEY_BYTES or version < 1 for version, key in keys.items()):
        raise CherryError(secrets.DAMAGED, "The key file of the secret store is damaged", where=str(file))
    return keys


def write_keys(file: Path, keys: Mapping[int, bytes]) -> None:
    """Durable when this returns; without keys there is no file."""
    if not keys:
        remove_own(file)
        return
    held = {str(version): b64encode(key).decode() for version, key in sorted(keys.items())}
    write_own(file, json.dumps({"format": _FORMAT, "keys": held}, indent=1).encode("ascii") + b"\n")

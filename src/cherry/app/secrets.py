"""Keys a person gives Cherry to keep: which names and values are taken, who uses them, where they lie."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cherry.domain.errors import CherryError, secrets
from cherry.storage.secrets.port import KeptIn, SecretStore

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_LONGEST: Final = 20_000


class SecretInfo(NamedTuple):
    name: str
    used_by: tuple[str, ...]
    """Providers that look for this name; empty when none does."""
    in_environment: bool
    """The environment has this name too, and comes first."""


class Listing(NamedTuple):
    kept_in: KeptIn
    secrets: tuple[SecretInfo, ...]


class Secrets:
    """Implements `cherry.client.secrets.SecretsClient`."""

    def __init__(self, vault: SecretStore, *, users: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> None:
        """`users`: the providers that look for a key, by the key's name."""
        self._vault = vault
        self._users = users
        self._environ = environ

    def check_name(self, name: str) -> None:
        # The name is not told again: somebody may have given the key itself.
        if not _NAME.fullmatch(name):
            raise CherryError(secrets.BAD_NAME)

    def set(self, name: str, value: str) -> SecretInfo:
        self.check_name(name)
        value = value.strip()
        if not value:
            raise CherryError(secrets.BAD_VALUE, "There is no secret in it")
        if not value.isprintable() or len(value) > _LONGEST:
            raise CherryError(secrets.BAD_VALUE, why="it has several lines, control characters, or is very long")
        self._vault.set(name, value)
        return self._info(name)

    def listing(self) -> Listing:
        return Listing(self._vault.kept_in(), tuple(self._info(name) for name in sorted(self._vault.names())))

    def remove(self, name: str) -> None:
        self.check_name(name)
        self._vault.remove(name)

    def rotate(self, *, to_key_file: bool = False) -> int:
        return self._vault.rotate(to_key_file=to_key_file)

    def _info(self, name: str) -> SecretInfo:
        return SecretInfo(name, tuple(self._users.get(name, ())), bool(self._environ.get(name, "").strip()))

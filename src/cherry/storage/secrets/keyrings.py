"""The system's keyring, by the library `keyring`, which is an optional extra. Loaded only when it is to be used."""

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import keyring
import keyring.errors

from cherry.domain.errors import CherryError, secrets

_T = TypeVar("_T")
_SAFE: Final = (
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
    "keyring.backends.macOS",
)
"""Modules of backends that keep values where only this user's session reads them. Anything else, also plain files, is no keyring."""


class Backend(Protocol):
    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


class SystemKeyring:
    """Implements `cherry.storage.secrets.vault.Keyring`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def get(self, service: str, name: str) -> str | None:
        return _told(lambda: self._backend.get_password(service, name))

    def set(self, service: str, name: str, value: str) -> None:
        _told(lambda: self._backend.set_password(service, name, value))

    def remove(self, service: str, name: str) -> None:
        if self.get(service, name) is not None:
            _told(lambda: self._backend.delete_password(service, name))


def find_keyring() -> SystemKeyring | None:
    """None where no keyring works that keeps what it is given safely."""
    try:
        backend = safe_backend(keyring.get_keyring())
    except (keyring.errors.KeyringError, RuntimeError, ImportError, AttributeError, TypeError):
        return None
    return SystemKeyring(backend) if backend else None


def safe_backend(backend: Any) -> Backend | None:
    """The backend, or the first of a chain; None when that would not keep a secret."""
    chain = getattr(backend, "backends", None)
    if type(backend).__module__ == "keyring.backends.chainer":
        return next((found for each in chain or () if (found := safe_backend(each))), None)
    kept: Backend | None = backend if type(backend).__module__ in _SAFE else None
    return kept


def _told(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        raise CherryError(secrets.NO_KEYRING, why=str(error) or type(error).__name__) from None

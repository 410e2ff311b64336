"""Keeping keys on this machine. Not part of `Client`: it needs no session, and no model."""

from typing import Protocol

from cherry.app.secrets import Listing, SecretInfo


class SecretsClient(Protocol):
    """All methods block until it is done, and raise CherryError. An interruption leaves everything as it was."""

    def check_name(self, name: str) -> None:
        """Before anybody is asked for a value."""
        ...

    def set(self, name: str, value: str) -> SecretInfo: ...
    def listing(self) -> Listing:
        """Names, never values."""
        ...

    def remove(self, name: str) -> None: ...
    def rotate(self, *, to_key_file: bool = False) -> int:
        """Everything under a new key; how many there are."""
        ...


__all__ = ["Listing", "SecretInfo", "SecretsClient"]

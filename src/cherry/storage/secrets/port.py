"""What a secret store does, and a keyring, for those who use one. Loads nothing."""

from typing import Literal, Protocol

KeptIn = Literal["nowhere", "file", "keyring"]


class SecretStore(Protocol):
    """Every method raises CherryError of `secrets` and `storage`; whatever fails or is killed, what was stored before can be read."""

    def names(self) -> tuple[str, ...]:
        """Opens nothing sealed: no key is needed."""
        ...

    def kept_in(self) -> KeptIn: ...
    def read(self) -> dict[str, str]:
        """All values by name."""
        ...

    def set(self, name: str, value: str) -> None:
        """On disk when this returns. Nothing is written over what cannot be read."""
        ...

    def remove(self, name: str) -> None:
        """Raises also CherryError(secrets.UNKNOWN)."""
        ...

    def rotate(self, *, to_key_file: bool = False) -> int:
        """Seal everything with a new key and forget the old one; how many values there are."""
        ...


class Keyring(Protocol):
    """All methods raise CherryError(secrets.NO_KEYRING)."""

    def get(self, service: str, name: str) -> str | None: ...
    def set(self, service: str, name: str, value: str) -> None: ...
    def remove(self, service: str, name: str) -> None:
        """Does nothing when it is not there."""
        ...

"""The secret store: values by name, kept in the system's keyring or sealed in a file.

Reading takes no lock. Changes are made by one process at a time, and each is one rename. Where the values are is decided when the
first one is set, and stands in the store's file; without that file there are none, and nothing is loaded to find out.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from cherry.domain.errors import CherryError, secrets
from cherry.kernel.file_locks import LockTimeout, file_lock
from cherry.storage.faults import os_fault
from cherry.storage.folders import make_private
from cherry.storage.secrets.document import (
    Document,
    InKeyring,
    KeyFacts,
    Origin,
    SealedSecrets,
    names_in,
    parse,
    written,
)
from cherry.storage.secrets.key_file import read_keys, write_keys
from cherry.storage.secrets.own_files import read_own, write_own
from cherry.storage.secrets.port import KeptIn, Keyring

LOCK: Final = "storage.secrets"
LOCK_SECONDS: Final = 10.0
COST: Final = 15
_SALT_BYTES: Final = 16


class Places(NamedTuple):
    store: Path
    """In the folder of the user's data."""
    key: Path
    """In the folder of the configuration: whoever copies the data alone cannot open them."""


class Passphrases(NamedTuple):
    current: str = ""
    new: str = ""
    """For a rotation."""
    cost: int = COST
    """Of a key that is made from now on: scrypt's N as a power of two."""


class Vault:
    """Implements `cherry.storage.secrets.port.SecretStore`."""

    def __init__(
        self,
        places: Places,
        *,
        passphrases: Passphrases | None = None,
        find_keyring: Callable[[], Keyring | None] = lambda: None,
    ) -> None:
        self._places = places
        self._passphrases = passphrases or Passphrases()
        self._find_keyring = find_keyring
        self._where = str(places.store)

    def names(self) -> tuple[str, ...]:
        """Opens nothing sealed: no key is needed."""
        document = self._document()
        return names_in(document) if document else ()

    def kept_in(self) -> KeptIn:
        document = self._document()
        if document is None:
            return "nowhere"
        return "keyring" if isinstance(document, InKeyring) else "file"

    def read(self) -> dict[str, str]:
        """All values by name."""
        try:
            return self._read()
        except CherryError as error:
            if error.kind is not secrets.NO_KEY:
                raise
        with self._locked():  # between the store and its key another process may have changed both
            return self._read()

    def set(self, name: str, value: str) -> None:
        """On disk when this returns. Nothing is written over what cannot be read."""
        with self._locked():
            document = self._document()
            keyring = None if document or self._passphrases.current else self._find_keyring()
            if isinstance(document, InKeyring) or keyring:
                known = document if isinstance(document, InKeyring) else InKeyring(f"cherry {self._where}", ())
                (keyring or self._keyring()).set(known.service, name, value)
                self._write(known._replace(names=tuple(sorted({*known.names, name}))))
                return
            facts, key = self._key(document) if document else self._first_key()
            values = self._open(document, key) if document else {}
            self._write(_sealing().seal_all({**values, name: value}, facts, key))

    def remove(self, name: str) -> None:
        """Raises also CherryError(secrets.UNKNOWN)."""
        with self._locked():
            document = self._document()
            if document is None or name not in names_in(document):
                raise CherryError(secrets.UNKNOWN, where=name)
            if isinstance(document, InKeyring):
                self._keyring().remove(document.service, name)
                self._write(document._replace(names=tuple(each for each in document.names if each != name)))
                return
            facts, key = self._key(document)
            values = self._open(document, key)
            del values[name]
            self._write(_sealing().seal_all(values, facts, key))

    def rotate(self, *, to_key_file: bool = False) -> int:
        """Seal everything with a new key and forget the old one; how many values there are.

        The new key comes from the new passphrase, else from the current one with a new salt, else from chance. It is on disk before
        the first value needs it, and the old one goes after the last value needed it: a kill leaves a store that opens.
        Raises also CherryError(secrets.UNKNOWN, NO_KEYRING) when there is no file to rotate.
        """
        with self._locked():
            document = self._document()
            if document is None:
                raise CherryError(secrets.UNKNOWN, "There are no secrets")
            if isinstance(document, InKeyring):
                raise CherryError(
                    secrets.NO_KEYRING,
                    "The system's keyring keeps the secrets under its own key",
                    next_step="There is nothing to rotate here; change the keyring's password with the system's tools.",
                )
            values = self._open(document, self._key(document)[1])
            passphrase = "" if to_key_file else self._passphrases.new or self._passphrases.current
            keys = read_keys(self._places.key)
            facts = _facts(
                max([document.key.version, *keys]) + 1, "passphrase" if passphrase else "file", self._passphrases.cost
            )
            key = _sealing().from_passphrase(passphrase, facts) if passphrase else _sealing().new_key()
            if not passphrase:
                write_keys(self._places.key, {**keys, facts.version: key})
            self._write(_sealing().seal_all(values, facts, key))
            write_keys(self._places.key, {} if passphrase else {facts.version: key})
            return len(values)

    def _read(self) -> dict[str, str]:
        document = self._document()
        if document is None:
            return {}
        if isinstance(document, InKeyring):
            keyring = self._keyring()
            found = {name: keyring.get(document.service, name) for name in document.names}
            return {name: value for name, value in found.items() if value is not None}
        return self._open(document, self._key(document)[1])

    def _document(self) -> Document | None:
        content = read_own(self._places.store)
        return None if content is None else parse(content, self._where)

    def _write(self, document: Document) -> None:
        write_own(self._places.store, written(document))

    def _open(self, document: SealedSecrets, key: bytes) -> dict[str, str]:
        values: dict[str, str] = _sealing().open_all(document, key, self._where)
        return values

    def _key(self, document: SealedSecrets) -> tuple[KeyFacts, bytes]:
        facts = document.key
        if facts.origin == "passphrase":
            if not self._passphrases.current:
                raise CherryError(secrets.NO_PASSPHRASE, where=self._where)
            return facts, _sealing().from_passphrase(self._passphrases.current, facts)
        key = read_keys(self._places.key).get(facts.version)
        if key is None:
            raise CherryError(secrets.NO_KEY, where=str(self._places.key))
        return facts, key

    def _first_key(self) -> tuple[KeyFacts, bytes]:
        if self._passphrases.current:
            facts = _facts(1, "passphrase", self._passphrases.cost)
            return facts, _sealing().from_passphrase(self._passphrases.current, facts)
        keys = read_keys(self._places.key)
        if not keys:
            keys = {1: _sealing().new_key()}
            write_keys(self._places.key, keys)
        version = max(keys)
        return KeyFacts(version, "file"), keys[version]

    def _keyring(self) -> Keyring:
        found = self._find_keyring()
        if found is None:
            raise CherryError(secrets.NO_KEYRING, where=self._where, why="it had the secrets, and is not to be found")
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        store = self._places.store
        try:
            with os_fault(store, "The secret store cannot be written"):
                make_private(store.parent)
                with file_lock(store.with_suffix(".lock"), LOCK, seconds=LOCK_SECONDS):
                    yield
        except LockTimeout as error:
            raise CherryError(secrets.BUSY, where=self._where, why=str(error)) from None


def _facts(version: int, origin: Origin, cost: int) -> KeyFacts:
    if origin == "file":
        return KeyFacts(version, origin)
    return KeyFacts(version, origin, os.urandom(_SALT_BYTES), cost)


def _sealing() -> Any:
    """Raises CherryError(secrets.NOT_INSTALLED)."""
    try:
        return import_module("cherry.storage.secrets.sealing")
    except ImportError as error:
        raise CherryError(secrets.NOT_INSTALLED, why=str(error)) from None

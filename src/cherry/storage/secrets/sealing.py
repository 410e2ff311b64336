"""Seals values with AES-256-GCM. Loaded when a secret is read or set, never before: the library behind takes its time."""

import hashlib
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cherry.domain.errors import CherryError, secrets
from cherry.storage.secrets.document import (
    KeyFacts,
    Sealed,
    SealedSecrets,
    bound_proof,
    bound_value,
    bound_whole,
)

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_BLOCK, _PARALLEL = 8, 3
_MEMORY_LIMIT: Final = 2**31 - 2


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def from_passphrase(passphrase: str, key: KeyFacts) -> bytes:
    """By scrypt, some 0.2 s and 32 MB at a cost of 15."""
    return hashlib.scrypt(
        passphrase.encode("utf-8", "surrogateescape"),
        salt=key.salt,
        n=1 << key.cost,
        r=_BLOCK,
        p=_PARALLEL,
        maxmem=_MEMORY_LIMIT,
        dklen=KEY_BYTES,
    )


def seal_all(values: Mapping[str, str], facts: KeyFacts, key: bytes) -> SealedSecrets:
    """Every value anew, each with a nonce of its own."""
    cipher = AESGCM(key)
    proof = _seal(cipher, b"", bound_proof(facts))
    sealed = {
        name: _seal(cipher, value.encode("utf-8", "surrogatepass"), bound_value(facts, name))
        for name, value in sorted(values.items())
    }
    return SealedSecrets(facts, proof, sealed, _seal(cipher, b"", bound_whole(facts, proof, sealed)))


def open_all(document: SealedSecrets, key: bytes, where: str) -> dict[str, str]:
    """Raises CherryError(secrets.WRONG_KEY, DAMAGED). Nothing of a document is given out unless all of it is whole."""
    cipher = AESGCM(key)
    try:
        _open(cipher, document.proof, bound_proof(document.key))
    except InvalidTag:
        raise CherryError(secrets.WRONG_KEY, where=where, why="another key, or the file is damaged") from None
    try:
        _open(cipher, document.whole, bound_whole(document.key, document.proof, document.values))
        return {
            name: _open(cipher, sealed, bound_value(document.key, name)).decode("utf-8", "surrogatepass")
            for name, sealed in document.values.items()
        }
    except (InvalidTag, UnicodeDecodeError):
        raise CherryError(secrets.DAMAGED, where=where) from None


def _seal(cipher: AESGCM, text: bytes, bound: bytes) -> Sealed:
    nonce = os.urandom(_NONCE_BYTES)
    return Sealed(nonce, cipher.encrypt(nonce, text, bound))


def _open(cipher: AESGCM, sealed: Sealed, bound: bytes) -> bytes:
    return cipher.decrypt(sealed.nonce, sealed.text, bound)

"""The file of the secret store: what stands in it, and that nothing else does.

There is exactly one way to write a document, and whatever is not written so is refused: no byte can be changed unseen. Names are
readable; values are sealed. A document that only says that the system's keyring has the values holds their names alone.
"""

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from cherry.domain.errors import CherryError, secrets

FORMAT: Final = "cherry-secrets"
VERSION: Final = 1
_COSTS: Final = range(10, 21)
"""Powers of two: a foreign file must not take all memory."""

Origin = Literal["file", "passphrase"]


class Sealed(NamedTuple):
    nonce: bytes
    """96 random bits, used once."""
    text: bytes
    """With its tag of 16 bytes."""


class KeyFacts(NamedTuple):
    """Which key opens a document."""

    version: int
    """From 1; each rotation adds one."""
    origin: Origin
    salt: bytes = b""
    """Of a passphrase."""
    cost: int = 0
    """Of a passphrase: scrypt's N as a power of two."""


class SealedSecrets(NamedTuple):
    key: KeyFacts
    proof: Sealed
    """Nothing, sealed: tells a wrong key from a damaged value."""
    values: Mapping[str, Sealed]
    whole: Sealed
    """Nothing, sealed and bound to all the rest."""


class InKeyring(NamedTuple):
    service: str
    """What the keyring files them under."""
    names: tuple[str, ...]


Document = SealedSecrets | InKeyring


def names_in(document: Document) -> tuple[str, ...]:
    return document.names if isinstance(document, InKeyring) else tuple(document.values)


def parse(content: bytes, where: str) -> Document:
    """Raises CherryError(secrets.DAMAGED, NEWER)."""
    try:
        raw: Any = json.loads(content)
        if raw["format"] == FORMAT and isinstance(raw["version"], int) and raw["version"] > VERSION:
            raise CherryError(secrets.NEWER, where=where)
        document = _read(raw)
        whole = written(document) == content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise CherryError(secrets.DAMAGED, where=where) from None
    if not whole:
        raise CherryError(secrets.DAMAGED, where=where)
    return document


def written(document: Document) -> bytes:
    """The one form of it."""
    if isinstance(document, InKeyring):
        body: dict[str, Any] = {"keyring": document.service, "names": sorted(document.names)}
    else:
        body = {**_sealed_body(document), "whole": _sealed(document.whole)}
    return _json({"format": FORMAT, "version": VERSION, **body}, indent=1)


def bound_whole(key: KeyFacts, proof: Sealed, values: Mapping[str, Sealed]) -> bytes:
    """What the seal over the whole is bound to."""
    return _json(_sealed_body(SealedSecrets(key, proof, values, Sealed(b"", b""))))


def bound_value(key: KeyFacts, name: str) -> bytes:
    """What the seal over one value is bound to: a value moved to another name, or kept from an older key, does not open."""
    return _json(["cherry secret", VERSION, key.version, name])


def bound_proof(key: KeyFacts) -> bytes:
    return _json(["cherry key", VERSION, *_key(key).values()])


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, sort_keys=True).encode("ascii") + b"\n"


def _sealed_body(document: SealedSecrets) -> dict[str, Any]:
    return {
        "key": _key(document.key),
        "proof": _sealed(document.proof),
        "values": {name: _sealed(sealed) for name, sealed in document.values.items()},
    }


def _key(key: KeyFacts) -> dict[str, Any]:
    return {
        "cost": key.cost,
        "origin": key.origin,
        "salt": b64encode(key.salt).decode(),
        "version": key.version,
    }


def _sealed(sealed: Sealed) -> list[str]:
    return [b64encode(part).decode() for part in sealed]


def _read(raw: Any) -> Document:
    """Raises ValueError, KeyError, TypeError for anything else."""
    if raw["format"] != FORMAT or raw["version"] != VERSION:
        raise ValueError("format")
    if "keyring" in raw:
        return InKeyring(_text(raw["keyring"]), tuple(_text(name) for name in raw["names"]))
    key = raw["key"]
    facts = KeyFacts(_number(key["version"]), key["origin"], _bytes(key["salt"]), _number(key["cost"]))
    if facts.version < 1 or facts.origin not in ("file", "passphrase"):
        raise ValueError("key")
    if facts.origin == "passphrase" and (facts.cost not in _COSTS or len(facts.salt) < 16):
        raise ValueError("cost")
    values = {_text(name): _pair(sealed) for name, sealed in raw["values"].items()}
    return SealedSecrets(facts, _pair(raw["proof"]), values, _pair(raw["whole"]))


def _pair(raw: Any) -> Sealed:
    nonce, text = raw
    sealed = Sealed(_bytes(nonce), _bytes(text))
    if len(sealed.nonce) != 12 or len(sealed.text) < 16:
        raise ValueError("sealed")
    return sealed


def _bytes(raw: Any) -> bytes:
    return b64decode(_text(raw), validate=True)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError("text")
    return raw


def _number(raw: Any) -> int:
    if type(raw) is not int:
        raise TypeError("number")
    return raw

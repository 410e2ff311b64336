"""Identifiers: sortable random ones for new things, derived ones for things that must be the same when done twice."""

import hashlib
import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
_RANDOM_CHARS = 8
_TIME_CHARS = 10


def new_id(prefix: str) -> str:
    """A fresh id such as `s_01jd9yk3hm7r2k9x0q`: 10 characters of milliseconds since 1970, then 40 random bits.

    Ids made later sort later (to the millisecond), so listings need no extra index.
    """
    return f"{prefix}_{_base32(time.time_ns() // 1_000_000, _TIME_CHARS)}{_base32(_random_bits(), _RANDOM_CHARS)}"


def derived_id(prefix: str, *parts: str | int) -> str:
    """The same id for the same parts, always: appending a thing twice under it is recognisable as a repeat."""
    digest = hashlib.blake2b(digest_size=10)
    for part in parts:
        encoded = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return f"{prefix}_{_base32(int.from_bytes(digest.digest(), 'big'), 16)}"


def content_hash(data: bytes) -> str:
    """Names a content: `b2:` and 32 hexadecimal digits of BLAKE2b. Never used to keep a secret."""
    return "b2:" + hashlib.blake2b(data, digest_size=16).hexdigest()


def _random_bits() -> int:
    return int.from_bytes(os.urandom(5), "big")


def _base32(value: int, width: int) -> str:
    chars = []
    for _ in range(width):
        value, digit = divmod(value, 32)
        chars.append(_ALPHABET[digit])
    return "".join(reversed(chars))

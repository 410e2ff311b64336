"""What a backup holds, by name. Nothing else is ever written to one or taken from one.

cherry-backup.json        which format, which Cherry, when, how much
config/… data/… state/…   small files of the user, see `SMALL_FILES`
data/cherry.db            the database as it was at one moment
data/blobs/ab/cdef…       contents, named by their hash
index.json                hashes of all of it
"""

import re
from typing import TypeVar

from pydantic import ValidationError

from cherry.domain.base import Value
from cherry.domain.errors import CherryError, storage

V = TypeVar("V", bound=Value)

FORMAT = 1
HEADER = "cherry-backup.json"
INDEX = "index.json"
DATABASE = "data/cherry.db"
SMALL_FILES = frozenset(
    {
        *("config/config.toml", "config/config.yaml", "config/config.yml"),
        *("data/trust.json", "data/approvals.json"),
        "state/chat_history",
    }
)
MOST_SMALL_BYTES = 64 << 20
"""Of each small file, the header and the index."""
_BLOB = re.compile(r"data/blobs/([0-9a-f]{2})/([0-9a-f]{30})")


class Header(Value):
    """The first entry."""

    format: int
    cherry: str
    """Version that made the backup."""
    made_at: float
    """Seconds since 1970, UTC."""
    bytes: int
    """All entries between this one and the index have at most so many."""


class Member(Value):
    name: str
    size: int
    hash: str
    """As `cherry.kernel.ids.content_hash`."""


class Index(Value):
    """The last entry."""

    files: tuple[Member, ...]
    """The database and the small files."""
    sessions: int
    events: int
    blobs: int
    blob_bytes: int
    blob_names: str
    """Hash over the names of all blobs, in their order."""
    damaged_blobs: int = 0
    """Contents that were damaged already when the backup was made; they are not in it."""


def blob_member(name: str) -> str:
    """`b2:abcdef…` → `data/blobs/ab/cdef…`."""
    digits = name.removeprefix("b2:")
    return f"data/blobs/{digits[:2]}/{digits[2:]}"


def blob_name(member: str) -> str:
    """The other way; empty for an entry that is no blob."""
    found = _BLOB.fullmatch(member)
    return f"b2:{found[1]}{found[2]}" if found else ""


def parse_header(data: bytes, where: str) -> Header:
    """Raises CherryError(storage.BAD_ARCHIVE, NEWER_ARCHIVE)."""
    header = _parse(Header, data, where)
    if header.format > FORMAT:
        why = f"its format is {header.format}, this Cherry knows up to {FORMAT}"
        raise CherryError(storage.NEWER_ARCHIVE, where=where, why=why)
    return header


def parse_index(data: bytes, where: str) -> Index:
    """Raises CherryError(storage.BAD_ARCHIVE)."""
    return _parse(Index, data, where)


def _parse(kind: type[V], data: bytes, where: str) -> V:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        why = f"its {kind.__name__.lower()} cannot be read"
        raise CherryError(storage.BAD_ARCHIVE, where=where, why=why) from error

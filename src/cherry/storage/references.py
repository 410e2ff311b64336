"""Which contents the logs speak of, and which of them must be there.

To be on the safe side a content counts as spoken of when its name stands anywhere in an event of any kind, whatever that event
means, or in the record of a change to a large file.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, storage
from cherry.storage import sql
from cherry.storage.blobs import blob_file
from cherry.storage.packing import read_content

NAME = re.compile(rb"b2:[0-9a-f]{32}")
_LARGE = re.compile(rb'"large":"(b2:[0-9a-f]{32})"')
_KEPT = re.compile(rb'"kept":"(b2:[0-9a-f]{32})"')
_MOST_RECORD_BYTES = 256 << 20


class References(NamedTuple):
    """Names are in bytes, as they stand in the events."""

    owners: dict[bytes, str]
    """Content → the session that speaks of it; empty when several do."""
    sizes: dict[str, int]
    """Session → bytes of its events."""


def references(connection: sqlite3.Connection, blobs: Path, *, go_on: Callable[[], None]) -> References:
    """Reads every event. `go_on` is called now and then and may raise to stop it. Raises sqlite3.Error."""
    found = References({}, {})
    records: dict[bytes, str] = {}
    for session, body in connection.execute(sql.EVERY_BODY):
        go_on()
        text = body if isinstance(body, bytes) else str(body).encode("utf-8", "replace")
        found.sizes[session] = found.sizes.get(session, 0) + len(text)
        for name in set(NAME.findall(text)):
            _own(found.owners, name, session)
        for name in set(_LARGE.findall(text)):
            _own(records, name, session)
    for name, session in records.items():
        go_on()
        for part in NAME.findall(_record(blobs, name)):
            _own(found.owners, part, session)
    return found


def names_in(text: bytes) -> Iterator[str]:
    """Every name of a content in it, as often as it stands there."""
    return (name.decode() for name in NAME.findall(text))


def expected(kind: str, body: bytes) -> Iterator[bytes]:
    """Contents without which something of this event is lost: whole outputs, and what undo needs of small files."""
    if kind == "tool.finished":
        yield from _KEPT.findall(body)
    elif kind == "changes.applied" and not _LARGE.search(body):
        yield from NAME.findall(body)


def missing(connection: sqlite3.Connection, blobs: Path) -> dict[str, int]:
    """Session → how many of its contents are not there. Raises sqlite3.Error."""
    lost: dict[str, int] = {}
    there: dict[bytes, bool] = {}
    for session, kind, body in connection.execute(sql.BODIES_WITH_CONTENTS):
        for name in set(expected(kind, bytes(body))):
            if name not in there:
                there[name] = blob_file(blobs, name.decode()).is_file()
            if not there[name]:
                lost[session] = lost.get(session, 0) + 1
    return lost


def _own(owners: dict[bytes, str], name: bytes, session: str) -> None:
    known = owners.get(name)
    if known is None:
        owners[name] = session
    elif known != session:
        owners[name] = ""


def _record(blobs: Path, name: bytes) -> bytes:
    """Raises CherryError(storage.IO): what cannot be read may speak of anything."""
    try:
        return read_content(blob_file(blobs, name.decode()))[:_MOST_RECORD_BYTES]
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise CherryError(storage.IO, where=str(blobs), why=error.strerror or str(error)) from error

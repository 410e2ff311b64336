"""SQLite's errors as rows of the catalogue."""

import os
import sqlite3
from pathlib import Path

from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.storage.faults import nearly_full

_PRIMARY = 0xFF
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# SQLITE_ERROR is what a missing table gives: every statement of Cherry's fits the schema its version number promises.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DISK = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL}


def is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in _BUSY


def is_damage(error: sqlite3.Error) -> bool:
    return _code(error) in _DAMAGED


def storage_error(error: sqlite3.Error, file: Path) -> CherryError:
    return CherryError(_kind(error, file), where=str(file), why=str(error))


def _kind(error: sqlite3.Error, file: Path) -> ErrorKind:
    code = _code(error)
    if code in _BUSY:
        return storage.BUSY
    if code in _DAMAGED:
        return storage.DAMAGED
    if code in _READ_ONLY or (code == sqlite3.SQLITE_CANTOPEN and not os.access(file.parent, os.W_OK)):
        return storage.READ_ONLY
    # A full disk shows as several errors, by the file that could not grow.
    if code == sqlite3.SQLITE_FULL or (code in _DISK and nearly_full(file.parent)):
        return storage.NO_SPACE
    return storage.IO


def _code(error: sqlite3.Error) -> int:
    # Absent on errors of the Python module itself.
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY

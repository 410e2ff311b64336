"""A full-text index that narrows a search down, on Pythons whose SQLite has FTS5; without it every text is looked at.

It holds the trigrams of the texts up to a noted position and is brought up to date by searches, so appends pay nothing for it.
It may hold too much (every find is compared with the text itself) but never too little below the noted position.
"""

import sqlite3

from cherry.storage import sql
from cherry.storage.searching import Wanted, fold_text

_UPTO = "search.upto"
_BATCH = 2_000

_CREATE = """
CREATE VIRTUAL TABLE IF NOT EXISTS texts_index
USING fts5(folded, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1')
"""
_ADD = "INSERT INTO texts_index (rowid, folded) VALUES (:position, :folded)"
_REMOVE = "INSERT INTO texts_index (texts_index, rowid, folded) VALUES ('delete', :position, :folded)"
_FOUND = """
SELECT t.text, e.session, e.seq, e.turn FROM texts_index f
JOIN texts t ON t.position = f.rowid JOIN events e ON e.position = t.position JOIN sessions s ON s.session = e.session
WHERE texts_index MATCH :query AND f.rowid <= :upto AND (:workspace IS NULL OR s.workspace = :workspace)
ORDER BY f.rowid DESC
"""


def has_fts5(connection: sqlite3.Connection) -> bool:
    return any(name == "fts5" for (name,) in connection.execute("PRAGMA module_list"))


def indexed_upto(connection: sqlite3.Connection) -> int:
    """Position of the last text in the index; 0 when there is none to use."""
    return _noted(connection) if has_fts5(connection) else 0


def catch_up(connection: sqlite3.Connection) -> bool:
    """Index the next texts; returns whether more wait. Runs in a writing transaction."""
    connection.execute(_CREATE)
    parameters = {"after": indexed_upto(connection), "limit": _BATCH}
    texts = connection.execute(sql.TEXTS_AFTER, parameters).fetchall()
    for position, text in texts:
        connection.execute(_ADD, {"position": position, "folded": fold_text(text)})
    if texts:
        _note(connection, texts[-1][0])
    return len(texts) == _BATCH


def found(connection: sqlite3.Connection, wanted: Wanted, *, upto: int, workspace: str | None) -> sqlite3.Cursor:
    """Candidates among the indexed texts: (text, session, seq, turn), newest first. `wanted` must have trigrams."""
    query = " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in wanted.trigrams())
    return connection.execute(_FOUND, {"query": query, "upto": upto, "workspace": workspace})


def forget(connection: sqlite3.Connection, session: str) -> None:
    """Take a session's texts out, before they are deleted."""
    upto = indexed_upto(connection)
    if not upto:
        return
    for position, text in connection.execute(sql.TEXTS_OF_SESSION, {"session": session}).fetchall():
        if position <= upto:
            connection.execute(_REMOVE, {"position": position, "folded": fold_text(text)})


def shrink(connection: sqlite3.Connection) -> None:
    """After texts were deleted: positions above the last one will be used again and must count as not indexed."""
    last = connection.execute(sql.LAST_TEXT).fetchone()[0]
    if last < _noted(connection):
        _note(connection, last)


def start_over(connection: sqlite3.Connection) -> None:
    if has_fts5(connection):
        connection.execute("DROP TABLE IF EXISTS texts_index")
    _note(connection, 0)


def _noted(connection: sqlite3.Connection) -> int:
    row = connection.execute(sql.NOTE, {"name": _UPTO}).fetchone()
    return 0 if row is None else int(row[0])


def _note(connection: sqlite3.Connection, upto: int) -> None:
    connection.execute(sql.KEEP_NOTE, {"name": _UPTO, "value": str(upto)})

"""Errors of the event log and the blobs."""

from cherry.domain.errors.base import ErrorKind

NEWER_DATABASE = ErrorKind(
    "storage.newer_database",
    "The database was written by a newer Cherry",
    "Update Cherry; nothing was changed.",
    audience="operator",
)
DAMAGED = ErrorKind(
    "storage.damaged",
    "The database is damaged",
    "Run `cherry data check --repair`: it saves what can be read and keeps the damaged file.",
    audience="operator",
)
NO_SPACE = ErrorKind(
    "storage.no_space",
    "The disk is full",
    "Free some space and run `cherry --continue`: all that was acknowledged is kept.",
    audience="operator",
)
READ_ONLY = ErrorKind(
    "storage.read_only",
    "Cherry's data folder cannot be written",
    "Check its permissions, or set CHERRY_HOME to another place.",
    audience="operator",
)
IO = ErrorKind(
    "storage.io",
    "Reading or writing the data folder failed",
    "Check the disk; `cherry doctor` tells more.",
    audience="operator",
)
BUSY = ErrorKind(
    "storage.busy",
    "Another Cherry held the database for too long",
    "Try again; if it persists, see which cherry processes run.",
    effect="retry",
)
SESSION_BUSY = ErrorKind(
    "storage.session_busy",
    "Another Cherry is working on this session",
    "Wait until it has finished, or start a new session.",
    effect="ask",
)
STALE_LEASE = ErrorKind(
    "storage.stale_lease",
    "This process lost the session to another one",
    "Run `cherry --resume` again; nothing was written twice.",
    audience="developer",
)
UNKNOWN_SESSION = ErrorKind(
    "storage.unknown_session", "There is no such session", "Run `cherry sessions list`.", exit_code=2
)
AMBIGUOUS_SESSION = ErrorKind(
    "storage.ambiguous_session",
    "Several sessions begin with these letters",
    "Give more letters of the id.",
    exit_code=2,
)
BAD_EVENT = ErrorKind(
    "storage.bad_event",
    "An event cannot be written so that it can be read again",
    "Nothing was written; the log is whole. Please report it.",
    audience="developer",
)
UNKNOWN_BLOB = ErrorKind("storage.unknown_blob", "The kept output is gone", "Run the command again.", audience="model")
BAD_ARCHIVE = ErrorKind(
    "storage.bad_archive",
    "The file is not a whole backup of Cherry",
    "Nothing was changed. Use another backup.",
    exit_code=2,
)
NEWER_ARCHIVE = ErrorKind(
    "storage.newer_archive",
    "The backup was made by a newer Cherry",
    "Update Cherry; nothing was changed.",
    exit_code=2,
)
BAD_IMPORT = ErrorKind(
    "storage.bad_import",
    "The file is not an export of sessions",
    "Nothing of this session was taken over. Export it again with `cherry sessions export`.",
    exit_code=2,
)
NOT_EMPTY = ErrorKind(
    "storage.not_empty",
    "There are sessions here already",
    "Add --replace to put them aside, or restore --into another folder.",
    exit_code=2,
)
IN_USE = ErrorKind(
    "storage.in_use",
    "Another Cherry has the database open",
    "End it, then try again; nothing was changed.",
    effect="retry",
)

ALL = (
    NEWER_DATABASE,
    DAMAGED,
    NO_SPACE,
    READ_ONLY,
    IO,
    BUSY,
    SESSION_BUSY,
    STALE_LEASE,
    UNKNOWN_SESSION,
    AMBIGUOUS_SESSION,
    BAD_EVENT,
    UNKNOWN_BLOB,
    BAD_ARCHIVE,
    NEWER_ARCHIVE,
    BAD_IMPORT,
    NOT_EMPTY,
    IN_USE,
)

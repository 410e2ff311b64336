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
    "Run `cherry doctor`; what can still be read is shown by `cherry sessions export`.",
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
)

"""What a command's exit code means. Part of the public interface: scripts depend on it."""

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    LIMIT = 3
    """A limit was reached; the message names it."""
    APPROVAL = 4
    """An approval or an answer was needed and nobody could give it."""
    NO_PROVIDER = 5
    """No provider answered, or none is set up."""
    INTERRUPTED = 130

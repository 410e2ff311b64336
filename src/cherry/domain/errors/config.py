"""Errors of settings and command lines."""

from cherry.domain.errors.base import ErrorKind

BAD_FILE = ErrorKind("config.bad_file", "The configuration file cannot be read", "Mend the line named.", exit_code=2)
BAD_VALUE = ErrorKind("config.bad_value", "A setting has a wrong value", "Change it to what is expected.", exit_code=2)
UNKNOWN_KEY = ErrorKind(
    "config.unknown_key", "There is no such setting", "Run `cherry config show` for all settings.", exit_code=2
)
UNTRUSTED = ErrorKind(
    "config.untrusted",
    "The workspace's own configuration is not trusted yet and is ignored",
    "Look at it, then run `cherry trust`.",
)
BAD_USAGE = ErrorKind("config.bad_usage", "The command was not understood", "Add --help for examples.", exit_code=2)

ALL = (BAD_FILE, BAD_VALUE, UNKNOWN_KEY, UNTRUSTED, BAD_USAGE)

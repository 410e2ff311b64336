"""Errors of the store for keys."""

from cherry.domain.errors.base import ErrorKind

DAMAGED = ErrorKind(
    "secrets.damaged",
    "The secret store is damaged or is not Cherry's",
    "Nothing was overwritten. Put a copy back, or move the file away and set the keys again with `cherry secrets set`.",
    audience="operator",
    exit_code=5,
)
NEWER = ErrorKind(
    "secrets.newer",
    "The secret store was written by a newer Cherry",
    "Update Cherry; nothing was changed.",
    audience="operator",
    exit_code=5,
)
NO_KEY = ErrorKind(
    "secrets.no_key",
    "The key of the secret store is not there",
    "Put the key file back. Without it the secrets cannot be read: move the store away and set them again.",
    audience="operator",
    exit_code=5,
)
WRONG_KEY = ErrorKind(
    "secrets.wrong_key",
    "This key does not open the secret store",
    "Set CHERRY_SECRETS_PASSPHRASE to the passphrase it was made with, or put its key file back.",
    audience="operator",
    exit_code=5,
)
NO_PASSPHRASE = ErrorKind(
    "secrets.no_passphrase",
    "The secret store is locked with a passphrase",
    "Set CHERRY_SECRETS_PASSPHRASE.",
    exit_code=5,
)
EXPOSED = ErrorKind(
    "secrets.exposed",
    "Somebody else could have read or placed a file of the secret store",
    "Look who may use it; `chmod 600` it. If others could read it, change the keys at the providers.",
    audience="operator",
    exit_code=5,
)
NO_KEYRING = ErrorKind(
    "secrets.no_keyring",
    "The system's keyring cannot be used",
    "Unlock it and try again, or set the key in the environment.",
    audience="operator",
    exit_code=5,
)
NOT_INSTALLED = ErrorKind(
    "secrets.not_installed",
    "The library that encrypts is missing",
    "Install Cherry again, with its dependencies: `pip install cherry`.",
    audience="operator",
    exit_code=5,
)
BAD_NAME = ErrorKind(
    "secrets.bad_name",
    "This is no name of a secret",
    "Name it like the environment variable it stands for: `cherry secrets set OPENAI_API_KEY`.",
    exit_code=2,
)
BAD_VALUE = ErrorKind(
    "secrets.bad_value",
    "This cannot be a secret",
    "Nothing was stored. Give the key alone, on one line: when asked for it, or through a pipe.",
    exit_code=2,
)
ON_COMMAND_LINE = ErrorKind(
    "secrets.on_command_line",
    "A secret is not given on the command line, where others see it and the shell remembers it",
    "Nothing was stored. Run `cherry secrets set NAME` alone; if that was a real key, change it at the provider.",
    exit_code=2,
)
UNKNOWN = ErrorKind("secrets.unknown", "There is no such secret", "Run `cherry secrets list`.", exit_code=2)
BUSY = ErrorKind(
    "secrets.busy",
    "Another Cherry is changing the secret store",
    "Try again; nothing was changed.",
    effect="retry",
)

ALL = (
    DAMAGED,
    NEWER,
    NO_KEY,
    WRONG_KEY,
    NO_PASSPHRASE,
    EXPOSED,
    NO_KEYRING,
    NOT_INSTALLED,
    BAD_NAME,
    BAD_VALUE,
    ON_COMMAND_LINE,
    UNKNOWN,
    BUSY,
)

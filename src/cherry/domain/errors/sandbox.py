"""Errors of running commands."""

from cherry.domain.errors.base import ErrorKind

UNAVAILABLE = ErrorKind(
    "sandbox.unavailable",
    "No sandbox is available on this machine and the policy demands one",
    "Install bubblewrap (`apt install bubblewrap`), or allow running bare with `sandbox.required = false`.",
    audience="operator",
)
START_FAILED = ErrorKind(
    "sandbox.start_failed", "The command could not be started", "Check the command and the folder.", audience="model"
)

ALL = (UNAVAILABLE, START_FAILED)

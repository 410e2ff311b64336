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

NO_PARTIAL_NETWORK = ErrorKind(
    "sandbox.no_partial_network",
    "This machine's sandbox can open the network to commands only as a whole",
    "Install bubblewrap, or set `sandbox.network = true` to allow commands all of it.",
    audience="operator",
)

ALL = (UNAVAILABLE, START_FAILED, NO_PARTIAL_NETWORK)

"""The catalogue of errors: one module per floor, one row per error, all of them in `CATALOGUE`."""

from cherry.domain.errors import config, edits, gateway, run, sandbox, secrets, storage, tools
from cherry.domain.errors.base import Audience, CherryError, Effect, ErrorKind

CATALOGUE: tuple[ErrorKind, ...] = (
    *config.ALL,
    *gateway.ALL,
    *run.ALL,
    *tools.ALL,
    *edits.ALL,
    *sandbox.ALL,
    *storage.ALL,
    *secrets.ALL,
)

__all__ = [
    "CATALOGUE",
    "Audience",
    "CherryError",
    "Effect",
    "ErrorKind",
    "config",
    "edits",
    "gateway",
    "run",
    "sandbox",
    "secrets",
    "storage",
    "tools",
]

"""Which sandbox this machine offers: bubblewrap, landlock, or none, in this order.

Whether bubblewrap works is tried once per process by running `true` inside it.
"""

import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.bare import BareSandbox
from cherry.sandbox.bubblewrap import BubblewrapSandbox, try_bubblewrap
from cherry.sandbox.landlock import LandlockSandbox, landlock_version
from cherry.sandbox.launching import FALLBACK_PATH
from cherry.sandbox.port import Sandbox

LANDLOCK_SINCE = 3
"""Linux 6.2: before, files outside could be truncated."""


class Probe(NamedTuple):
    """What this machine offers."""

    bubblewrap: str = ""
    """Path of the program; empty when it is missing or does not work."""
    why_not: str = ""
    """Why there is no bubblewrap."""
    landlock: bool = False
    """True when the second rung is there."""


def choose_sandbox(
    *,
    required: bool,
    environ: Mapping[str, str],
    temporary: Path | None = None,
    readable: Sequence[Path] = (),
) -> Sandbox:
    """The best sandbox of this machine. Raises CherryError(sandbox.UNAVAILABLE) when there is none and one is required.

    Bare commands (`confines` is False) are something to say aloud; so are a sandbox's `gaps`. Takes some milliseconds the first time.
    """
    found = probe(environ.get("PATH", ""))
    return best_of(found, required=required, environ=environ, temporary=temporary, readable=readable)


def best_of(
    found: Probe,
    *,
    required: bool,
    environ: Mapping[str, str],
    temporary: Path | None = None,
    readable: Sequence[Path] = (),
) -> Sandbox:
    """The same for what was found elsewhere."""
    if found.bubblewrap:
        return BubblewrapSandbox(found.bubblewrap, environ, temporary=temporary, readable=readable)
    if found.landlock:
        return LandlockSandbox(environ, temporary=temporary, readable=readable)
    if required:
        raise CherryError(sandbox.UNAVAILABLE, why=f"{found.why_not}, and this kernel has no landlock (Linux 6.2)")
    return BareSandbox(environ)


def is_likely(path: str) -> bool:
    """Whether there may be a sandbox, without trying it. `path`: the user's PATH."""
    return _program(path) is not None or landlock_version() >= LANDLOCK_SINCE


@lru_cache(maxsize=8)
def probe(path: str) -> Probe:
    """Find bubblewrap and try it. Cached for the life of the process."""
    landlock = landlock_version() >= LANDLOCK_SINCE
    program = _program(path)
    if program is None:
        return Probe(why_not="bubblewrap (`bwrap`) is not installed", landlock=landlock)
    why_not = try_bubblewrap(program)
    return Probe(why_not=why_not, landlock=landlock) if why_not else Probe(program, landlock=landlock)


def _program(path: str) -> str | None:
    return shutil.which("bwrap", path=FALLBACK_PATH) or shutil.which("bwrap", path=path)

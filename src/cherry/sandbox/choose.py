"""Which sandbox this machine offers: bubblewrap when it works here, otherwise bare commands if the policy allows them.

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
from cherry.sandbox.launching import FALLBACK_PATH
from cherry.sandbox.port import Sandbox


class Probe(NamedTuple):
    """What this machine offers."""

    bubblewrap: str = ""
    """Path of the program; empty when it is missing or does not work."""
    why_not: str = ""


def choose_sandbox(
    *,
    required: bool,
    environ: Mapping[str, str],
    temporary: Path | None = None,
    readable: Sequence[Path] = (),
) -> Sandbox:
    """The best sandbox of this machine. Raises CherryError(sandbox.UNAVAILABLE) when there is none and one is required.

    Bare commands (`confines` is False) are something to say aloud. Takes some milliseconds the first time.
    """
    found = probe(environ.get("PATH", ""))
    if found.bubblewrap:
        return BubblewrapSandbox(found.bubblewrap, environ, temporary=temporary, readable=readable)
    if required:
        raise CherryError(sandbox.UNAVAILABLE, why=found.why_not)
    return BareSandbox(environ)


@lru_cache(maxsize=8)
def probe(path: str) -> Probe:
    """Find bubblewrap and try it. Cached for the life of the process."""
    program = shutil.which("bwrap", path=FALLBACK_PATH) or shutil.which("bwrap", path=path)
    if program is None:
        return Probe(why_not="bubblewrap (`bwrap`) is not installed")
    why_not = try_bubblewrap(program)
    return Probe(why_not=why_not) if why_not else Probe(program)

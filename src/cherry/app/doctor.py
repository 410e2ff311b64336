"""`cherry doctor`: what protects this machine, what is missing, and how to mend it. Looks only; changes nothing."""

import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from cherry import __version__
from cherry.domain.errors import CherryError
from cherry.domain.prompts import ModelRef
from cherry.kernel.paths import HomeFolders
from cherry.kernel.text import human_bytes, plural
from cherry.observability.presence import RUNNING, present
from cherry.sandbox.choose import best_of, probe
from cherry.storage.secrets.port import SecretStore
from cherry.storage.upkeep import KeptStore

INSTALL_BUBBLEWRAP = (
    "Install bubblewrap (`apt install bubblewrap`). "
    "On Ubuntu 24.04 and later, unprivileged user namespaces must be allowed for it."
)
LITTLE_SPACE = 200_000_000
"""Bytes free below which a warning is due."""


class Check(NamedTuple):
    """One line of the report."""

    name: str
    state: Literal["ok", "warning", "problem"]
    text: str
    next_step: str = ""


async def examine(
    *,
    folders: HomeFolders,
    environ: Mapping[str, str],
    store: KeptStore,
    model: Callable[[], Awaitable[ModelRef | None]],
    secrets: Callable[[], SecretStore],
) -> list[Check]:
    """All checks, in the order a person reads them."""
    return [
        _python(),
        _program(
            environ, "git", needed_for="git tools, the map of a repository, undoing what commands change", package="git"
        ),
        _program(environ, "rg", needed_for="fast search (a slower one is built in)", package="ripgrep"),
        _sandbox(environ),
        *(_folder(name, path) for name, path in (("data folder", folders.data), ("state folder", folders.state))),
        await _store(store),
        *_secrets(secrets()),
        await _model(model),
        *_running(folders.state / RUNNING),
    ]


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("cherry", "ok", f"{__version__} on Python {version}")


def _program(environ: Mapping[str, str], name: str, *, needed_for: str, package: str) -> Check:
    found = shutil.which(name, path=environ.get("PATH"))
    if found:
        return Check(name, "ok", found)
    return Check(
        name, "warning", f"not found; needed for {needed_for}", f"Install {package} with your package manager."
    )


def _sandbox(environ: Mapping[str, str]) -> Check:
    found = probe(environ.get("PATH", ""))
    if not found.bubblewrap and not found.landlock:
        text = f"none: {found.why_not}; commands would run with your own rights"
        return Check("sandbox", "problem", text, INSTALL_BUBBLEWRAP)
    chosen = best_of(found, required=True, environ=environ)
    text = f"{chosen.name}: commands write only to the workspace and see no keys"
    if found.bubblewrap and not chosen.gaps:
        return Check("sandbox", "ok", text)
    step = "" if found.bubblewrap else INSTALL_BUBBLEWRAP
    return Check("sandbox", "warning", f"{text}; but {'; '.join(chosen.gaps)}", step)


def _folder(name: str, path: Path) -> Check:
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Check(name, "problem", f"{path}: {error.strerror}", "Set CHERRY_HOME to a folder that can be used.")
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Check(name, "problem", f"{path}: cannot be written", "Set CHERRY_HOME to a folder that can be used.")
    if free < LITTLE_SPACE:
        return Check(name, "warning", f"{path}: only {human_bytes(free)} free", "Free some space.")
    return Check(name, "ok", f"{path} ({human_bytes(free)} free)")


def _secrets(store: SecretStore) -> list[Check]:
    """Whether the keys that are kept can be had; nothing where none are."""
    try:
        kept_in, names = store.kept_in(), store.names()
        if not names:
            return []
        missing = sorted({*names} - {*store.read()})
    except CherryError as error:
        return [Check("keys", "problem", error.message, error.next_step)]
    where = "the system's keyring" if kept_in == "keyring" else "an encrypted file"
    if missing:
        text = f"{', '.join(missing)} is gone from {where}"
        return [Check("keys", "problem", text, f"Set it again: `cherry secrets set {missing[0]}`.")]
    return [Check("keys", "ok", f"{plural(len(names), 'key')} in {where}, all readable")]


async def _store(store: KeptStore) -> Check:
    try:
        report = await store.check()
    except CherryError as error:
        return Check("sessions", "problem", error.message, error.next_step)
    if report.findings:
        first = report.findings[0]
        text = f"{plural(len(report.findings), 'finding')}; {first.session} {first.text}".strip()
        return Check("sessions", "problem", text, "What can be read is shown by `cherry sessions export`.")
    return Check(
        "sessions", "ok", f"{plural(report.sessions, 'session')}, {plural(report.events, 'event')}, all readable"
    )


def _running(folder: Path) -> list[Check]:
    """What other Cherrys are doing just now."""
    now = time.time()
    return [
        Check(
            session,
            "warning" if one.hang else "ok",
            one.told(now),
            f"`kill -USR1 {one.pid}` writes where it stands to {folder.with_name('logs')}." if one.hang else "",
        )
        for one in present(folder)
        for session in one.sessions
    ]


async def _model(model: Callable[[], Awaitable[ModelRef | None]]) -> Check:
    try:
        chosen = await model()
    except CherryError as error:
        return Check("model", "problem", error.message, error.next_step)
    if chosen is None:
        return Check(
            "model",
            "warning",
            "no provider is set up",
            "`cherry secrets set OPENAI_API_KEY` (or ANTHROPIC_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY), or start Ollama.",
        )
    return Check("model", "ok", f"{chosen}; `cherry test-model` makes a call")

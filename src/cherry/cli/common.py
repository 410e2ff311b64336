"""What most commands need: a client for this workspace, the session that is meant, a yes before something is lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from cherry.cli.options import workspace_at
from cherry.cli.screen import Screen, open_screen
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.client.port import Client
from cherry.config.loader import Loaded
from cherry.domain.errors import CherryError
from cherry.domain.errors import run as run_errors
from cherry.domain.errors import tools as tool_errors
from cherry.domain.sessions import SessionInfo
from cherry.kernel.text import visible


class Place(NamedTuple):
    """Where a command works and what it prints on."""

    wiring: Wiring
    workspace: Path
    loaded: Loaded
    screen: Screen

    def print(self, text: str) -> None:
        self.screen.out.write(text + "\n")

    def print_json(self, value: Any) -> None:
        self.screen.out.write(json.dumps(value, indent=2) + "\n")


def place_of(ctx: click.Context, cwd: Path) -> Place:
    wiring: Wiring = ctx.obj
    workspace = workspace_at(cwd)
    loaded = wiring.load_settings(workspace, ())
    return Place(wiring, workspace, loaded, open_screen(wiring.environ, loaded.settings.ui))


def with_client(place: Place, work: Callable[[Client], Awaitable[int]]) -> int:
    """Run one piece of work with a client and return its exit code."""

    async def opened() -> int:
        async with place.wiring.open_client(place.workspace, ClientOptions(loaded=place.loaded)) as client:
            return await work(client)

    return asyncio.run(opened())


async def session_meant(client: Client, workspace: Path, session: str) -> SessionInfo:
    """By id or the beginning of one; the workspace's last session when nothing was given."""
    if session:
        return await client.session(session)
    latest = await client.latest_session(workspace)
    if latest is None:
        raise CherryError(run_errors.NOTHING_TO_CONTINUE, where=str(workspace))
    return latest


def confirmed(screen: Screen, question: str, *, yes: bool) -> bool:
    """Ask before something is lost. Raises NOBODY_TO_ASK when nobody sits at the terminal and --yes was not given."""
    if yes:
        return True
    if not screen.person:
        raise CherryError(tool_errors.NOBODY_TO_ASK, f"Nobody can answer: {question}", next_step="Give --yes.")
    return click.confirm(visible(question), err=screen.piped)


def ago(then: float, now: float) -> str:
    """How long ago, in the largest unit that fits: `3 min ago`."""
    seconds = max(0.0, now - then)
    for bound, size, unit in ((60, 1, ""), (3600, 60, "min"), (86_400, 3600, "h"), (float("inf"), 86_400, "d")):
        if seconds < bound:
            return f"{int(seconds / size)} {unit} ago" if unit else "just now"
    raise AssertionError("unreachable")

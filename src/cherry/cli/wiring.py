"""What a face needs from the composition root, and nothing else. Bootstrap makes one `Wiring` and hands it over as click's `ctx.obj`.

The commands import neither bootstrap nor the floors behind `Client`: what is not in `Client` comes through the small seams below.
Everything here may be slow to build, so everything is a function that is called when it is needed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from cherry.client.data import DataClient
from cherry.client.port import Client, Request
from cherry.client.secrets import SecretsClient
from cherry.config.loader import Flag, Loaded
from cherry.domain.views import CommandView
from cherry.kernel.clock import Clock
from cherry.kernel.paths import HomeFolders


class ClientOptions(NamedTuple):
    """How a client is opened."""

    flags: Sequence[Flag] = ()
    """Settings given on the command line; the strongest layer."""
    loaded: Loaded | None = None
    """What `load_settings` gave for the same workspace and flags, when the command has asked already: no file is read twice."""
    record: Path | None = None
    """Write all model traffic to this file."""
    replay: Path | None = None
    """Take all answers from this recording; no network."""


class SetUp(NamedTuple):
    """One thing `cherry init` did or found."""

    state: Literal["made", "kept", "found", "skipped"]
    text: str


class ProjectSetup(Protocol):
    """`cherry init`: may be run twice without harm, overwrites nothing."""

    async def __call__(self, folder: Path, *, name: str, git: bool) -> Sequence[SetUp]: ...


class TrustItem(NamedTuple):
    """One piece of a workspace that would take effect once trusted."""

    path: str
    """Relative to the workspace."""
    what: str
    """`settings`, `instructions`, `hook`, …"""
    content: str
    """Shown before the question; untrusted text."""


class TrustReport(NamedTuple):
    workspace: Path
    trusted: bool
    """All of it, as it stands now."""
    items: tuple[TrustItem, ...]


class TrustDesk(Protocol):
    """Which workspaces' own configuration counts. Bound to content: a change takes the trust away."""

    def report(self, workspace: Path) -> TrustReport: ...

    def trust(self, report: TrustReport) -> None:
        """Trust exactly the content of this report, not what may stand there by now."""
        ...

    def revoke(self, workspace: Path) -> None: ...


class MemoryNote(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...


class MemoryDesk(Protocol):
    """What is remembered of a project. Methods raise CherryError(config.BAD_VALUE, BAD_FILE)."""

    def notes(self, workspace: Path) -> Sequence[MemoryNote]: ...
    def add(self, workspace: Path, text: str) -> str:
        """A sentence about what was done."""
        ...

    def remove(self, workspace: Path, number: int) -> MemoryNote:
        """The note of this number, from 1."""
        ...


class Demo(NamedTuple):
    """A prepared copy of the sample project, and a client that answers from a recording."""

    client: Client
    workspace: Path
    request: Request
    check: Callable[[], Awaitable[CommandView]]
    """Runs the sample's own tests and returns what came out."""


class Wiring(NamedTuple):
    environ: Mapping[str, str]
    folders: HomeFolders
    clock: Clock
    load_settings: Callable[[Path, Sequence[Flag]], Loaded]
    """For a workspace, with its trust decided. Raises CherryError of `domain.errors.config`."""
    open_client: Callable[[Path, ClientOptions], AbstractAsyncContextManager[Client]]
    """An in-process client for this workspace; leaving the context closes it."""
    set_up_project: ProjectSetup
    trust: TrustDesk
    memory: MemoryDesk
    open_demo: Callable[[], AbstractAsyncContextManager[Demo]]
    open_data: Callable[[Loaded], DataClient]
    """Looking after the data of this user, by these settings."""
    open_secrets: Callable[[Loaded], SecretsClient]
    """Keeping keys for this user."""

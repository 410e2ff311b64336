"""A `Wiring` for testing commands: real settings from real files, a client that plays a script, nothing else of the application."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cherry.cli.wiring import ClientOptions, Demo, SetUp, TrustItem, TrustReport, Wiring
from cherry.client.port import Request
from cherry.config.loader import Flag, Loaded, load
from cherry.domain.content import TextPart
from cherry.domain.views import CommandView
from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.paths import home_folders
from cherry.testing.client import FakeClient


@dataclass
class FakeTrust:
    """Implements `cherry.cli.wiring.TrustDesk` in memory."""

    items: tuple[TrustItem, ...] = ()
    trusted: set[Path] = field(default_factory=set)

    def report(self, workspace: Path) -> TrustReport:
        return TrustReport(workspace, workspace in self.trusted, self.items)

    def trust(self, report: TrustReport) -> None:
        self.trusted.add(report.workspace)

    def revoke(self, workspace: Path) -> None:
        self.trusted.discard(workspace)


@dataclass
class FakeWiring:
    """What a test prepares and looks at; `wiring()` is what a command gets."""

    home: Path
    """Takes the place of every folder of the user."""
    client: FakeClient = field(default_factory=FakeClient)
    environ: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    trust: FakeTrust = field(default_factory=FakeTrust)
    set_up: tuple[SetUp, ...] = (SetUp("made", "Settings in .cherry/config.toml"),)
    opened: list[ClientOptions] = field(default_factory=list)
    refuse_to_open: Exception | None = None

    def wiring(self) -> Wiring:
        environ = {"TERM": "xterm", **self.environ, "CHERRY_HOME": str(self.home)}
        folders = home_folders(environ)

        def load_settings(workspace: Path, flags: Sequence[Flag]) -> Loaded:
            trusted = workspace in self.trust.trusted
            return load(folders=folders, environ=environ, workspace=workspace, project_trusted=trusted, flags=flags)

        @asynccontextmanager
        async def open_client(workspace: Path, options: ClientOptions) -> AsyncIterator[FakeClient]:
            self.opened.append(options)
            if self.refuse_to_open:
                raise self.refuse_to_open
            try:
                yield self.client
            finally:
                await self.client.close()

        async def set_up_project(folder: Path, *, name: str, git: bool) -> Sequence[SetUp]:
            return self.set_up

        async def tests_pass() -> CommandView:
            return CommandView(command="python -m unittest", output="OK", exit_code=0)

        @asynccontextmanager
        async def open_demo() -> AsyncIterator[Demo]:
            yield Demo(self.client, self.home, Request((TextPart(text="Make it work"),)), tests_pass)

        return Wiring(
            environ=environ,
            folders=folders,
            clock=self.clock,
            load_settings=load_settings,
            open_client=open_client,
            set_up_project=set_up_project,
            trust=self.trust,
            open_demo=open_demo,
        )

"""A `Wiring` for testing commands: real settings from real files, a client that plays a script, nothing else of the application."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cherry.cli.wiring import ClientOptions, Demo, SetUp, TrustItem, TrustReport, Wiring
from cherry.client.data import Bounds, Checked, DataClient, Plan, Pruned, Restored, Saved
from cherry.client.port import Request
from cherry.client.secrets import Listing, SecretInfo, SecretsClient
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


class FakeNote(NamedTuple):
    path: str
    text: str


@dataclass
class FakeMemory:
    """Implements `cherry.cli.wiring.MemoryDesk` in memory, one project for all."""

    kept: list[FakeNote] = field(default_factory=list)

    def notes(self, workspace: Path) -> Sequence[FakeNote]:
        return tuple(self.kept)

    def add(self, workspace: Path, text: str) -> str:
        self.kept.append(FakeNote(f".cherry/memory/{len(self.kept) + 1}.md", text))
        return f"Remembered in {self.kept[-1].path}."

    def remove(self, workspace: Path, number: int) -> FakeNote:
        return self.kept.pop(number - 1)


@dataclass
class FakeData:
    """Implements `cherry.client.data.DataClient` without any data."""

    checked: Checked = field(default_factory=lambda: Checked(0, 0, 0, (), ()))
    plan: Plan = field(default_factory=Plan)
    calls: list[str] = field(default_factory=list)

    def backup(self, file: Path) -> Saved:
        self.calls.append(f"backup {file}")
        return Saved(file, 0, 0, 0, 0, ())

    def restore(self, file: Path, *, into: Path | None = None, replace: bool = False) -> Restored:
        self.calls.append(f"restore {file} {into} {replace}")
        return Restored(0.0, "", 0, 0, 0, (), (), "")

    def check(self, *, mend: bool = False) -> Checked:
        self.calls.append(f"check {mend}")
        return self.checked

    def plan_prune(self, bounds: Bounds | None = None) -> Plan:
        self.calls.append(f"plan {bounds}")
        return self.plan

    def prune(self, plan: Plan) -> Pruned:
        self.calls.append("prune")
        return Pruned(len(plan.sessions), plan.blobs, len(plan.files), plan.bytes)


@dataclass
class FakeSecrets:
    """Implements `cherry.client.secrets.SecretsClient` in memory; takes any name."""

    kept: dict[str, str] = field(default_factory=dict)

    def check_name(self, name: str) -> None: ...

    def set(self, name: str, value: str) -> SecretInfo:
        self.kept[name] = value
        return SecretInfo(name, (), in_environment=False)

    def listing(self) -> Listing:
        return Listing("file", tuple(SecretInfo(name, (), in_environment=False) for name in self.kept))

    def remove(self, name: str) -> None:
        del self.kept[name]

    def rotate(self, *, to_key_file: bool = False) -> int:
        return len(self.kept)


@dataclass
class FakeWiring:
    """What a test prepares and looks at; `wiring()` is what a command gets."""

    home: Path
    """Takes the place of every folder of the user."""
    client: FakeClient = field(default_factory=FakeClient)
    environ: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    trust: FakeTrust = field(default_factory=FakeTrust)
    memory: FakeMemory = field(default_factory=FakeMemory)
    data: FakeData = field(default_factory=FakeData)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
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

        def open_data(loaded: Loaded) -> DataClient:
            return self.data

        def open_secrets(loaded: Loaded) -> SecretsClient:
            return self.secrets

        return Wiring(
            environ=environ,
            folders=folders,
            clock=self.clock,
            load_settings=load_settings,
            open_client=open_client,
            set_up_project=set_up_project,
            trust=self.trust,
            memory=self.memory,
            open_demo=open_demo,
            open_data=open_data,
            open_secrets=open_secrets,
        )

"""An application with real parts (SQLite, files, sandbox, git) and a scripted model."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cherry.bootstrap.application import ModelChoice, open_application
from cherry.bootstrap.workspaces import Machine, Surroundings
from cherry.client.inprocess import InProcessClient
from cherry.client.port import Check, Request, Seen
from cherry.config.settings import Settings
from cherry.domain.content import TextPart
from cherry.domain.events import Recorded
from cherry.domain.prompts import ModelRef
from cherry.kernel.clock import SystemClock
from cherry.kernel.paths import home_folders
from cherry.observability.log import Log
from cherry.storage.open import open_store
from cherry.testing.model import ScriptedGateway


class House:
    """Cherry over one workspace and one data folder; can be opened again as after a restart."""

    def __init__(self, root: Path) -> None:
        self.workspace = root / "work"
        self.workspace.mkdir()
        self.environ = {"CHERRY_HOME": str(root / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root)}
        self.folders = home_folders(self.environ)
        self.machine = Machine.here(self.environ)
        self._stack = AsyncExitStack()

    async def open(
        self, gateway: ScriptedGateway, *, settings: Settings | None = None, trusted: bool = False
    ) -> InProcessClient:
        around = Surroundings(
            store=open_store(self.folders.data),
            settings=settings or Settings(),
            folders=self.folders,
            environ=self.environ,
            clock=SystemClock(),
            log=Log(),
            machine=self.machine,
            trusted=trusted,
        )
        model = ModelRef("openai", "test")

        async def default() -> ModelRef:
            return model

        async def no_checks() -> list[Check]:
            return []

        client = open_application(
            around,
            gateway=gateway,
            choice=ModelChoice(default, lambda text: ModelRef.parse(text) or model),
            workspace=self.workspace,
            checks=no_checks,
        )
        self._stack.push_async_callback(client.close)
        return client

    async def close(self) -> None:
        await self._stack.aclose()

    def write(self, name: str, text: str) -> Path:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        return (self.workspace / name).read_text(encoding="utf-8")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def ask() -> Callable[..., Request]:
    def make(text: str, **options: object) -> Request:
        return Request(parts=(TextPart(text=text),), **options)

    return make


@pytest.fixture
def watch():
    async def run(client: InProcessClient, session: str, request: Request | None) -> list[Seen]:
        return [seen async for seen in client.run(session, request)]

    return run


@pytest.fixture
def events():
    def only(seen: list[Seen], kind: type) -> list:
        return [item.event for item in seen if isinstance(item, Recorded) and isinstance(item.event, kind)]

    return only

"""The `cherry` command with everything behind it. Bootstrap's last step: make the wiring and hand over to the command line."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from cherry.app.doctor import examine
from cherry.app.projects import set_up_project
from cherry.bootstrap.application import open_application
from cherry.bootstrap.data import TRUST_FILE, data_folder, open_data, retain
from cherry.bootstrap.demonstration import open_demonstration
from cherry.bootstrap.memory import WorkspaceMemory
from cherry.bootstrap.models import open_gateway
from cherry.bootstrap.secrets import Stored, open_secrets, open_vault, read_stored
from cherry.bootstrap.trusting import WorkspaceTrust
from cherry.bootstrap.workspaces import Machine, Surroundings
from cherry.cli.main import run_cli
from cherry.cli.wiring import ClientOptions, SetUp, Wiring
from cherry.client.port import Client
from cherry.config.loader import Flag, Loaded, load
from cherry.domain.errors import CherryError, tools
from cherry.git.command import Git
from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.paths import HomeFolders, home_folders
from cherry.observability.log import Log, LogFile, StandardError
from cherry.security.redaction import Redactor, secret_values
from cherry.security.trust import TrustStore
from cherry.storage.open import open_store


def run_program(arguments: Sequence[str]) -> int:
    """The exit code of one command line."""
    return run_cli(arguments, make_wiring(dict(os.environ)))


def make_wiring(environ: Mapping[str, str], *, clock: Clock | None = None) -> Wiring:
    """What the commands need, each part built when it is asked for."""
    clock = clock or SystemClock()
    folders = home_folders(environ)
    trust = WorkspaceTrust(TrustStore(folders.data / TRUST_FILE))
    memory = WorkspaceMemory(trust, now=clock.now)

    def load_settings(workspace: Path, flags: Sequence[Flag]) -> Loaded:
        return load(
            folders=folders,
            environ=environ,
            workspace=workspace,
            project_trusted=trust.is_trusted(workspace),
            flags=flags,
        )

    @asynccontextmanager
    async def open_client(workspace: Path, options: ClientOptions) -> AsyncIterator[Client]:
        loaded = options.loaded or load_settings(workspace, options.flags)
        stored = read_stored(folders, loaded.environ)
        around = _surroundings(folders, loaded, stored, trusted=trust.is_trusted(workspace), clock=clock)._replace(
            still_trusted=lambda: trust.is_trusted(workspace), remember=memory.add
        )
        gateway, choice = open_gateway(
            loaded, clock=around.clock, record=options.record, replay=options.replay, stored=stored
        )
        client = open_application(
            around,
            gateway=gateway,
            choice=choice,
            workspace=workspace,
            checks=partial(
                examine,
                folders=around.folders,
                environ=loaded.environ,
                store=around.store,
                model=choice.default,
                secrets=partial(open_vault, folders, loaded.environ),
            ),
        )
        try:
            yield client
        finally:
            await client.close()
        await retain(folders, loaded, clock=around.clock, log=around.log)

    async def git_init(folder: Path) -> None:
        answer = await Git(folder, environ).run("init", "--quiet", writes=True)
        if answer.code != 0:
            raise CherryError(tools.GIT_FAILED, "The repository could not be made", why=answer.stderr)

    async def prepare(folder: Path, *, name: str, git: bool) -> Sequence[SetUp]:
        steps = await set_up_project(folder, name=name, git=git, run_git=git_init, trust=trust.trust_own)
        return [SetUp(*step) for step in steps]

    return Wiring(
        environ=environ,
        folders=folders,
        clock=clock,
        load_settings=load_settings,
        open_client=open_client,
        set_up_project=prepare,
        trust=trust,
        memory=memory,
        open_demo=partial(open_demonstration, environ),
        open_data=partial(open_data, folders, clock=clock),
        open_secrets=partial(open_secrets, folders),
    )


def _log(folders: HomeFolders, loaded: Loaded, stored: Stored) -> Log:
    """Opened when the first line is written."""
    settings = loaded.settings.log
    file = LogFile(folders.state / "logs" / "cherry.log")
    return Log(
        *((file, StandardError()) if settings.debug else (file,)),
        level="debug" if settings.debug else settings.level,
        redact=Redactor({**secret_values(loaded.environ), **stored.hidden}).redact,
    )


def _surroundings(folders: HomeFolders, loaded: Loaded, stored: Stored, *, trusted: bool, clock: Clock) -> Surroundings:
    folders = folders._replace(data=data_folder(folders, loaded))
    return Surroundings(
        store=open_store(folders.data, clock=clock),
        settings=loaded.settings,
        folders=folders,
        environ=loaded.environ,
        clock=clock,
        log=_log(folders, loaded, stored),
        machine=Machine.here(loaded.environ),
        trusted=trusted,
        secrets=stored.hidden,
    )

"""`cherry demo`: the agent on a copy of the sample project, answers from a recording, everything else real.

Leaves nothing behind but the copy: sessions go to a temporary folder. Needs no network and no key.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import cherry
from cherry.bootstrap.application import open_application
from cherry.bootstrap.models import open_gateway
from cherry.bootstrap.sandboxes import DeferredSandbox
from cherry.bootstrap.workspaces import Machine, Surroundings
from cherry.cli.wiring import Demo
from cherry.client.port import Check, Request
from cherry.config.loader import Flag, load
from cherry.domain.content import TextPart
from cherry.domain.errors import CherryError, run
from cherry.domain.views import CommandView
from cherry.git.command import Git
from cherry.kernel.clock import SystemClock
from cherry.kernel.deadlines import deadline
from cherry.kernel.paths import home_folders
from cherry.observability.log import Log
from cherry.sandbox.port import Command
from cherry.storage.open import open_store

REQUEST = (
    "One test fails: find out why and mend it. Then add an option --json that prints the report as JSON, "
    "with a test and a line in the README."
)
TESTS = "python3 -m unittest"
TEST_SECONDS = 60.0
MODEL = "recording/demo"


@asynccontextmanager
async def open_demonstration(environ: Mapping[str, str]) -> AsyncIterator[Demo]:
    """Raises CherryError when the sample project is not installed."""
    samples = _samples()
    with tempfile.TemporaryDirectory(prefix="cherry-demo-home-") as home:
        workspace = await _copy(samples / "ledger", environ)
        own = {name: value for name, value in environ.items() if not name.startswith("CHERRY_")}
        folders = home_folders({**own, "CHERRY_HOME": home})
        loaded = load(folders=folders, environ=own, flags=[Flag(("model", "default"), MODEL, "the demonstration")])
        clock = SystemClock()
        around = Surroundings(
            store=open_store(folders.data, clock=clock),
            settings=loaded.settings,
            folders=folders,
            environ=own,
            clock=clock,
            log=Log(),
            machine=Machine.here(own),
            trusted=False,
        )
        gateway, choice = open_gateway(loaded, clock=clock, replay=samples / "ledger.recording.jsonl")

        async def no_checks() -> list[Check]:
            return []

        client = open_application(around, gateway=gateway, choice=choice, workspace=workspace, checks=no_checks)
        try:
            yield Demo(
                client=client,
                workspace=workspace,
                request=Request(parts=(TextPart(text=REQUEST),), approver="yes"),
                check=lambda: _run_tests(workspace, own, Path(home)),
            )
        finally:
            await client.close()


def _samples() -> Path:
    """Beside the package when installed, at the root of a checkout otherwise."""
    package = Path(cherry.__file__).parent
    for place in (package / "examples", package.parent.parent / "examples"):
        if (place / "ledger").is_dir():
            return place
    raise CherryError(run.INTERNAL, "The sample project is not part of this installation")


async def _copy(sample: Path, environ: Mapping[str, str]) -> Path:
    """A repository of its own with one commit, as a user's would be."""
    workspace = Path(tempfile.mkdtemp(prefix="cherry-demo-")) / sample.name
    shutil.copytree(sample, workspace, ignore=shutil.ignore_patterns("__pycache__"))
    git = Git(workspace, environ)
    for words in (
        ("init", "--quiet"),
        ("add", "--all"),
        (
            "-c",
            "user.name=Cherry demo",
            "-c",
            "user.email=demo@localhost",
            "commit",
            "--quiet",
            "-m",
            "The sample project",
        ),
    ):
        await git.run(*words, writes=True)
    return workspace


async def _run_tests(workspace: Path, environ: Mapping[str, str], temporary: Path) -> CommandView:
    """The sample's own tests, in the sandbox, after the agent has finished: nobody has to take its word."""
    sandbox = DeferredSandbox(Machine.here(environ).probe, required=False, environ=environ, temporary=temporary)
    process = await sandbox.start(Command(script=TESTS, folder=workspace, workspace=workspace))
    output = bytearray()
    try:
        async with deadline("demo.tests", TEST_SECONDS):
            async for piece in process.output():
                output += piece
            exit_ = await process.wait()
    finally:
        await process.kill()
    return CommandView(command=TESTS, output=output.decode("utf-8", "replace"), exit_code=exit_.code)

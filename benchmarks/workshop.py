"""Where an agent is run: a fresh git repository and home folder of its own, and a provider beside it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.agents import Agent, command_of, environment_of
from benchmarks.processes import Run, run
from benchmarks.provider import EDITED

_ROOT = Path(__file__).resolve().parent.parent


class Request(NamedTuple):
    """What the provider noted of a model request; see `benchmarks.provider`."""

    at: float
    ended: float
    status: int
    complaint: str
    tools: int
    stable_bytes: int
    bytes: int


class Provider(NamedTuple):
    root: str
    log: Path

    def requests(self) -> list[Request]:
        if not self.log.exists():
            return []
        return [Request(**json.loads(line)) for line in self.log.read_text().splitlines()]

    def forget(self) -> None:
        # The provider holds the file open for appending, so it is emptied and not removed.
        if self.log.exists():
            self.log.write_text("")


class Workshop(NamedTuple):
    """One agent's place. Kept over its runs, so that what it does only once is not measured each time."""

    folder: Path
    agent: Agent

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def run(
        self, request: str, provider: Provider, *, seconds: float, memory: bool = False, many_steps: bool = False
    ) -> Run:
        home = self.folder / "home"
        provider.forget()
        return run(
            command_of(self.agent, request=request, root=provider.root, home=home, many_steps=many_steps),
            folder=self.repository,
            environment=environment_of(self.agent, root=provider.root, home=home),
            seconds=seconds,
            memory=memory,
        )


@contextmanager
def workshop(agent: Agent, provider: Provider) -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory(prefix="cherry-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        place = Workshop(folder, agent)
        place.repository.mkdir()
        (folder / "home").mkdir()
        _make_repository(place.repository)
        for path, text in agent.files.items():
            file = folder / "home" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("{root}", provider.root))
        yield place


@contextmanager
def provider(*arguments: str) -> Iterator[Provider]:
    """The instant model, running until the block ends."""
    with tempfile.TemporaryDirectory(prefix="cherry-bench-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "benchmarks.provider", "--log", str(log), *arguments]
        with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the provider did not start")
            yield Provider(json.loads(line)["base_url"], log)
            # Leaving closes its standard input, which ends it.


def _make_repository(folder: Path) -> None:
    path, old, _ = EDITED
    (folder / path).write_text(f'def greet(name: str) -> str:\n    return f"{old}, {{name}}!"\n')
    (folder / "README.md").write_text("# Sample\n\nA repository to measure agents in.\n")
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.invalid")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Start")):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)

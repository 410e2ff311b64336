"""Every attempt of the table is refused by the sandbox, and succeeds where there is none."""

import asyncio
import os
import platform
import socket
import subprocess
import sys
import threading
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.sandbox.bare import BareSandbox
from cherry.sandbox.bubblewrap import BubblewrapSandbox
from cherry.sandbox.choose import probe
from cherry.sandbox.landlock import LandlockSandbox, landlock_version
from cherry.sandbox.port import Bounds, Command, Sandbox
from cherry.security.egress import ANYWHERE
from cherry.security.protected import unwritable_for_commands

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = os.path.realpath(sys.executable)
IS_ROOT = os.geteuid() == 0


class Attempt(NamedTuple):
    name: str
    script: str
    control: str = "bare"
    landlock: bool = True
    """False: the second rung does not claim to refuse it."""


def python(code: str) -> str:
    return f"exec \"$PY\" -I -S - <<'PYTHON'\nimport os, sys\n{code}\nPYTHON\n"


TABLE = tomllib.loads(Path(__file__).with_name("escapes.toml").read_text())
SYSTEM_CALLS = TABLE.pop("system_calls")
ALL = [
    Attempt(
        row["name"],
        row["script"] if "script" in row else python(row["python"]),
        row.get("control", "bare"),
        row.get("landlock", True),
    )
    for rows in TABLE.values()
    for row in rows
]


class Listener:
    """Sockets of this machine that nobody in a sandbox may reach, and whether somebody did."""

    def __init__(self, folder: Path) -> None:
        self.reached = False
        self.abstract = f"cherry-{uuid.uuid4().hex}"
        self.path = folder / "s"
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind(str(self.path))
        self._hidden = socket.socket(socket.AF_UNIX)
        self._hidden.bind(f"\0{self.abstract}")
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._streams = (self._tcp, self._unix, self._hidden)
        for server in self._streams:
            server.listen()
        for server in (*self._streams, self._udp):
            server.setblocking(False)
        self.port = self._tcp.getsockname()[1]
        self.udp = self._udp.getsockname()[1]

    def look(self) -> bool:
        """True when somebody came since last asked."""
        came = False
        for server in self._streams:
            try:
                server.accept()[0].close()
                came = True
            except BlockingIOError:
                pass
        try:
            while self._udp.recv(100):
                came = True
        except BlockingIOError:
            pass
        return came

    def close(self) -> None:
        for server in (*self._streams, self._udp):
            server.close()


class World:
    """A workspace, what lies around it, and the eye that sees whether anything got out."""

    def __init__(self, root: Path, listener: Listener) -> None:
        self.token = f"TOPSECRET{uuid.uuid4().hex}"
        self.outside, self.home, self.workspace = root / "outside", root / "home", root / "workspace"
        self.listener = listener
        self._fill()
        self.victim = subprocess.Popen(["sleep", "600"], cwd=self.outside, env={"TOKEN": self.token})
        self.before = self._state()

    def _fill(self) -> None:
        for folder in (self.outside, self.home / ".ssh", self.home / ".aws", self.workspace / "src"):
            folder.mkdir(parents=True)
        for file in (self.outside / "secret", self.home / ".ssh/id_rsa", self.home / ".aws/credentials"):
            file.write_text(self.token)
        (self.home / ".bashrc").write_text("")
        git = self.workspace / ".git"
        (git / "hooks").mkdir(parents=True)
        (git / "objects").mkdir()
        (git / "refs").mkdir()
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text("[core]\n\trepositoryformatversion = 0\n")
        (git / "hooks/post-checkout").write_text("#!/bin/sh\n")
        (self.workspace / ".vscode").mkdir()
        (self.workspace / ".vscode/settings.json").write_text("{}")

    def command(self, script: str, **more: object) -> Command:
        environment = {
            "OUTSIDE": str(self.outside),
            "REAL_HOME": str(self.home),
            "VICTIM": str(self.victim.pid),
            "PORT": str(self.listener.port),
            "UDP": str(self.listener.udp),
            "SOCKET": str(self.listener.path),
            "ABSTRACT": self.listener.abstract,
            "PY": PYTHON,
        }
        return Command(
            script,
            folder=self.workspace,
            workspace=self.workspace,
            environment=environment,
            protected=unwritable_for_commands(self.workspace),
            **more,  # type: ignore[arg-type]
        )

    def breach(self, output: str) -> str:
        """What got out; empty when nothing did."""
        if "ESCAPED" in output:
            return f"the script says so: {output}"
        if self.token in output:
            return "it read the secret"
        if self.victim.poll() is not None:
            return "it ended another process"
        if self.listener.look():
            return "it reached a socket"
        after = self._state()
        return f"it changed {sorted(after ^ self.before)}" if after != self.before else ""

    def _state(self) -> set[tuple[str, int, str]]:
        """All that must stay as it is: everything outside, and what is protected inside."""
        protected = [self.workspace / name for name in (".git/hooks", ".git/config", ".git/config.worktree", ".vscode")]
        protected += [
            self.workspace / name for name in (".cherry", ".claude", ".codex", ".mcp.json", ".idea", ".cursor")
        ]
        found = set()
        for top in (self.outside, self.home, *protected):
            for path in (top, *sorted(top.rglob("*"))):
                if path.is_symlink() or path.exists():
                    info = path.lstat()
                    content = path.read_text() if path.is_file() else ""
                    times = int(info.st_mtime) if path.is_file() else 0
                    found.add((str(path), info.st_mode ^ times, content))
        return found

    def close(self) -> None:
        self.victim.kill()
        self.victim.wait()


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    made = Listener(tmp_path_factory.mktemp("l"))
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path, listener: Listener) -> Iterator[World]:
    made = World(tmp_path, listener)
    yield made
    made.close()


def environ(world: World) -> dict[str, str]:
    return {"PATH": PATH, "HOME": str(world.home), "SECRET_TOKEN": world.token, "LANG": "C.UTF-8"}


def fenced(world: World) -> Sandbox:
    found = probe(PATH)
    assert found.bubblewrap, f"these tests need bubblewrap: {found.why_not}"
    return BubblewrapSandbox(found.bubblewrap, environ(world), readable=(Path(sys.base_prefix),))


def second_rung(world: World) -> Sandbox:
    assert landlock_version() >= 6, "these tests need landlock as of Linux 6.12"
    return LandlockSandbox(environ(world), readable=(Path(sys.base_prefix),))


async def run(fence: Sandbox, command: Command) -> str:
    process = await fence.start(command)
    output = b"".join([chunk async for chunk in process.output()])
    await process.wait()
    return output.decode(errors="replace")


@pytest.mark.parametrize("attempt", ALL, ids=lambda attempt: attempt.name)
async def test_the_sandbox_refuses_to(world: World, attempt: Attempt) -> None:
    output = await run(fenced(world), world.command(attempt.script))
    assert not world.breach(output)
    assert "SyntaxError" not in output


@pytest.mark.parametrize("attempt", [a for a in ALL if a.landlock], ids=lambda attempt: attempt.name)
async def test_the_second_rung_refuses_to(world: World, attempt: Attempt) -> None:
    output = await run(second_rung(world), world.command(attempt.script))
    assert not world.breach(output)
    assert "SyntaxError" not in output


@pytest.mark.parametrize("attempt", [a for a in ALL if a.control != "never"], ids=lambda attempt: attempt.name)
async def test_without_a_sandbox_it_is_possible_to(world: World, attempt: Attempt) -> None:
    if attempt.control == "root" and not IS_ROOT:
        pytest.skip("only root can do this even without a sandbox")
    output = await run(BareSandbox(environ(world)), world.command(attempt.script))
    async with asyncio.timeout(10):
        while not world.breach(output):  # a process that was ended takes a moment to be gone
            await asyncio.sleep(0.02)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
async def test_system_calls_that_widen_the_attack_do_not_reach_the_kernel(world: World) -> None:
    code = "import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    for name, (number, arguments) in SYSTEM_CALLS.items():
        code += (
            f"ctypes.set_errno(0); r = libc.syscall({number}, *{arguments})\n"
            f"if r != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): print('ESCAPED by', {name!r})\n"
        )
    output = await run(fenced(world), world.command(python(code)))
    assert not world.breach(output)
    bare = await run(BareSandbox(environ(world)), world.command(python(code))) if IS_ROOT else "ESCAPED"
    assert "ESCAPED" in bare


async def test_a_fork_bomb_is_bounded(world: World) -> None:
    code = """
import subprocess
children = []
try:
    for _ in range(200):
        children.append(subprocess.Popen(["sleep", "60"]))
except OSError:
    pass
print(len(children))
"""
    made = int(await run(fenced(world), world.command(python(code), bounds=Bounds(processes=40))))
    assert 10 < made < (120 if IS_ROOT else 41)  # for root the limit holds after its first moments only


async def test_memory_is_bounded(world: World) -> None:
    script = python("x = bytearray(600 << 20); print('ESCAPED', len(x))")
    bounds = Bounds(memory_bytes=256 << 20)
    assert not world.breach(await run(fenced(world), world.command(script, bounds=bounds)))
    assert world.breach(await run(fenced(world), world.command(script)))


async def test_shared_memory_is_bounded(world: World) -> None:
    output = await run(fenced(world), world.command("df -k --output=size /dev/shm | tail -1"))
    assert int(output) <= 1 << 20


async def test_the_private_temporary_folder_is_shared_by_commands_and_hidden_from_others(world: World) -> None:
    fence = fenced(world)
    sign = f"cherry-sign-{uuid.uuid4().hex}"
    assert await run(fence, world.command(f"echo kept > /tmp/{sign}")) == ""
    assert await run(fence, world.command(f"cat /tmp/{sign}")) == "kept\n"
    assert not Path("/tmp", sign).exists()
    assert "No such file" in await run(fenced(world), world.command(f"cat /tmp/{sign}"))


async def test_this_machine_is_not_reached_even_with_the_network_granted(world: World) -> None:
    script = "exec 3<>/dev/tcp/127.0.0.1/$PORT && echo connected; curl -s --noproxy '*' http://127.0.0.1:$PORT/"
    assert "connected" not in await run(fenced(world), world.command(script, network=(ANYWHERE,)))
    assert not world.listener.look()


async def test_ordinary_work_is_possible(world: World) -> None:
    """A fence that stops everything proves nothing."""
    script = """
    set -e
    echo 'print(6 * 7)' > a.py && "$PY" a.py
    git add a.py && git -c user.name=x -c user.email=x@y commit -qm first && git log --oneline | wc -l
    mkdir -p deep/er && mv a.py deep/er/ && ln -s deep/er/a.py link && cat link > copy && chmod 700 copy
    "$PY" -c "import multiprocessing as m, threading, tempfile, ssl; tempfile.mkstemp(); m.Pool(2).map(abs, [1])"
    cat <(echo substituted) && echo out > /dev/stdout && touch "$HOME/x" /tmp/y && mktemp >/dev/null
    head -c 4 /dev/urandom >/dev/null && (sleep 0 & wait) && getent passwd root >/dev/null && date >/dev/null
    """
    output = await run(fenced(world), world.command(script))
    assert output == "42\n1\nsubstituted\nout\n"


async def test_no_placeholder_stays_behind(world: World) -> None:
    fence = fenced(world)
    before = sorted(path.name for path in world.workspace.rglob("*"))
    threads = threading.active_count()
    for script in ("true", "exit 1", "sleep 60 & true", "kill -9 $$"):
        await run(fence, world.command(script))
    process = await fence.start(world.command("sleep 60"))
    assert (world.workspace / ".cherry").is_dir()
    await process.kill()
    assert sorted(path.name for path in world.workspace.rglob("*")) == before
    assert threading.active_count() == threads


async def test_what_a_person_makes_meanwhile_is_kept(world: World) -> None:
    fence = fenced(world)
    process = await fence.start(world.command("sleep 60"))
    (world.workspace / ".claude/mine.json").write_text("{}")
    await process.kill()
    assert (world.workspace / ".claude/mine.json").read_text() == "{}"
    assert not (world.workspace / ".cherry").exists()
    assert (world.workspace / ".claude").stat().st_mode & 0o7777 == 0o755


async def test_a_second_command_keeps_its_protection_when_the_first_ends(world: World) -> None:
    fence = fenced(world)
    second = await fence.start(world.command("read x; mkdir -p .cherry && echo x > .cherry/config.toml", input=True))
    await run(fence, world.command("true"))
    await second.write(b"go\n")
    async for _ in second.output():
        pass
    await second.wait()
    assert not (world.workspace / ".cherry").exists()


async def test_a_home_folder_as_workspace_keeps_its_keys_and_its_start_up_files(world: World) -> None:
    script = "cat .ssh/* .aws/*; echo evil >> .bashrc; mv .ssh away; echo x > .profile; echo x > ordinary; ls -A .ssh"
    command = world.command(script)._replace(folder=world.home, workspace=world.home, protected=())
    output = await run(fenced(world), command)
    assert (world.home / "ordinary").read_text() == "x\n"
    (world.home / "ordinary").unlink()
    assert not world.breach(output)
    assert not (world.home / ".profile").exists()


async def test_git_is_not_led_to_another_configuration(world: World) -> None:
    script = "mkdir -p .git/evil/hooks; echo evil > .git/commondir; echo x > .git/evil/config"
    await run(fenced(world), world.command(script))
    assert not (world.workspace / ".git/commondir").exists()


async def test_the_configuration_of_submodules_is_held(world: World) -> None:
    module = world.workspace / ".git/modules/sub"
    (module / "hooks").mkdir(parents=True)
    (module / "config").write_text("[core]\n")
    script = "cd .git/modules; echo evil >> sub/config; echo x > sub/hooks/pre-commit; mv ../modules ../m; echo x > sub/index"
    await run(fenced(world), world.command(script))
    assert (module / "config").read_text() == "[core]\n"
    assert not list((module / "hooks").iterdir())
    assert (module / "index").exists()

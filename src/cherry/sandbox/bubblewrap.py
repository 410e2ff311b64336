"""Runs commands inside bubblewrap: namespaces, a file system of its own, a system-call filter, limits.

A command sees: system folders and language toolchains (read-only), its workspace and a private /tmp (writable), its own
processes, no network unless granted. It holds no capability and cannot gain one. Nothing else of the machine is there at all:
home folders, /run, /var and other projects are not mounted.

With hosts granted, a proxy of ours is the only thing its network reaches (`cherry.sandbox.egress`).

What remains: the kernel itself; the workspace's disk can be filled. Where Cherry and
the workspace are root's and there are no control groups, the number of processes is not limited (`gaps`).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.cgroups import JOIN_AFTER_SECONDS, ControlGroup, ControlGroups
from cherry.sandbox.egress.door import VARIABLES, Door
from cherry.sandbox.egress.proxy import EgressProxy
from cherry.sandbox.launching import as_user, check_folders, guarded_shell, launch, memory_file, shell
from cherry.sandbox.port import Command, Process
from cherry.sandbox.processes import descendants, holding
from cherry.sandbox.protection import Mounts, Protection
from cherry.sandbox.running import Running, send
from cherry.sandbox.seccomp import filter_program
from cherry.sandbox.view import Identity, View, hidden, identity_for
from cherry.security.egress import Grant
from cherry.security.protected import SECRETS_OF_A_HOME, START_UP_FILES

_TEMPORARY, _OTHER_TEMPORARY = "/tmp", "/var/tmp"  # noqa: S108 — inside the sandbox, where they are private
HOME = f"{_TEMPORARY}/home"
GIT_IGNORE = f"{HOME}/.config/git/ignore"
"""Where git looks for what a user wants ignored everywhere."""
_EMPTY_BYTES = "4096"
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
ISOLATION = (*_NAMESPACES, "--die-with-parent", "--new-session", "--cap-drop", "ALL")
PROBE_SECONDS = 10.0


class BubblewrapSandbox:
    """One per process is enough: it keeps the private /tmp that all its commands share."""

    name = "bubblewrap"
    confines = True

    def __init__(
        self,
        program: str,
        environ: Mapping[str, str],
        *,
        temporary: Path | None = None,
        readable: Sequence[Path] = (),
        open_proxy: Callable[[Sequence[Grant]], EgressProxy] = EgressProxy,
    ) -> None:
        """`temporary` becomes /tmp of all commands and belongs to the caller; without it one is made and removed at the end.

        `readable` is shown read-only besides what PATH leads to. `open_proxy` makes what lets commands reach granted hosts.
        """
        self._open_proxy = open_proxy
        self._program = program
        self._environ = environ
        self._temporary = temporary
        self._readable = tuple(readable)
        self._groups = ControlGroups()
        self._views: dict[Identity, View] = {}

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not confined on this machine though it should be, one sentence each."""
        missing = []
        if self._filter is None:
            missing.append("there is no system-call filter for this kind of processor")
        if os.geteuid() == 0 and not self._groups.available:
            missing.append("the number of processes is not limited for root: control groups cannot be made here")
        return tuple(missing)

    async def start(self, command: Command) -> Process:
        workspace, folder = check_folders(command)
        view = self._view(identity_for(workspace))
        home = view.home if view.home.is_relative_to(workspace) else None
        at_start_up = tuple(home / name for name in START_UP_FILES) if home else ()
        protection = Protection(workspace, (*command.protected, *at_start_up))
        group = self._groups.make(command.bounds)
        alive, held = os.pipe()
        cherry_lives, lifeline = os.pipe()
        passed = [held, cherry_lives]
        door = Door(self._open_proxy(command.network)) if command.network else None
        try:
            arguments = [self._program, "--sync-fd", str(held)]
            if door:
                passed += door.passed
                arguments += door.options
            if self._filter is not None:
                passed.append(_readable_copy(self._filter))
                arguments += ["--seccomp", str(passed[-1])]
            options = _options(command, view, workspace, folder, protection.mounts)
            if ignored := _ignored(protection.mounts, workspace):
                passed.append(memory_file("ignored", ignored))
                options += ["--ro-bind-data", str(passed[-1]), GIT_IGNORE]
            passed.append(memory_file("arguments", b"\0".join(os.fsencode(option) for option in options)))
            arguments += [
                "--args",
                str(passed[-1]),
                "--",
                *guarded_shell(command, cherry_lives, filtered=self._filter is not None),
            ]
            identity = view.identity if view.identity.dropped else None
            started = launch(arguments, environ={}, with_input=command.input, passed=passed, identity=identity)
        except BaseException:
            os.close(alive)
            os.close(lifeline)
            protection.close()
            if group:
                self._groups.give_back(group)
            if door:
                door.close()
            raise
        finally:
            for handle in passed:
                os.close(handle)
        tidy = self._limit_together(group, started.child.pid, door)
        tree = _NamespaceTree(started.child, alive, lifeline, protection, tidy)
        if door is None:
            return Running(started.child, started.pipes.output, tree, stdin=started.pipes.stdin)
        proxy = door.proxy
        running = Running(
            started.child, started.pipes.output, tree, stdin=started.pipes.stdin, refused=lambda: proxy.refused
        )
        try:
            await door.open()
        except BaseException:
            await running.kill(at_once=True)
            raise
        return running

    def _limit_together(self, group: ControlGroup | None, leader: int, door: Door | None) -> Callable[[], None]:
        """Returns what is to be called in the end. It keeps the sandbox, and so its private /tmp, while the command runs."""
        joining = asyncio.get_running_loop().call_later(JOIN_AFTER_SECONDS, group.enclose, leader) if group else None

        def tidy() -> None:
            if joining:
                joining.cancel()
            if group:
                self._groups.give_back(group)
            if door:
                door.close()

        return tidy

    def _view(self, identity: Identity) -> View:
        """Raises CherryError(sandbox.UNAVAILABLE) when the workspace's owner cannot use bubblewrap."""
        if identity not in self._views:
            if identity.dropped and (why := try_bubblewrap(self._program, identity)):
                raise CherryError(sandbox.UNAVAILABLE, why=f"as the owner of the workspace (user {identity.uid}) {why}")
            self._views[identity] = View(identity, self._environ, temporary=self._temporary, readable=self._readable)
        return self._views[identity]

    @cached_property
    def _filter(self) -> int | None:
        """A file in memory with the system-call filter; opened anew for each command."""
        program = filter_program()
        return None if program is None else memory_file("filter", program)


class _NamespaceTree:
    """A process namespace: when its first process is gone, all are. That one holds a pipe of ours open until then."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        alive: int,
        lifeline: int,
        protection: Protection,
        tidy: Callable[[], None],
    ) -> None:
        self._child = child
        self._alive = alive
        self._lifeline: int | None = lifeline
        self._protection = protection
        self._tidy = tidy
        os.set_blocking(alive, False)

    def ask(self) -> bool:
        """The command and its children, not bubblewrap, which would end at once."""
        below = descendants(self._child.pid)[1:]
        send(below, signal.SIGTERM)
        return bool(below)

    def end(self) -> None:
        """Until it divides, all of bubblewrap is one process group, and no child is born out of a group while that is killed: whoever
        only lists processes misses the one that is just being made. What has left the group has its guard, or is an orphan below."""
        if self._lifeline is not None:
            lifeline, self._lifeline = self._lifeline, None
            os.close(lifeline)
        code = self._child.poll()
        if code is None:
            below = descendants(self._child.pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            send([*below, self._child.pid], signal.SIGKILL)
        elif code < 0:
            self._end_orphans()

    def is_gone(self) -> bool:
        try:
            return os.read(self._alive, 1) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        self._end_orphans()
        os.close(self._alive)
        self._protection.close()
        self._tidy()

    def _end_orphans(self) -> None:
        """Killed in the moment it divides, bubblewrap leaves a child that waits for it for ever, bound to nobody's life yet."""
        if not self.is_gone():
            send(holding(self._alive), signal.SIGKILL)


def try_bubblewrap(program: str, identity: Identity | None = None) -> str:
    """Why bubblewrap does not work here, for Cherry itself or somebody else; empty when it does."""
    arguments = [program, *ISOLATION, "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--"]
    true = "/bin/true" if os.access("/bin/true", os.X_OK) else "/usr/bin/true"
    user = as_user(identity) if identity else {}
    try:
        tried = subprocess.run(
            [*arguments, true],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
            env={},
            **user,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    if tried.returncode != 0:
        words = tried.stderr.decode("utf-8", "replace").strip() or f"it ended with {tried.returncode}"
        return f"bubblewrap does not work here: {words}"
    return ""


def _options(command: Command, view: View, workspace: Path, folder: Path, mounts: Mounts) -> list[str]:
    options = [*ISOLATION, *view.options]
    options += ["--unshare-net"]
    temporary = str(view.temporary)
    options += ["--bind", temporary, _TEMPORARY]
    for shown in view.tools.folders:
        if shown.is_relative_to(_TEMPORARY):  # the private folder lies over it
            options += ["--ro-bind", str(shown), str(shown)]
    if workspace.is_relative_to(_OTHER_TEMPORARY):
        options += ["--bind", temporary, _OTHER_TEMPORARY]
    else:
        options += ["--symlink", _TEMPORARY, _OTHER_TEMPORARY]
    options += ["--bind", str(workspace), str(workspace)]
    for pinned in mounts.pinned:
        options += ["--bind", str(pinned), str(pinned)]
    for protected in mounts.readonly:
        options += ["--ro-bind", str(protected), str(protected)]
    for missing in mounts.empty:
        options += ["--perms", "0555", "--size", _EMPTY_BYTES, "--tmpfs", str(missing)]
    if view.home.is_relative_to(workspace):
        options += hidden(view.home / name for name in SECRETS_OF_A_HOME)
    options += ["--remount-ro", "/", "--chdir", str(folder)]
    environment = {**view.tools.variables, **_fixed_environment(), "PATH": view.tools.path, **command.environment}
    environment |= VARIABLES if command.network else {}
    for name, value in environment.items():
        options += ["--setenv", name, value]
    return options


def _ignored(mounts: Mounts, workspace: Path) -> bytes:
    """What git must not take for files of the user: `git stash -u` and `git clean` would try to remove what is mounted there."""
    names = (path.relative_to(workspace).as_posix() for path in mounts.empty if path.is_relative_to(workspace))
    return b"".join(b"/" + os.fsencode(name) + b"\n" for name in names)


def _fixed_environment() -> dict[str, str]:
    return {"HOME": HOME, "TMPDIR": _TEMPORARY, "USER": "cherry", "LOGNAME": "cherry", "SHELL": shell()}


def _readable_copy(handle: int) -> int:
    """The same file with a reading position of its own: commands may start at the same time."""
    return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)

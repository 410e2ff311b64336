"""Runs commands inside bubblewrap: namespaces, a file system of its own, a system-call filter, limits.

A command sees: system folders and language toolchains (read-only), its workspace and a private /tmp (writable), its own
processes, no network unless granted. It holds no capability and cannot gain one. Nothing else of the machine is there at all:
home folders, /run, /var and other projects are not mounted.

When Cherry runs as root, so does the command outside its namespaces, without capabilities: files only root may read under
/etc are masked, /proc is read-only. The kernel ignores the process limit for root; see `cherry.sandbox.cgroups`.
"""

import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from cherry.sandbox.launching import check_folders, launch, limits_prefix, shell
from cherry.sandbox.port import Command, Process
from cherry.sandbox.processes import descendants
from cherry.sandbox.protection import Mounts, Protection
from cherry.sandbox.running import Running, send
from cherry.sandbox.seccomp import filter_program
from cherry.sandbox.toolchains import SYSTEM_FOLDERS, Tools, find_tools

SHARED_MEMORY_BYTES = 1 << 30
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 — inside the sandbox
_EMPTY_BYTES = "4096"
HOME = "/tmp/home"  # noqa: S108 — inside the sandbox, where /tmp is private
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
_ISOLATION = (*_NAMESPACES, "--die-with-parent", "--new-session", "--cap-drop", "ALL")


class BubblewrapSandbox:
    """One per process is enough: it keeps the private /tmp that all its commands share."""

    name = "bubblewrap"
    confines = True

    def __init__(
        self, program: str, environ: Mapping[str, str], *, temporary: Path | None = None, readable: Sequence[Path] = ()
    ) -> None:
        """`temporary` becomes /tmp of all commands and belongs to the caller; without it one is made and removed at the end.

        `readable` is shown read-only besides what PATH leads to.
        """
        self._program = program
        self._environ = environ
        self._given_temporary = temporary
        self._readable = tuple(readable)

    async def start(self, command: Command) -> Process:
        workspace, folder = check_folders(command)
        protection = Protection(workspace, command.protected)
        alive, held = os.pipe()
        options = self._options(command, workspace, folder, protection.mounts)
        passed = [held]
        try:
            arguments = [self._program, "--sync-fd", str(held)]
            if self._filter is not None:
                passed.append(_readable_copy(self._filter))
                arguments += ["--seccomp", str(passed[-1])]
            passed.append(_memory_file("arguments", b"\0".join(os.fsencode(option) for option in options)))
            arguments += ["--args", str(passed[-1]), "--", *self._inner(command)]
            started = launch(arguments, environ={}, with_input=command.input, passed=passed)
        except BaseException:
            os.close(alive)
            protection.close()
            raise
        finally:
            for handle in passed:
                os.close(handle)
        tree = _NamespaceTree(started.child, alive, protection)
        return Running(started.child, started.pipes.output, tree, stdin=started.pipes.stdin)

    def _inner(self, command: Command) -> list[str]:
        return [*limits_prefix(command.bounds, processes=True), shell(), "-c", command.script]

    def _options(self, command: Command, workspace: Path, folder: Path, mounts: Mounts) -> list[str]:
        temporary = str(self._temporary)
        options = [*_ISOLATION, *self._system, "--bind", temporary, "/tmp", "--bind", temporary, "/var/tmp"]  # noqa: S108 — inside the sandbox
        if command.network:
            options += _name_resolution()
        else:
            options.append("--unshare-net")
        options += ["--bind", str(workspace), str(workspace)]
        for pinned in mounts.pinned:
            options += ["--bind", str(pinned), str(pinned)]
        for protected in mounts.readonly:
            options += ["--ro-bind", str(protected), str(protected)]
        for missing in mounts.empty:
            options += ["--perms", "0555", "--size", _EMPTY_BYTES, "--tmpfs", str(missing)]
        options += ["--remount-ro", "/", "--chdir", str(folder)]
        environment = {**self._tools.variables, **_fixed_environment(), "PATH": self._tools.path, **command.environment}
        for name, value in environment.items():
            options += ["--setenv", name, value]
        return options

    @cached_property
    def _tools(self) -> Tools:
        return find_tools(self._environ, extra=self._readable)

    @cached_property
    def _system(self) -> list[str]:
        """The part of the options that is the same for every command."""
        options: list[str] = []
        for folder in SYSTEM_FOLDERS:
            options += _system_folder(folder)
        options += ["--ro-bind", "/etc", "/etc", *_masks(Path("/etc"))]
        options += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
        options += [
            "--perms",
            "1777",
            "--size",
            str(SHARED_MEMORY_BYTES),
            "--tmpfs",
            _SHARED_MEMORY,
            "--remount-ro",
            "/dev",
        ]
        for shown in self._tools.folders:
            options += ["--ro-bind", str(shown), str(shown)]
        return options

    @cached_property
    def _filter(self) -> int | None:
        """A file in memory with the system-call filter; opened anew for each command."""
        program = filter_program()
        return None if program is None else _memory_file("filter", program)

    @cached_property
    def _temporary(self) -> Path:
        folder = self._given_temporary
        if folder is None:
            self._made = tempfile.TemporaryDirectory(prefix="cherry-", ignore_cleanup_errors=True)
            folder = Path(self._made.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "home").mkdir(mode=0o700, exist_ok=True)
        return folder


class _NamespaceTree:
    """A process namespace: when its first process is gone, all are. That one holds a pipe of ours open until then."""

    def __init__(self, child: subprocess.Popen[bytes], alive: int, protection: Protection) -> None:
        self._child = child
        self._alive = alive
        self._protection = protection
        os.set_blocking(alive, False)

    def ask(self) -> None:
        """To the command and its children, not to bubblewrap, which would end at once."""
        below = descendants(self._child.pid)
        send(below[1:], signal.SIGTERM)

    def end(self) -> None:
        if self._child.returncode is None:
            below = descendants(self._child.pid)
            send([self._child.pid, *below], signal.SIGKILL)

    def is_gone(self) -> bool:
        try:
            return os.read(self._alive, 1) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._alive)
        self._protection.close()


def _system_folder(folder: str) -> list[str]:
    path = Path(folder)
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), folder]
    return ["--ro-bind", folder, folder] if path.is_dir() else []


def _masks(folder: Path) -> list[str]:
    """Options that hide what not everybody may read below a system folder: as root, or in a group, we could."""
    options: list[str] = []
    for parent, folders, files in os.walk(folder):
        for name in list(folders):
            path = Path(parent, name)
            if _is_private(path, stat.S_IROTH | stat.S_IXOTH):
                folders.remove(name)
                options += ["--tmpfs", str(path), "--remount-ro", str(path)]
        for name in files:
            if _is_private(Path(parent, name), stat.S_IROTH):
                options += ["--ro-bind", "/dev/null", str(Path(parent, name))]
    return options


def _is_private(path: Path, public: int) -> bool:
    """True for what we may read, others may not, and which holds something."""
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode) or info.st_mode & public == public or not os.access(path, os.R_OK):
        return False
    return info.st_size > 0 if stat.S_ISREG(info.st_mode) else stat.S_ISDIR(info.st_mode) and any(path.iterdir())


def _name_resolution() -> list[str]:
    """/etc/resolv.conf often points into /run, which is not there."""
    target = os.path.realpath("/etc/resolv.conf")
    return ["--ro-bind-try", target, target] if not target.startswith("/etc/") else []


def _fixed_environment() -> dict[str, str]:
    return {"HOME": HOME, "TMPDIR": "/tmp", "USER": "cherry", "LOGNAME": "cherry", "SHELL": shell()}  # noqa: S108


def _memory_file(name: str, content: bytes) -> int:
    handle = os.memfd_create(f"cherry-{name}")
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _readable_copy(handle: int) -> int:
    """The same file with a reading position of its own: commands may start at the same time."""
    return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)

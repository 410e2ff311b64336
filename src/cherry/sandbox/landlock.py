"""The second rung: landlock and a system-call filter, where namespaces cannot be made (inside most containers).

Holds: no reading or writing outside the workspace, the private temporary folder and the system's public files; no network; no
capabilities; no debugging of, and with Linux 6.12 no signals to, other processes; limits. Does not hold what only namespaces can
(`gaps`): other processes are seen, protected paths inside the workspace can be written, permissions and times of files outside can be
changed by their owner, and /tmp is not there under its name.
"""

import ctypes
import itertools
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.bare import MarkedTree
from cherry.sandbox.launching import check_folders, launch, memory_file, shell, watched_prefix
from cherry.sandbox.port import Bounds, Command, Process
from cherry.sandbox.processes import MARK, new_mark
from cherry.sandbox.running import Running
from cherry.sandbox.seccomp import filter_program
from cherry.sandbox.toolchains import SYSTEM_FOLDERS
from cherry.sandbox.view import Identity, View, identity_for
from cherry.security.egress import anywhere, grants_text

_LAUNCHER = Path(__file__).with_name("landlock_launcher.py")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_CREATE_RULESET, _ASK_VERSION = 444, 1
NO_SIGNALS_SINCE = 6


class LandlockSandbox:
    """One per process is enough."""

    name = "landlock"
    confines = True

    def __init__(
        self, environ: Mapping[str, str], *, temporary: Path | None = None, readable: Sequence[Path] = ()
    ) -> None:
        """As for `BubblewrapSandbox`; `temporary` is known to commands as TMPDIR."""
        self._environ = environ
        self._temporary = temporary
        self._readable = tuple(readable)
        self._serial = itertools.count(1)
        self._views: dict[Identity, View] = {}

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not confined, one sentence each."""
        missing = [
            "protected paths inside the workspace (`.git/hooks`, `.cherry`) can be written by commands",
            "commands see other processes, and can change permissions and times of your files elsewhere",
            "the number of processes is not limited",
            "where the network is granted, it is all of the network, private addresses included",
        ]
        if landlock_version() < NO_SIGNALS_SINCE:
            missing.append("commands can end your other processes: that needs Linux 6.12")
        return tuple(missing)

    async def start(self, command: Command) -> Process:
        """Raises CherryError(sandbox.NO_PARTIAL_NETWORK) when hosts are granted: here the network is open or closed."""
        if command.network and not anywhere(command.network):
            raise CherryError(sandbox.NO_PARTIAL_NETWORK, f"{grants_text(command.network)} cannot be granted alone")
        workspace, folder = check_folders(command)
        view = self._view(identity_for(workspace))
        mark = new_mark(next(self._serial))
        watched, leash = os.pipe()
        spec = memory_file("spec", "\0".join(_spec(command, view, workspace)).encode("utf-8", "surrogateescape"))
        arguments = [
            *watched_prefix(watched, everything=False),
            _python(),
            "-I",
            "-S",
            str(_LAUNCHER),
            str(spec),
            str(os.getpid()),
        ]
        try:
            started = launch(
                [*arguments, "--", shell(), "-c", command.script],
                environ={**_environment(command, view), MARK: mark, "PWD": str(folder)},
                with_input=command.input,
                folder=folder,
                passed=[watched, spec],
                identity=view.identity if view.identity.dropped else None,
            )
        except BaseException:
            os.close(leash)
            raise
        finally:
            os.close(watched)
            os.close(spec)
        tree = MarkedTree(started.child.pid, mark, leash, keeps=self)
        return Running(started.child, started.pipes.output, tree, stdin=started.pipes.stdin)

    def _view(self, identity: Identity) -> View:
        if identity not in self._views:
            if identity.dropped and not (identity.reaches(Path(_python())) and identity.reaches(_LAUNCHER)):
                why = f"the owner of the workspace (user {identity.uid}) cannot run this Python"
                raise CherryError(sandbox.UNAVAILABLE, why=why)
            self._views[identity] = View(identity, self._environ, temporary=self._temporary, readable=self._readable)
        return self._views[identity]


@cache
def landlock_version() -> int:
    """0 where the kernel has none."""
    if sys.platform != "linux" or filter_program() is None:
        return 0
    version = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    return max(0, int(version))


def _spec(command: Command, view: View, workspace: Path) -> list[str]:
    program = filter_program(namespaces=False, sockets=bool(command.network))
    assert program, "without a filter for this processor landlock_version() is 0"
    wanted = [f"limit {name} {value}" for name, value in _limits(command.bounds).items()]
    wanted += [f"read {path}" for path in (*_PUBLIC.paths, *map(str, view.tools.folders))]
    wanted += [f"device {path}" for path in _DEVICES if Path(path).exists()]
    wanted += [f"write {path}" for path in (workspace, view.temporary)]
    wanted += ["network yes"] if command.network else []
    return [*wanted, f"filter {program.hex()}"]


def _limits(bounds: Bounds) -> dict[str, int]:
    return {
        "RLIMIT_CPU": bounds.cpu_seconds,
        "RLIMIT_DATA": bounds.memory_bytes,
        "RLIMIT_FSIZE": bounds.file_bytes,
        "RLIMIT_NOFILE": bounds.open_files,
        "RLIMIT_CORE": 0,
    }


def _environment(command: Command, view: View) -> dict[str, str]:
    temporary = str(view.temporary)
    fixed = {"HOME": f"{temporary}/home", "TMPDIR": temporary, "USER": "cherry", "LOGNAME": "cherry", "SHELL": shell()}
    return {**view.tools.variables, **fixed, "PATH": view.tools.path, **command.environment}


def _python() -> str:
    return os.path.realpath(sys.executable)


class _Public:
    """System folders, and of /etc and /run what everybody may read: as root we could read more."""

    @cached_property
    def paths(self) -> tuple[str, ...]:
        found = [folder for folder in SYSTEM_FOLDERS if Path(folder).is_dir()]
        found += ["/proc"]
        found += list(_public_below(Path("/etc"), depth=3))
        resolver = os.path.realpath("/etc/resolv.conf")
        return tuple(dict.fromkeys([*found, *([resolver] if Path(resolver).is_file() else [])]))


_PUBLIC = _Public()


def _public_below(folder: Path, *, depth: int) -> list[str]:
    """The largest parts of a folder in which everything may be read by everybody."""
    found: list[str] = []
    whole = True
    for path in sorted(folder.iterdir()):
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            continue
        if stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_IROTH and depth:
            below = _public_below(path, depth=depth - 1)
            whole = whole and below == [str(path)]
            found += below
        elif stat.S_ISREG(info.st_mode) and info.st_mode & stat.S_IROTH:
            found.append(str(path))
        else:
            whole = False
    return [str(folder)] if whole else found

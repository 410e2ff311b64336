"""What all sandboxes share in starting a command: the shell, its limits, its pipes."""

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cherry.domain.errors import CherryError, sandbox
from cherry.sandbox.port import Bounds, Command
from cherry.sandbox.view import Identity

_WATCHED = '''w=/dev/fd/$1; victims=$2; shift 2
[ "$victims" ] || victims=-$$
if [ -r "$w" ]; then ( (read -r _ <"$w"; kill -s KILL -- "$victims") >/dev/null 2>&1 </dev/null & ); fi
exec "$@"'''
"""Started beside the command, but not as its child, which it may not expect."""

_SETTLED = (
    "for ((c=0; c<1000; c++)); do read -rd '' s </proc/1/status; [[ $s == *Seccomp:?2* ]] && break; "
    "read -rt 0.001 -u {pipe} s; (( $? > 128 )) || exit 125; done; unset c s; "
)
"""The first process of the namespace binds its life to bubblewrap's at last, and only then takes the filter upon itself."""
_GUARD = "read -t 0 -u {pipe} && exit 125; exec {pipe}<&-; ulimit -c 0 {limits} || exit 125; "
"""Stands on the first line of the script, so that line numbers in messages are those of the script."""

FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"


class Pipes(NamedTuple):
    output: int
    """Our end of standard output and error."""
    stdin: int | None
    """Our end of standard input; None when it is empty."""


class Started(NamedTuple):
    child: subprocess.Popen[bytes]
    pipes: Pipes


def shell() -> str:
    return "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh"


def within_our_own(bounds: Bounds) -> Bounds:
    """The bounds, but none above what Cherry itself may have: nobody may raise that, and a shell that tries ends."""
    return Bounds(
        cpu_seconds=_most(resource.RLIMIT_CPU, bounds.cpu_seconds),
        memory_bytes=_most(resource.RLIMIT_DATA, bounds.memory_bytes),
        processes=_most(resource.RLIMIT_NPROC, bounds.processes),
        file_bytes=_most(resource.RLIMIT_FSIZE, bounds.file_bytes),
        open_files=_most(resource.RLIMIT_NOFILE, bounds.open_files),
    )


def _most(kind: int, wanted: int) -> int:
    _, hard = resource.getrlimit(kind)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def limits_prefix(bounds: Bounds, *, processes: bool) -> list[str]:
    """A program and its options that set the limits and then become the command; empty when this machine has none.

    Memory is limited as private writable memory, not as address space: runtimes such as V8 and Go reserve far more addresses
    than they use. `processes` must be False where the kernel would count processes outside the sandbox too.
    """
    if (prlimit := shutil.which("prlimit", path=FALLBACK_PATH)) is None:
        return []
    bounds = within_our_own(bounds)
    options = [
        f"--cpu={bounds.cpu_seconds}",
        f"--data={bounds.memory_bytes}",
        f"--fsize={bounds.file_bytes}",
        f"--nofile={bounds.open_files}",
        "--core=0",
    ]
    if processes:
        options.append(f"--nproc={bounds.processes}")
    return [prlimit, *options]


def watched_prefix(handle: int, *, everything: bool) -> list[str]:
    """A program that leaves a watcher behind and then becomes the command that follows it.

    When the other end of the pipe `handle` is closed, the watcher kills every process it may (`everything`, inside a process
    namespace) or its own process group. The kernel closes the pipe even if Cherry is killed, at whatever moment.
    """
    return ["/bin/sh", "-c", _WATCHED, "cherry", str(handle), "-1" if everything else ""]


def guarded_shell(command: Command, handle: int, *, filtered: bool) -> list[str]:
    """The shell that runs the script, after it has set the limits; it ends at once if Cherry is no more.

    `filtered`: there is a system-call filter, by which the guard sees that from now on a kill reaches every process of the sandbox.

    bubblewrap binds its processes to Cherry's life only some milliseconds after it was started: a kill just before would leave
    the command behind. The pipe `handle` is empty while Cherry lives and at its end afterwards; only bash can look at a pipe without
    waiting for it, elsewhere a watcher waits.
    """
    bounds = within_our_own(command.bounds)
    if not shell().endswith("/bash"):
        prefix = [*watched_prefix(handle, everything=True), *limits_prefix(bounds, processes=True)]
        return [*prefix, shell(), "-c", command.script]
    sizes = f"-d {bounds.memory_bytes >> 10} -f {bounds.file_bytes >> 10}"
    limits = f"{sizes} -t {bounds.cpu_seconds} -n {bounds.open_files} -u {bounds.processes}"
    guard = (_SETTLED if filtered else "") + _GUARD
    return [shell(), "-c", guard.replace("{pipe}", str(handle)).replace("{limits}", limits) + command.script]


def check_folders(command: Command) -> tuple[Path, Path]:
    """The real workspace and the real folder to start in. Raises CherryError(sandbox.START_FAILED)."""
    workspace = Path(os.path.realpath(command.workspace))
    folder = Path(os.path.realpath(command.folder))
    if not workspace.is_dir():
        raise CherryError(sandbox.START_FAILED, where=str(command.workspace), why="the workspace is not a folder")
    if workspace == Path("/"):
        raise CherryError(sandbox.START_FAILED, where="/", why="the root of the file system cannot be a workspace")
    if folder != workspace and not folder.is_relative_to(workspace):
        raise CherryError(sandbox.START_FAILED, where=str(command.folder), why="it lies outside the workspace")
    if not folder.is_dir():
        raise CherryError(sandbox.START_FAILED, where=str(command.folder), why="there is no such folder")
    return workspace, folder


def as_user(identity: Identity) -> dict[str, Any]:
    """Arguments for `subprocess` to start a program as somebody else."""
    return {"user": identity.uid, "group": identity.gid, "extra_groups": []}


def launch(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    with_input: bool,
    folder: Path | None = None,
    passed: Sequence[int] = (),
    identity: Identity | None = None,
) -> Started:
    """Start a program in a session of its own with one pipe for both outputs. Raises CherryError(sandbox.START_FAILED).

    Must be called from the thread that lives as long as the command: the parent-death signal is bound to it.
    """
    ours, theirs = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    feed, stdin = os.pipe()[::-1] if with_input else (None, subprocess.DEVNULL)
    try:
        child = subprocess.Popen(
            list(arguments),
            stdin=stdin,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=dict(environ),
            pass_fds=tuple(passed),
            start_new_session=True,
            **(as_user(identity) if identity else {}),
        )
    except (OSError, ValueError) as error:
        os.close(ours)
        if feed is not None:
            os.close(feed)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CherryError(sandbox.START_FAILED, where=str(arguments[0]), why=reason) from None
    finally:
        os.close(theirs)
        if feed is not None and stdin != subprocess.DEVNULL:
            os.close(stdin)
    return Started(child, Pipes(ours, feed))


def memory_file(name: str, content: bytes) -> int:
    """A file without a name, read from its beginning; the descriptor is the caller's to close."""
    handle = os.memfd_create(f"cherry-{name}")
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle

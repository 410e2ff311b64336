"""Runs commands without a fence: for machines that have none, when the policy allows it.

What still holds: a clean environment, limits, one pipe, and the whole tree ends with the command, also when Cherry is killed. What
left the command's process group is found by a mark in its environment; see `processes.end_leftovers` for what a killed Cherry left.
"""

import contextlib
import itertools
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from cherry.sandbox.launching import check_folders, launch, limits_prefix, shell, watched_prefix
from cherry.sandbox.port import Command, Process
from cherry.sandbox.processes import MARK, descendants, is_alive, marked, new_mark
from cherry.sandbox.running import Running, send
from cherry.sandbox.toolchains import KEPT_VARIABLES


class BareSandbox:
    """No confinement at all."""

    name = "none"
    confines = False
    gaps = ("commands run with your own rights: nothing is confined",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._serial = itertools.count(1)

    async def start(self, command: Command) -> Process:
        _, folder = check_folders(command)
        mark = new_mark(next(self._serial))
        theirs, ours = os.pipe()
        script = [*limits_prefix(command.bounds, processes=False), shell(), "-c", command.script]
        try:
            started = launch(
                [*watched_prefix(theirs, everything=False), *script],
                environ=self._clean(command) | {MARK: mark},
                with_input=command.input,
                folder=folder,
                passed=[theirs],
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        tree = MarkedTree(started.child.pid, mark, ours)
        return Running(started.child, started.pipes.output, tree, stdin=started.pipes.stdin)

    def _clean(self, command: Command) -> dict[str, str]:
        kept = {name: value for name, value in self._environ.items() if name in KEPT_VARIABLES}
        for name in ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR"):
            if name in self._environ:
                kept[name] = self._environ[name]
        return {**kept, "PWD": str(Path(os.path.realpath(command.folder))), **command.environment}


class MarkedTree:
    """The process group, its descendants, and whatever carries the mark."""

    def __init__(self, leader: int, mark: str, watched: int, *, keeps: object = None) -> None:
        """`watched` is our end of the watcher's pipe; `keeps` is what must not be given back while the command runs."""
        self._keeps = keeps
        self._leader = leader
        self._mark = mark
        self._watched = watched

    def ask(self) -> bool:
        self._signal_group(signal.SIGTERM)
        return True

    def end(self) -> None:
        below = descendants(self._leader)
        self._signal_group(signal.SIGKILL)
        send([*below, *self._marked()], signal.SIGKILL)

    def is_gone(self) -> bool:
        return not is_alive(self._leader) and not self._marked()

    def close(self) -> None:
        os.close(self._watched)

    def _marked(self) -> list[int]:
        return marked(self._mark, younger_than=self._leader)

    def _signal_group(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, sign)

"""Limits on all processes of a command together, by control groups, where Cherry may make them (as root).

The kernel ignores the limit on the number of processes for root, and the limit on memory counts each process for itself. Without
control groups these two gaps remain for root; `ControlGroups.available` tells.
"""

import contextlib
import itertools
import os
import weakref
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cherry.sandbox.port import Bounds
from cherry.sandbox.processes import descendants

_MOUNT = Path("/sys/fs/cgroup")
_MEMBERS = "cgroup.procs"
_ROUNDS = 20
JOIN_AFTER_SECONDS = 0.02
"""Joining waits for the kernel for some milliseconds; short commands are spared it, and are over before they can do much."""
_MEMORY_FILE = {2: "memory.max", 1: "memory.limit_in_bytes"}


class ControlGroup(NamedTuple):
    """The group of one command: one folder, or one per controller in the first version."""

    folders: tuple[Path, ...]

    def enclose(self, leader: int) -> None:
        """Move a process and all below it into the group, also those that are made meanwhile: once full, no more can be."""
        joined: set[int] = set()
        for _ in range(_ROUNDS):
            new = {leader, *descendants(leader)} - joined
            if not new:
                return
            for pid in new:
                self._join(pid)
            joined |= new

    def _join(self, pid: int) -> None:
        for folder in self.folders:
            with contextlib.suppress(OSError):  # it has ended
                (folder / _MEMBERS).write_text(str(pid))

    def close(self) -> bool:
        """Remove the group; False when the kernel has not yet cleared away what ran in it."""
        for folder in self.folders:
            with contextlib.suppress(FileNotFoundError):
                try:
                    folder.rmdir()
                except OSError:
                    return False
        return True


class ControlGroups:
    """Makes groups. One per process."""

    def __init__(self, mount: Path = _MOUNT) -> None:
        self._mount = mount
        self._serial = itertools.count(1)
        self._to_remove: list[ControlGroup] = []
        weakref.finalize(self, _remove, self._to_remove)

    @cached_property
    def available(self) -> bool:
        """True when groups can be made here. Tried once."""
        if not self._parents:
            return False
        _remove_forgotten(self._parents)
        group = self._make(Bounds())
        return group is not None and group.close()

    def make(self, bounds: Bounds) -> ControlGroup | None:
        """None where groups are not available."""
        if not self.available:
            return None
        self._to_remove[:] = [group for group in self._to_remove if not group.close()]
        return self._make(bounds)

    def give_back(self, group: ControlGroup) -> None:
        """Remove it, now or as soon as it is empty."""
        if not group.close():
            self._to_remove.append(group)

    def _make(self, bounds: Bounds) -> ControlGroup | None:
        name = f"cherry-{os.getpid()}-{next(self._serial)}"
        group = ControlGroup(tuple(dict.fromkeys(parent / name for parent in self._parents)))
        try:
            for folder in group.folders:
                folder.mkdir()
            for file, value in self._limits(bounds):
                target = next(folder / file for folder in group.folders if (folder / file).exists())
                target.write_text(str(value))
        except (OSError, StopIteration):
            group.close()
            return None
        return group

    def _limits(self, bounds: Bounds) -> list[tuple[str, int]]:
        return [("pids.max", bounds.processes), (_MEMORY_FILE[self._version], bounds.memory_bytes)]

    @cached_property
    def _version(self) -> int:
        return 2 if (self._mount / "cgroup.controllers").exists() else 1

    @cached_property
    def _parents(self) -> tuple[Path, ...]:
        """Where groups are made: below our own in the first version; the second forbids that, so below the root."""
        if os.geteuid() != 0:
            return ()
        if self._version == 2:
            return (self._mount,)
        own = _own_groups()
        parents = tuple(self._mount / controller / own.get(controller, "") for controller in ("pids", "memory"))
        return parents if all(parent.is_dir() for parent in parents) else ()


def _remove(groups: list[ControlGroup]) -> None:
    for group in groups:
        group.close()


def _remove_forgotten(parents: tuple[Path, ...]) -> None:
    """Groups of a Cherry that was killed."""
    for parent in parents:
        for folder in parent.glob("cherry-*-*"):
            owner = folder.name.split("-")[1]
            if not Path("/proc", owner).exists():
                ControlGroup((folder,)).close()


def _own_groups() -> dict[str, str]:
    """Path of our group by controller, without the leading slash."""
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path.lstrip("/")
    return found

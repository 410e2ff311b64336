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

_MOUNT = Path("/sys/fs/cgroup")
_MEMBERS = "cgroup.procs"
_JOIN = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"'
_MEMORY_FILE = {2: "memory.max", 1: "memory.limit_in_bytes"}


class ControlGroup(NamedTuple):
    """The group of one command: one folder, or one per controller in the first version."""

    folders: tuple[Path, ...]

    def prefix(self) -> list[str]:
        """A program that joins the group and then becomes the command that follows it."""
        return ["/bin/sh", "-c", _JOIN, "cherry", *(str(folder / _MEMBERS) for folder in self.folders), "--"]

    def hand_to(self, owner: int) -> None:
        for folder in self.folders:
            os.chown(folder / _MEMBERS, owner, -1)

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

    def make(self, bounds: Bounds, *, owner: int) -> ControlGroup | None:
        """A group that processes of user `owner` may join. None where groups are not available."""
        if not self.available:
            return None
        self._to_remove[:] = [group for group in self._to_remove if not group.close()]
        group = self._make(bounds)
        if group is not None and owner != os.geteuid():
            group.hand_to(owner)
        return group

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

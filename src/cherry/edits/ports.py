"""What change sets need from other rooms, as shapes: the path jail and a store of contents."""

from pathlib import Path
from typing import NamedTuple, Protocol


class ResolvedPath(Protocol):
    """A path inside the workspace."""

    @property
    def absolute(self) -> Path: ...
    @property
    def relative(self) -> str:
        """From the workspace's root, every symbolic link followed; `.` for the root itself."""
        ...


class PathJail(Protocol):
    """The one resolver of paths (`cherry.security.jail.Jail`)."""

    @property
    def root(self) -> Path: ...

    def resolve(self, path: str, *, for_write: bool = False) -> ResolvedPath:
        """Raises CherryError(tools.OUTSIDE_WORKSPACE, PROTECTED_PATH, NOT_A_FILE)."""
        ...


class ContentStore(Protocol):
    """Contents by their hash, for the way back (`cherry.storage.ports.Blobs` fits)."""

    async def put(self, data: bytes) -> str:
        """Returns `cherry.kernel.ids.content_hash(data)`; durable when it returns."""
        ...

    async def get(self, name: str) -> bytes:
        """Raises CherryError(storage.UNKNOWN_BLOB)."""
        ...


class Placement(NamedTuple):
    """Where a path of an edit leads."""

    relative: str
    note: str = ""
    """What a person should know about it; empty when there is nothing."""

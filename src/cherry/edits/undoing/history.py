"""The net effect of several change sets as a diff, from the stored contents alone: what is on disk is not looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import FileChange
from cherry.domain.views import DiffView, FileDiff
from cherry.edits.planning.difference import Kind, file_diff, text_change
from cherry.edits.planning.large import from_json
from cherry.edits.ports import ContentStore


@dataclass(slots=True)
class _Net:
    """What became of one file."""

    first_path: str
    first: str
    first_mode: int | None
    path: str
    last: str
    last_mode: int | None
    large: tuple[FileChange, ...] = ()

    @property
    def kind(self) -> Kind:
        if not self.first:
            return "created"
        if not self.last:
            return "deleted"
        if self.path != self.first_path:
            return "renamed"
        return "modified" if self.first != self.last else "mode"

    @property
    def nothing(self) -> bool:
        if not self.first and not self.last:
            return True
        return (self.first_path, self.first, self.first_mode) == (self.path, self.last, self.last_mode)


async def net_diff(store: ContentStore, changes: Sequence[Sequence[FileChange]]) -> DiffView:
    """From the stored before of the first to the stored after of the last change. A content no longer kept is left out."""
    return DiffView(files=tuple([await _diff(store, net) for net in _net(changes) if not net.nothing]))


def _net(changes: Sequence[Sequence[FileChange]]) -> list[_Net]:
    now: dict[str, _Net] = {}
    for change in (change for files in changes for change in files):
        source = change.renamed_from or change.path
        net = now.pop(source, None)
        if net is None:
            net = _Net(source, change.before, change.mode_before, source, "", None)
        net.path, net.last, net.last_mode = change.path, change.after, change.mode_after
        if change.large:
            net.large = (*net.large, change)
        now[change.path] = net
    return sorted(now.values(), key=lambda net: net.path)


async def _diff(store: ContentStore, net: _Net) -> FileDiff:
    old_path = net.first_path if net.kind == "renamed" else ""
    if net.kind == "mode":
        header = f"old mode {net.first_mode or 0:o}\nnew mode {net.last_mode or 0:o}\n"
        return file_diff(net.path, "mode", None, header=header)
    if net.first == net.last:
        return file_diff(net.path, net.kind, None, old_path=old_path)
    if net.large:
        body = "".join([await _large_hunks(store, change) for change in net.large])
        return FileDiff(path=net.path, change=net.kind, unified=body, old_path=old_path)
    before, after = await _content(store, net.first), await _content(store, net.last)
    change = None if before is None or after is None else text_change(before, after)
    return file_diff(net.path, net.kind, change, old_path=old_path)


async def _large_hunks(store: ContentStore, change: FileChange) -> str:
    record = await _content(store, change.large)
    if record is None:
        return ""
    hunks = []
    for step in from_json(record, change.before).steps:
        lines = [f"-{line}" for line in step.old.decode("utf-8", "replace").split("\n")]
        lines += [f"+{line}" for line in step.new.decode("utf-8", "replace").split("\n")]
        hunks.append(f"@@ {len(step.places)} × @@\n" + "\n".join(lines) + "\n")
    return "".join(hunks)


async def _content(store: ContentStore, name: str) -> bytes | None:
    if not name:
        return b""
    try:
        return await store.get(name)
    except CherryError as error:
        if error.kind is not storage.UNKNOWN_BLOB:
            raise
        return None

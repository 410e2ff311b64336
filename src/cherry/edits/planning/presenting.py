"""A planned change set as people and models are shown it."""

from collections.abc import Iterable, Mapping

from cherry.domain.views import DiffView, FileDiff
from cherry.edits.files.contents import Held
from cherry.edits.planning.difference import Kind, TextChange, file_diff, shown_lines, text_change
from cherry.edits.planning.plan import Plan, PlannedFile, expectations
from cherry.kernel.text import plural

_MOST_SHOWN_FILES = 20


def present(files: tuple[PlannedFile, ...], notes: tuple[str, ...], large_hunks: Mapping[str, str]) -> Plan:
    diffs, shown = [], []
    for file in files:
        diff, lines = _file(file, large_hunks.get(file.path, ""))
        diffs.append(diff)
        shown.append(lines)
    return Plan(files, DiffView(files=tuple(diffs)), expectations(files), notes, _joined(shown))


def view_of(files: Iterable[PlannedFile]) -> DiffView:
    return DiffView(files=tuple(_file(file, "")[0] for file in files))


def _file(file: PlannedFile, large_hunks: str) -> tuple[FileDiff, str]:
    if file.before is None:
        return _created(file)
    if file.after is None:
        return file_diff(file.path, "deleted", _text(file)), f"{file.path}: deleted"
    if not file.content_changes and not file.renamed_from:
        return _mode(file)
    header, words = _mode_change(file)
    title = f"{file.renamed_from} → {file.path}" if file.renamed_from else file.path
    title += f" ({words})" if words else ""
    kind: Kind = "renamed" if file.renamed_from else "modified"
    if large_hunks:
        lines = large_hunks.splitlines()
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        diff = FileDiff(
            path=file.path,
            change=kind,
            unified=header + large_hunks,
            added=added,
            removed=removed,
            old_path=file.renamed_from,
        )
        return diff, f"{title}:\n{large_hunks.rstrip()}"
    change = _text(file) if file.content_changes else None
    diff = file_diff(file.path, kind, change, old_path=file.renamed_from, header=header)
    return diff, f"{title}:\n{shown_lines(change)}" if change else title


def _created(file: PlannedFile) -> tuple[FileDiff, str]:
    change = _text(file)
    size = plural(change.added, "line") if change else "not text"
    header, words = ("new file mode 100755\n", ", can be run") if file.executable else ("", "")
    return file_diff(file.path, "created", change, header=header), f"{file.path}: created, {size}{words}"


def _mode(file: PlannedFile) -> tuple[FileDiff, str]:
    header, words = _mode_change(file)
    return file_diff(file.path, "mode", None, header=header), f"{file.path}: {words}"


def _mode_change(file: PlannedFile) -> tuple[str, str]:
    """As the head of a diff and in words; empty when the mode stays."""
    if file.before is None or file.mode is None or not file.mode_changes:
        return "", ""
    words = "can be run now" if file.mode & 0o111 else "can no longer be run"
    return f"old mode {file.before.recorded_mode:o}\nnew mode {file.mode:o}\n", words


def _text(file: PlannedFile) -> TextChange | None:
    before = b"" if file.before is None else file.before.data
    after: bytes | None = b""
    if file.after is not None:
        after = file.after.data if isinstance(file.after, Held) else None
    return None if before is None or after is None else text_change(before, after)


def _joined(shown: list[str]) -> str:
    left_out = len(shown) - _MOST_SHOWN_FILES
    tail = [f"… and {plural(left_out, 'more file')}"] if left_out > 0 else []
    return "\n".join([*shown[:_MOST_SHOWN_FILES], *tail])

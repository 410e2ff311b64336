"""Leaving a workspace whole after a commit that did not end: taken back, or finished when all of it was in place and checked.

The workspace lock is held by the caller. What somebody else changed meanwhile is never touched, and everything done is told in
sentences.
"""

from contextlib import suppress

from cherry.edits.files.folders import Folders, split
from cherry.edits.filesystem import Filesystem
from cherry.edits.writing.journal import DamagedJournalError, Journal, Record
from cherry.edits.writing.steps import Steps
from cherry.kernel.text import plural

_LISTED = 5


def take_back_all(
    filesystem: Filesystem, folders: Folders, steps: Steps, journal: Journal, record: Record, *, placing: bool
) -> list[str] | None:
    """Undo every step, last first. Returns the paths somebody else changed since, which were left alone.

    `placing`: names may have changed; before that there are only new contents beside the files.
    None when the disk did not let it happen: the journal stays, so that it is tried again.
    """
    changed = []
    try:
        for step in reversed(record.steps):
            if placing and steps.take_back(step) == "changed since":
                changed.append(step.to or step.path)
            steps.drop_leftovers(step)
        for folder in reversed(record.makes):
            _remove_if_empty(filesystem, folders, folder)
        for folder in sorted({split(step.path)[0] for step in record.steps}):
            _sync(filesystem, folders, folder)
        journal.end()
    except OSError:
        return None
    return changed


def clean_up(filesystem: Filesystem, folders: Folders, steps: Steps, journal: Journal, record: Record) -> bool:
    """Remove leftovers of a change set that is in place. False when some could not be removed; the journal then stays."""
    failed = False
    for step in record.steps:
        try:
            steps.drop_leftovers(step)
        except OSError:  # tried again at the next start; the others need not wait
            failed = True
    for folder in record.empties:
        _remove_if_empty(filesystem, folders, folder)
    if failed:
        return False
    with suppress(OSError):  # finished once more at the next start, which does no harm
        journal.end()
    return True


def recover(filesystem: Filesystem, folders: Folders, journal: Journal, *, limit: int) -> list[str]:
    """Deal with what an earlier commit left. Returns sentences, none when there was nothing.

    Raises OSError when the disk does not let it happen; nothing else may then be written.
    """
    try:
        pending = journal.pending()
    except DamagedJournalError as error:
        return [
            f"The journal of an interrupted change could not be read ({error}); it was moved aside and no file was touched."
        ]
    if pending is None:
        return []
    phase, record = pending
    steps = Steps(filesystem, folders, limit)
    names = _named(record)
    if phase == "done":
        if not clean_up(filesystem, folders, steps, journal, record):
            journal.end()
            return [
                f"An interrupted change of {names} is complete, but temporary files (.cherry-*) could not be removed."
            ]
        return [f"An interrupted change of {names} was already complete and has been finished."]
    changed = take_back_all(filesystem, folders, steps, journal, record, placing=phase == "placing")
    if changed is None:
        raise OSError(f"an interrupted change of {names} could not be taken back")
    said = [f"An interrupted change of {names} was taken back: nothing of it is left."]
    said += [f"{path} was changed by somebody else since and was left as it is." for path in changed]
    return said


def _remove_if_empty(filesystem: Filesystem, folders: Folders, folder: str) -> None:
    above, name = split(folder)
    folders.forget(folder)
    try:
        filesystem.remove_folder(folders.handle(above), name)
    except OSError:  # not empty, gone, or in use: a folder too many is no harm
        return


def _sync(filesystem: Filesystem, folders: Folders, folder: str) -> None:
    try:
        handle = folders.handle(folder)
    except FileNotFoundError:
        return
    filesystem.sync(handle)


def _named(record: Record) -> str:
    paths = list(dict.fromkeys(step.to or step.path for step in record.steps))
    if len(paths) <= _LISTED:
        return ", ".join(paths)
    return f"{', '.join(paths[:_LISTED])} and {plural(len(paths) - _LISTED, 'more file')}"

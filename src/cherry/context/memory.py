"""What is remembered of a project from session to session: short notes, one file each, in `.cherry/memory/`.

Added at a person's word only. They are the project's own notes for agents: used when the workspace is trusted, shared by committing
them, edited or deleted with any editor.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, config
from cherry.kernel.ids import content_hash
from cherry.kernel.text import cut_middle, plural
from cherry.security.beneath import folder_beneath, open_beneath

FOLDER = ".cherry/memory"
MAX_NOTE = 1_000
"""Characters."""
MAX_NOTES = 200
MAX_CHARS = 6_000
"""Of all notes together in a prompt."""
_MAX_BYTES = 20_000
_SLUG = re.compile(r"[^a-z0-9]+")


class Note(NamedTuple):
    path: str
    """Relative to the workspace."""
    text: str


def read_notes(workspace: Path) -> tuple[Note, ...]:
    """In the order of their names, which begin with the day they were made; what cannot be read is passed over."""
    return tuple(_notes(workspace))


def add_note(workspace: Path, text: str, *, now: float) -> str:
    """Write a note; its path. What is remembered already is not written again. `now`: seconds since 1970.

    Raises CherryError(config.BAD_VALUE) for a note that is empty or too long, config.BAD_FILE when it cannot be written.
    """
    text = text.strip()
    if not text or len(text) > MAX_NOTE:
        why = f"it has {len(text):,} characters, at most {MAX_NOTE:,} are kept" if text else "it is empty"
        raise CherryError(config.BAD_VALUE, "This cannot be remembered", why=why)
    notes = read_notes(workspace)
    if known := next((note for note in notes if note.text == text), None):
        return known.path
    if len(notes) >= MAX_NOTES:
        raise CherryError(config.BAD_VALUE, f"There are {plural(len(notes), 'note')} already", where=FOLDER)
    name = f"{time.strftime('%Y-%m-%d', time.gmtime(now))}-{_slug(text)}.md"
    try:
        _write(workspace, name, text)
    except OSError as error:
        raise CherryError(
            config.BAD_FILE, "The note cannot be written", where=f"{FOLDER}/{name}", why=error.strerror or str(error)
        ) from error
    return f"{FOLDER}/{name}"


def remove_note(workspace: Path, number: int) -> Note:
    """The note of this number, from 1. Raises CherryError(config.BAD_VALUE, BAD_FILE)."""
    notes = read_notes(workspace)
    if not 1 <= number <= len(notes):
        raise CherryError(config.BAD_VALUE, f"There is no note {number}", why=f"there are {plural(len(notes), 'note')}")
    note = notes[number - 1]
    folder, _, name = note.path.rpartition("/")
    try:
        with folder_beneath(workspace, folder) as handle:
            os.unlink(name, dir_fd=handle)
    except OSError as error:
        raise CherryError(config.BAD_FILE, "The note cannot be removed", where=note.path, why=str(error)) from error
    return note


def project_memory(workspace: Path) -> str:
    """The notes as a prompt has them; empty when there are none."""
    notes = read_notes(workspace)
    if not notes:
        return ""
    listed = "\n".join(f"- {' '.join(note.text.split())}" for note in notes)
    return f"What the user wants remembered about this project:\n{cut_middle(listed, MAX_CHARS).text}"


def _notes(workspace: Path) -> Iterator[Note]:
    try:
        with folder_beneath(workspace, FOLDER) as folder:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".md"))
    except OSError:
        return
    for name in names[:MAX_NOTES]:
        with suppress(OSError), os.fdopen(open_beneath(workspace, f"{FOLDER}/{name}", os.O_RDONLY), "rb") as file:
            if text := file.read(_MAX_BYTES).decode("utf-8", "replace").strip():
                yield Note(f"{FOLDER}/{name}", text)


def _slug(text: str) -> str:
    words = _SLUG.sub("-", text.lower()).strip("-")[:40].rstrip("-")
    return f"{words or 'note'}-{content_hash(text.encode('utf-8', 'surrogatepass'))[3:9]}"


def _write(workspace: Path, name: str, text: str) -> None:
    """Whole or not at all; no link on the way is followed. Raises OSError."""
    above = ""
    for part in FOLDER.split("/"):
        with folder_beneath(workspace, above or ".") as folder, suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=folder)
        above = f"{above}/{part}".lstrip("/")
    with folder_beneath(workspace, FOLDER) as folder:
        made = f".{name}.{os.getpid()}"
        handle = os.open(
            made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder
        )
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            os.rename(made, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(made, dir_fd=folder)
            raise

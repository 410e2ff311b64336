"""The use cases of `cherry data`. Blocking, for a command or a thread of its own; an interruption leaves everything as it was.

Boundary: which files are Cherry's data is known here, how they are kept is the storage room's business. Keys and `.env` are never part
of a backup; a settings file that holds a key goes into it without the key, or not at all.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cherry import __version__
from cherry.app.data.outcomes import Checked, Restored, Saved
from cherry.app.data.private import without_keys
from cherry.domain.errors import CherryError, config, storage
from cherry.kernel.clock import Clock
from cherry.kernel.ids import content_hash
from cherry.kernel.text import plural
from cherry.storage import retention
from cherry.storage.archive import restoring, saving
from cherry.storage.blobs import blob_of, blob_paths
from cherry.storage.open import open_store
from cherry.storage.packing import read_content
from cherry.storage.references import missing
from cherry.storage.repairing import put_blobs_aside, repair, rest_name
from cherry.storage.replacing import BLOBS, DATABASE, settle, time_stamp
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.salvage import Cut
from cherry.storage.upkeep import Bounds, Finding, Plan, Pruned, Report


class Places(NamedTuple):
    """Where Cherry's data lie."""

    data: Path
    """Database and contents."""
    logs: Path
    small: Mapping[str, Path]
    """Files of the user by their names in a backup, see `cherry.storage.archive.content`."""


class _Seen(NamedTuple):
    """One look at everything."""

    report: Report
    contents: int
    damaged: tuple[Path, ...]
    """Contents that are not what they were."""
    lost: dict[str, int]
    """Session → how many of its contents are not there."""


class DataKeeping:
    """Implements `cherry.client.data.DataClient`. All methods raise CherryError."""

    def __init__(self, places: Places, *, environ: Mapping[str, str], bounds: Bounds, clock: Clock) -> None:
        """`bounds`: what the settings say is kept."""
        self._places = places
        self._environ = environ
        self._bounds = bounds
        self._clock = clock

    def backup(self, file: Path) -> Saved:
        """Everything into one new file. `file` may be a folder: the file in it is then named by the time."""
        now = self._clock.now()
        target = _named(file, now)
        small: dict[str, bytes] = {}
        notes: list[str] = []
        for name, path in self._places.small.items():
            content = _content(path)
            if content is None:
                continue
            if name.startswith("config/"):
                content, note = without_keys(path, content, self._environ)
                notes += [note] if note else []
            if content is not None:
                small[name] = content
        saved = saving.save(self._places.data, target, small=small, cherry=__version__, now=now)
        if saved.damaged_blobs:
            count = plural(len(saved.damaged_blobs), "kept content")
            notes.append(f"{count} not in it because damaged: see `cherry data check`.")
        return Saved(saved.file, saved.bytes, saved.sessions, saved.events, saved.blobs, tuple(notes))

    def restore(self, file: Path, *, into: Path | None = None, replace: bool = False) -> Restored:
        """Into Cherry's own folders, or a whole new home in the folder `into`."""
        if into is not None and replace:
            raise CherryError(config.BAD_USAGE, "A new folder has nothing to replace", next_step="Leave --replace out.")
        if into is not None:
            done = restoring.restore_into(file, into)
        else:
            now = self._clock.now()
            done = restoring.restore(file, self._places.data, targets=self._places.small, replace=replace, now=now)
        return done

    def check(self, *, mend: bool = False) -> Checked:
        """Look everything over. With `mend`, repair what can be repaired, and look again; what was damaged is kept aside."""
        done: list[str] = []
        seen = self._look()
        if mend:
            done = self._mend(seen)
            seen = self._look() if done else seen
        return Checked(seen.report.sessions, seen.report.events, seen.contents, self._findings(seen), tuple(done))

    def plan_prune(self, bounds: Bounds | None = None) -> Plan:
        """What would go; by the settings when no bounds are given."""
        chosen = bounds or self._bounds
        return retention.plan(self._places.data, self._places.logs, chosen, now=self._clock.now())

    def prune(self, plan: Plan) -> Pruned:
        return retention.prune(self._places.data, self._places.logs, plan, now=self._clock.now())

    def _look(self) -> _Seen:
        settle(self._places.data)
        folder = self._places.data / BLOBS
        blobs = blob_paths(folder) if folder.is_dir() else []
        damaged = tuple(path for path in blobs if content_hash(read_content(path)) != blob_of(path))
        report = self._report()
        lost = {} if any(finding.about == "log" for finding in report.findings) else self._lost()
        return _Seen(report, len(blobs), damaged, lost)

    def _report(self) -> Report:
        async def check() -> Report:
            store = open_store(self._places.data, clock=self._clock)
            try:
                return await store.check()
            finally:
                await store.close()

        try:
            return asyncio.run(check())
        except CherryError as error:
            if error.kind is not storage.DAMAGED:
                raise
            return Report(0, 0, (Finding("", error.message),))

    def _lost(self) -> dict[str, int]:
        database = Database(self._places.data / DATABASE)
        try:
            return database.read_now(lambda connection: missing(connection, self._places.data / BLOBS))
        finally:
            database.close_now()

    def _findings(self, seen: _Seen) -> tuple[Finding, ...]:
        blobs = [Finding("", f"A kept content is damaged: {path}", "content") for path in seen.damaged]
        lost = [
            Finding(
                session,
                f"{plural(count, 'kept content')} of it missing: undo of those changes, whole outputs.",
                "content",
            )
            for session, count in seen.lost.items()
        ]
        files = [
            Finding("", f"{path} cannot be read; nothing in it counts.", "content")
            for name, path in self._places.small.items()
            if name.endswith(".json") and not _is_json(path)
        ]
        return (*seen.report.findings, *blobs, *lost, *files)

    def _mend(self, seen: _Seen) -> list[str]:
        """Sentences saying what was done."""
        now = self._clock.now()
        about = {finding.about for finding in seen.report.findings}
        done: list[str] = []
        if "log" in about:
            repaired = repair(self._places.data, now=now)
            saved = repaired.salvaged
            done.append(
                f"Saved {plural(saved.sessions, 'session')} with {plural(saved.events, 'event')} into a new database; "
                f"the damaged one is kept in {repaired.aside}."
            )
            done += [_cut_sentence(cut, repaired.aside) for cut in saved.cut]
            done += [f"The first event of {session} was lost and made up from the index." for session in saved.made_up]
        elif "index" in about:
            done.append(f"Drew the index of {plural(self._rebuild(), 'session')} anew from their events.")
        if seen.damaged:
            aside = put_blobs_aside(self._places.data, list(seen.damaged), now=now)
            done.append(f"Put {plural(len(seen.damaged), 'damaged content')} aside, into {aside}.")
        return done

    def _rebuild(self) -> int:
        async def rebuild() -> int:
            store = open_store(self._places.data, clock=self._clock)
            try:
                return await store.rebuild()
            finally:
                await store.close()

        return asyncio.run(rebuild())


def _cut_sentence(cut: Cut, aside: Path) -> str:
    if cut.events:
        said = f"{cut.session} ends after event {cut.events} now ({cut.why}); {plural(cut.lost, 'event')} after it could not be saved"
    else:
        said = f"{cut.session} could not be saved: {cut.why}"
    return f"{said}; what of them can be read is in {aside / rest_name(cut.session)}." if cut.rest else f"{said}."


def _named(file: Path, now: float) -> Path:
    if not file.is_dir():
        return file
    return file / f"cherry-{time_stamp(now)}.tar.gz"


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise CherryError(storage.IO, where=str(path), why=error.strerror or str(error)) from error


def _is_json(path: Path) -> bool:
    content = _content(path)
    if content is None:
        return True
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False

"""Sessions as JSON lines: written for other programs and other machines, and taken in again.

    {"id": "e_…", "session": "s_…", "seq": 1, "turn": 0, "at": 1750000000.0, "event": {…}}    one event, in order
    {"content": "b2:…", "data": "…"}         a content the events speak of, in base 64, when asked for
    {"end": "s_…", "events": 12, "contents": 3, "withheld": 0}                                behind those of a session with contents

What is taken in is foreign: every line is checked before anything is written, each session is taken in as a whole or not at all, and
no call in it is left open, so that nothing a stranger had approved is ever run here.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json as json_of

from cherry.agent.state import SessionState
from cherry.domain.calls import Result, Status
from cherry.domain.errors import CherryError, run, storage
from cherry.domain.events import Event, Notice, Recorded, SessionStarted, ToolFinished, TurnFinished
from cherry.kernel.ids import content_hash, new_id
from cherry.storage.faults import os_fault
from cherry.storage.records import KINDS, PLAIN, encode, event_id, from_json, mapped, recorded, rewritten, to_json
from cherry.storage.references import names_in
from cherry.storage.upkeep import KeptStore

MAX_LINE_BYTES = 256 << 20
MAX_EVENTS = 1_000_000
"""In one session."""
_SESSION = re.compile(r"s_[0-9A-Za-z_-]{1,64}")


class Imported(NamedTuple):
    """What became of one session of a file."""

    session: str
    """Its id here."""
    state: Literal["new", "renamed", "here"]
    """`renamed`: there was another session of this id. `here`: it was here already; nothing was done."""
    title: str
    events: int
    contents: int
    """Taken in with it."""
    missing: int
    """Contents its events speak of that are neither in the file nor here: some changes cannot be undone."""


class _Content(NamedTuple):
    name: str
    data: bytes


class _End(NamedTuple):
    session: str
    events: int
    contents: int


_Item = Recorded | _Content | _End


class _Line(NamedTuple):
    number: int
    item: _Item


class Transfer:
    def __init__(self, store: KeptStore, *, redact: Callable[[str], str]) -> None:
        self._store = store
        self._redact = redact

    async def export(self, session: str, *, contents: bool = False) -> AsyncIterator[str]:
        """Lines without their ends. Keys are taken out of what is said; a content that holds one is withheld.

        Raises CherryError(storage.UNKNOWN_SESSION); DAMAGED after all that can be read.
        """
        names: set[str] = set()
        events = 0
        async for record in self._store.log.read(session):
            encoded = to_json(self._clean(record))
            if contents:
                names.update(names_in(encoded.text.encode()))
            events += 1
            yield encoded.text if encoded.form == PLAIN else f'{{"form":{encoded.form},{encoded.text[1:]}'
        if contents:
            counts = {"contents": 0, "withheld": 0}
            async for line in self._contents(names, counts):
                yield line
            yield json.dumps({"end": session, "events": events, **counts})

    async def take_in(self, file: Path, *, workspace: Path | None = None) -> list[Imported]:
        """Every session of the file, in its order; into `workspace` instead of the folder it was made in.

        Raises CherryError(storage.BAD_IMPORT) before anything is written when a line is wrong.
        """
        for _ in _checked(file):
            pass
        done = []
        for item in _checked(file):
            if isinstance(item, _Content):
                await self._store.blobs.put(item.data)  # before the events that speak of it
            else:
                done.append(await self._take_in(item, workspace))
        return done

    def _clean(self, record: Recorded) -> Recorded:
        clean = type(record).model_validate(mapped(record.model_dump(), self._redact))
        if clean == record:
            return record
        if isinstance(clean.event, Notice) and not clean.event.nonce:  # its text tells it from others
            clean = clean.model_copy(update={"event": clean.event.model_copy(update={"nonce": record.id})})
        return rewritten(clean, clean.session)

    async def _contents(self, names: set[str], counts: dict[str, int]) -> AsyncIterator[str]:
        """In the order of their names; parts of large ones too."""
        waiting = sorted(names, reverse=True)
        done: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in done:
                continue
            done.add(name)
            data = await self._content(name)
            if data is None:
                continue
            if data.startswith(b'{"from":'):  # the record of a change to a large file names its parts
                waiting += sorted(set(names_in(data)) - done, reverse=True)
            text = data.decode("utf-8", "ignore")
            if self._redact(text) != text:
                counts["withheld"] += 1
                continue
            counts["contents"] += 1
            yield json.dumps({"content": name, "data": base64.b64encode(data).decode("ascii")})

    async def _content(self, name: str) -> bytes | None:
        try:
            return await self._store.blobs.get(name)
        except CherryError as error:
            if error.kind in (storage.UNKNOWN_BLOB, storage.DAMAGED):
                return None
            raise

    async def _take_in(self, group: "_Group", workspace: Path | None) -> Imported:
        records = _moved(group.records, workspace) if workspace else group.records
        session, state = group.session, await self._state(records)
        if state != "here":
            if state == "renamed":
                session = new_id("s")
            own = [rewritten(record, session) for record in records]
            await self._store.adopt(session, [*own, *_closing(own)])
        names = {name for record in records for name in names_in(to_json(record).text.encode())}
        missing = sum([await self._content(name) is None for name in sorted(names)])
        title = (await self._store.index.find(session)).title
        return Imported(session, state, title, len(records), group.contents, missing)

    async def _state(self, records: list[Recorded]) -> Literal["new", "renamed", "here"]:
        """Whether the session is here, as it is or as it has grown since."""
        try:
            here = [record async for record in self._store.log.read(records[0].session)]
        except CherryError as error:
            if error.kind is storage.UNKNOWN_SESSION:
                return "new"
            return "renamed"  # what is here cannot be read to its end
        same = len(here) >= len(records) and all(map(_same, here, records))
        return "here" if same else "renamed"


class _Group(NamedTuple):
    """One session of a file."""

    records: list[Recorded]
    ids: set[str]
    contents: int = 0

    @property
    def session(self) -> str:
        return self.records[0].session


def _checked(file: Path) -> Iterator[_Content | _Group]:
    """What is in the file: the contents of each session, then the session. Raises CherryError(storage.BAD_IMPORT)."""
    group = _Group([], set())
    for number, item in _lines(file):
        if isinstance(item, Recorded):
            if group.records and (item.session != group.session or group.contents):
                yield _whole(group, number, file)
                group = _Group([], set())
            _check_next(group, item, number, file)
            group.records.append(item)
            group.ids.add(item.id)
        elif not group.records:
            raise _bad(file, number, "no session stands before it")
        elif isinstance(item, _Content):
            group = group._replace(contents=group.contents + 1)
            yield item
        else:
            if item != (group.session, len(group.records), group.contents):
                raise _bad(file, number, "it does not count what stands before it")
            yield group
            group = _Group([], set())
    if group.records:
        yield _whole(group, 0, file)


def _whole(group: _Group, number: int, file: Path) -> _Group:
    if group.contents:
        raise _bad(file, number, "the file was cut off: the end of a session is missing")
    return group


def _lines(file: Path) -> Iterator[_Line]:
    with os_fault(file, "The file cannot be read"), file.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise _bad(file, number, f"it is longer than {MAX_LINE_BYTES >> 20} MiB")
            if line.strip():
                yield _Line(number, _item(line, number, file))


def _item(line: bytes, number: int, file: Path) -> _Item:
    try:
        fields: Any = json_of(line)
        if not isinstance(fields, dict):
            raise ValueError("it is no JSON object")
        if "content" in fields:
            return _content(fields)
        if "end" in fields:
            return _End(str(fields["end"]), fields["events"], fields["contents"])
        return _event(line, fields)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:  # pydantic's own errors are ValueErrors
        raise _bad(file, number, _reason(error)) from error


def _content(fields: dict[str, Any]) -> _Content:
    try:
        data = base64.b64decode(fields["data"], validate=True)
    except binascii.Error as error:
        raise ValueError("its data are not base 64") from error
    if content_hash(data) != fields["content"]:
        raise ValueError("its data are not the content it names")
    return _Content(fields["content"], data)


def _event(line: bytes, fields: dict[str, Any]) -> Recorded:
    kind = fields["event"]["kind"]
    known = KINDS.get(kind)
    if known is None or fields["event"].get("v", 1) > known.model_fields["v"].default:
        raise ValueError(f"this Cherry does not know {str(kind)[:60]!r} in this version; a newer one does")
    return from_json(Recorded, line, int(fields.get("form", PLAIN)))


def _check_next(group: _Group, record: Recorded, number: int, file: Path) -> None:
    """Raises CherryError(storage.BAD_IMPORT) for an event that cannot follow on those before."""
    before = group.records
    if record.seq != len(before) + 1:
        raise _bad(file, number, f"event {len(before) + 1} is missing")
    if len(before) >= MAX_EVENTS:
        raise _bad(file, number, f"a session has at most {MAX_EVENTS:,} events")
    if not _SESSION.fullmatch(record.session):
        raise _bad(file, number, "that is no id of a session")
    if (record.seq == 1) != isinstance(record.event, SessionStarted):
        raise _bad(file, number, "a session begins with session.started, once")
    if record.turn < 0 or not math.isfinite(record.at):
        raise _bad(file, number, "its turn or its time makes no sense")
    if record.id in group.ids:
        raise _bad(file, number, "it is in the session already")
    if record.id != event_id(record.session, record.turn, record.event):
        raise _bad(file, number, "its id does not belong to its content")
    try:
        encode(record.event)
    except CherryError as error:
        raise _bad(file, number, error.why) from error


def _same(one: Recorded, other: Recorded) -> bool:
    return (one.seq, one.turn, one.at, one.event) == (other.seq, other.turn, other.at, other.event)


def _moved(records: list[Recorded], workspace: Path) -> list[Recorded]:
    first = records[0]
    started = first.event.model_copy(update={"workspace": str(workspace)})
    return [first.model_copy(update={"event": started}), *records[1:]]


def _closing(records: list[Recorded]) -> list[Recorded]:
    """Events that leave nothing open: neither a call that could run, nor a turn that seems to be running."""
    state = SessionState()
    for record in records:
        state.apply(record)
    last = records[-1]
    events: list[Event] = [
        ToolFinished(
            call_id=call.id,
            tool=call.tool,
            result=Result(call_id=call.id, status=Status.CANCELLED, text="Cancelled: the session was imported."),
        )
        for call in state.pending.open_calls
    ]
    if state.turn.number and state.turn.finished is None:
        fault = CherryError(run.INTERRUPTED, "The session was imported before the turn had ended").fault()
        turn = state.turn
        events.append(
            TurnFinished(
                outcome="interrupted",
                fault=fault,
                steps=turn.steps,
                usage=turn.usage,
                cost=turn.cost,
                seconds=turn.seconds,
                nonce=new_id("n"),
            )
        )
    return [
        recorded(event, id="", session=last.session, seq=last.seq + number, turn=state.turn.number, at=last.at)
        for number, event in enumerate(events, 1)
    ]


def _bad(file: Path, number: int, why: str) -> CherryError:
    return CherryError(storage.BAD_IMPORT, where=f"{file}:{number}" if number else str(file), why=why)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc']) or 'the whole'}: {fault['msg']}"
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) or type(error).__name__

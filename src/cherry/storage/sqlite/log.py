"""The event log on SQLite. The functions run inside a transaction of `Database`; the class is the port."""

import functools
import sqlite3
from collections.abc import AsyncIterator, Sequence

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Recorded
from cherry.kernel.clock import Clock
from cherry.storage import leases, projection, sql
from cherry.storage.holders import Tenure
from cherry.storage.ports import Draft, Lease
from cherry.storage.records import Encoded, StoredEvent, decode, encode, event_id, recorded, rewritten
from cherry.storage.searching import writable
from cherry.storage.sqlite.database import Database
from cherry.storage.sqlite.ledger import count_spending
from cherry.storage.sqlite.rows import drawn, keep_session, keep_tenure, last_seq, read_page, session_of, tenure_of

_ADOPT_SECONDS = 600.0


class SqliteLog:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, session: str, first: Event) -> Recorded:
        now = self._clock.now()
        encoded = encode(first)

        def work(connection: sqlite3.Connection) -> Recorded:
            if last_seq(connection, session):
                page = read_page(connection, session, after=0, upto=1)
                if page.fault is not None:
                    raise page.fault
                return page.records[0]
            connection.execute(sql.ADD_TENURE, {"session": session})
            return _append(connection, session, [Draft(0, first)], [encoded], now)[0]

        return await self._database.write("storage.create", work)

    async def acquire(self, session: str, holder: str, *, seconds: float) -> Lease:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Lease:
            tenure = tenure_of(connection, session)
            if tenure is None:
                raise leases.unknown_session(session)
            tenure, lease = leases.granted(tenure, session, holder, seconds=seconds, now=now)
            keep_tenure(connection, session, tenure)
            return lease

        return await self._database.write("storage.acquire", work)

    async def renew(self, lease: Lease) -> None:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            leases.refuse_stale(lease, tenure_of(connection, lease.session))
            keep_tenure(connection, lease.session, Tenure(lease.holder, lease.fence, lease.seconds, now))

        await self._database.write("storage.renew", work)

    async def release(self, lease: Lease) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if leases.is_valid(lease, tenure_of(connection, lease.session)):
                keep_tenure(connection, lease.session, Tenure(fence=lease.fence))

        await self._database.write("storage.release", work)

    async def append(self, lease: Lease, drafts: Sequence[Draft]) -> list[Recorded]:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> list[Recorded]:
            leases.refuse_stale(lease, tenure_of(connection, lease.session))
            return _append(connection, lease.session, drafts, encoded, now)

        encoded = [encode(draft.event) for draft in drafts]
        return await self._database.write("storage.append", work)

    async def adopt(self, session: str, records: Sequence[Recorded]) -> None:
        """See `cherry.storage.upkeep.KeptStore`."""

        def work(connection: sqlite3.Connection) -> None:
            if last_seq(connection, session):
                raise leases.known_session(session)
            connection.execute(sql.ADD_TENURE, {"session": session})
            info = projection.unknown(session)
            for record, text in zip(records, encoded, strict=True):
                add_text(connection, _insert(connection, record, text), record.event)
                info = projection.fold(info, record)
            keep_session(connection, info)

        records = [rewritten(record, session) for record in records]
        encoded = [encode(record.event) for record in records]
        await self._database.write("storage.adopt", work, seconds=_ADOPT_SECONDS)

    async def read(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        upto = await self.last_seq(session)
        while after < upto:
            page = await self._database.read(
                "storage.read", functools.partial(read_page, session=session, after=after, upto=upto)
            )
            for record in page.records:
                yield record
            if page.fault is not None:
                if page.fault.kind is storage.DAMAGED:  # what is only too new is readable again after an update
                    await self._mark(session, page.fault)
                raise page.fault
            after += len(page.records)

    async def last_seq(self, session: str) -> int:
        seq = await self._database.read("storage.last_seq", lambda connection: last_seq(connection, session))
        if not seq:
            raise leases.unknown_session(session)
        return seq

    async def _mark(self, session: str, fault: CherryError) -> None:
        """Listings show the damage from now on; where that cannot be written, reading it again will tell again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(sql.MARK_DAMAGED, {"session": session, "damaged": writable(fault.message)})

        try:
            await self._database.write("storage.mark", work)
        except CherryError:
            return


def _append(
    connection: sqlite3.Connection, session: str, drafts: Sequence[Draft], encoded: Sequence[Encoded], now: float
) -> list[Recorded]:
    """Adds what is new, finds what is there, and keeps the session's row up to date."""
    seq = last_seq(connection, session)
    info = session_of(connection, session)
    if info is None or info.last_seq != seq:
        info = drawn(connection, session)
    records = []
    for draft, text in zip(drafts, encoded, strict=True):
        id = event_id(session, draft.turn, draft.event)
        record = _already(connection, session, id)
        if record is None:
            seq += 1
            record = recorded(draft.event, id=id, session=session, seq=seq, turn=draft.turn, at=now)
            add_text(connection, _insert(connection, record, text), draft.event)
            info = projection.fold(info, record)
            if not draft.past:
                count_spending(connection, draft.event, session=session, workspace=info.workspace, now=now)
        records.append(record)
    keep_session(connection, info)
    return records


def _already(connection: sqlite3.Connection, session: str, id: str) -> Recorded | None:
    row = connection.execute(sql.EVENT_BY_ID, {"session": session, "id": id}).fetchone()
    return None if row is None else decode(StoredEvent(*row))


def _insert(connection: sqlite3.Connection, record: Recorded, encoded: Encoded) -> int:
    row = connection.execute(
        sql.ADD_EVENT,
        {
            "session": record.session,
            "seq": record.seq,
            "id": record.id,
            "turn": record.turn,
            "at": record.at,
            "kind": record.event.kind,
            "form": encoded.form,
            "body": encoded.text,
        },
    ).fetchone()
    position: int = row[0]
    return position


def add_text(connection: sqlite3.Connection, position: int, event: Event) -> None:
    if text := projection.searchable(event):
        connection.execute(sql.ADD_TEXT, {"position": position, "text": writable(text)})

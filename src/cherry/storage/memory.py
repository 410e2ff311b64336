"""A store that forgets: everything lies in this process. For tests, doubles, and runs that shall leave nothing behind.

Events are kept as text and read again, as a database does it: what cannot be written fails here too.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Recorded
from cherry.domain.limits import Budgets, Scope
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.ids import content_hash
from cherry.storage import finding, leases, projection
from cherry.storage.holders import Tenure
from cherry.storage.ports import STANDALONE, Amount, Draft, Lease, Standing
from cherry.storage.records import StoredEvent, decode, encode, event_id, recorded, rewritten
from cherry.storage.searching import Wanted
from cherry.storage.spending import Counts, Reservation, local_day, shortage, spent_by, standing_of
from cherry.storage.upkeep import Report


@dataclass
class _Session:
    info: SessionInfo
    tenure: Tenure = field(default_factory=Tenure)
    rows: list[StoredEvent] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)
    """Event id → seq."""


@dataclass(frozen=True)
class _Text:
    session: str
    seq: int
    turn: int
    text: str


@dataclass
class _Everything:
    clock: Clock
    sessions: dict[str, _Session] = field(default_factory=dict)
    texts: list[_Text] = field(default_factory=list)
    spending: dict[tuple[Scope, str], Counts] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)

    def session(self, session: str) -> _Session:
        """Raises CherryError(storage.UNKNOWN_SESSION)."""
        if session not in self.sessions:
            raise leases.unknown_session(session)
        return self.sessions[session]

    def add(self, session: str, drafts: Sequence[Draft]) -> list[Recorded]:
        # All are written before the first is added: all of them or none.
        bodies = [encode(draft.event) for draft in drafts]
        now = self.clock.now()
        kept = self.sessions[session]
        records = []
        for draft, body in zip(drafts, bodies, strict=True):
            id = event_id(session, draft.turn, draft.event)
            if id in kept.seqs:
                records.append(decode(kept.rows[kept.seqs[id] - 1]))
                continue
            seq = len(kept.rows) + 1
            record = recorded(draft.event, id=id, session=session, seq=seq, turn=draft.turn, at=now)
            text = body.text.encode()
            kept.rows.append(StoredEvent(id, session, seq, draft.turn, now, draft.event.kind, body.form, text))
            kept.seqs[id] = seq
            kept.info = projection.fold(kept.info, record)
            if not draft.past and (counts := spent_by(draft.event)):
                accounts = self.accounts(session, now)
                self.bring_back(accounts["day"])
                self.spend(counts, accounts)
            if words := projection.searchable(draft.event):
                self.texts.append(_Text(session, seq, draft.turn, words))
            records.append(record)
        return records

    def adopt(self, session: str, records: Sequence[Recorded]) -> None:
        if session in self.sessions:
            raise leases.known_session(session)
        encoded = [encode(record.event) for record in records]
        kept = self.sessions[session] = _Session(projection.unknown(session))
        for record, body in zip(records, encoded, strict=True):
            own = rewritten(record, session)
            row = StoredEvent(own.id, session, own.seq, own.turn, own.at, own.event.kind, body.form, body.text.encode())
            kept.rows.append(row)
            kept.seqs[own.id] = own.seq
            kept.info = projection.fold(kept.info, own)
            if words := projection.searchable(own.event):
                self.texts.append(_Text(session, own.seq, own.turn, words))

    def accounts(self, session: str, now: float) -> dict[Scope, str]:
        workspace = self.session(session).info.workspace if session else ""
        return {"session": session, "project": workspace, "day": local_day(now)}

    def spend(self, counts: Counts, accounts: dict[Scope, str]) -> None:
        for account in accounts.items():
            self.spending[account] = self.spending.get(account, Counts()).plus(counts)

    def bring_back(self, day: str) -> None:
        """Days to come become today: the clock was ahead when they were written."""
        for scope, name in list(self.spending):
            if scope == "day" and name > day:
                self.spend(self.spending.pop((scope, name)), {"day": day})


class MemoryLog:
    def __init__(self, everything: _Everything) -> None:
        self._all = everything

    async def create(self, session: str, first: Event) -> Recorded:
        if session in self._all.sessions:
            return decode(self._all.sessions[session].rows[0])
        encode(first)
        self._all.sessions[session] = _Session(projection.unknown(session))
        return self._all.add(session, [Draft(0, first)])[0]

    async def acquire(self, session: str, holder: str, *, seconds: float) -> Lease:
        kept = self._all.session(session)
        now = self._all.clock.now()
        kept.tenure, lease = leases.granted(kept.tenure, session, holder, seconds=seconds, now=now)
        return lease

    async def renew(self, lease: Lease) -> None:
        leases.refuse_stale(lease, self._tenure(lease))
        now = self._all.clock.now()
        self._all.sessions[lease.session].tenure = Tenure(lease.holder, lease.fence, lease.seconds, now)

    async def release(self, lease: Lease) -> None:
        if leases.is_valid(lease, self._tenure(lease)):
            self._all.sessions[lease.session].tenure = Tenure(fence=lease.fence)

    async def append(self, lease: Lease, drafts: Sequence[Draft]) -> list[Recorded]:
        leases.refuse_stale(lease, self._tenure(lease))
        return self._all.add(lease.session, drafts)

    async def read(self, session: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        for row in self._all.session(session).rows[after:]:
            yield decode(row)

    async def last_seq(self, session: str) -> int:
        return len(self._all.session(session).rows)

    def _tenure(self, lease: Lease) -> Tenure | None:
        kept = self._all.sessions.get(lease.session)
        return None if kept is None else kept.tenure


class MemoryIndex:
    def __init__(self, everything: _Everything) -> None:
        self._all = everything

    async def recent(self, *, workspace: str | None = None, limit: int = 100) -> list[SessionInfo]:
        infos = [kept.info for kept in self._all.sessions.values() if workspace in {None, kept.info.workspace}]
        return sorted(infos, key=lambda info: (info.updated_at, info.id), reverse=True)[:limit]

    async def find(self, prefix: str) -> SessionInfo:
        wanted = finding.beginnings(prefix)
        ids = [id for id in sorted(self._all.sessions) if id.startswith(wanted)]
        return self._all.sessions[finding.the_one(prefix, ids)].info

    async def search(self, text: str, *, workspace: str | None = None, limit: int = 50) -> list[SessionMatch]:
        wanted = Wanted.parse(text)
        matches: list[SessionMatch] = []
        for kept in reversed(self._all.texts):
            info = self._all.sessions[kept.session].info
            if len(matches) < limit and workspace in {None, info.workspace} and wanted.found_in(kept.text):
                matches.append(SessionMatch(info, kept.seq, kept.turn, wanted.excerpt(kept.text)))
        return matches

    async def delete(self, session: str) -> None:
        leases.refuse_held(self._all.session(session).tenure, session, now=self._all.clock.now())
        del self._all.sessions[session]
        self._all.spending.pop(("session", session), None)
        self._all.texts = [text for text in self._all.texts if text.session != session]


class MemoryLedger:
    def __init__(self, everything: _Everything) -> None:
        self._all = everything

    async def standings(self, session: str) -> dict[Scope, Standing]:
        now = self._all.clock.now()
        accounts = self._all.accounts(session, now)
        return self._standings(accounts, self._all.reservations.values(), now)

    async def reserve(
        self, id: str, session: str, wanted: Amount, budgets: Budgets, *, holder: str, seconds: float
    ) -> Scope | None:
        now = self._all.clock.now()
        accounts = self._all.accounts(session, now)
        self._all.bring_back(accounts["day"])
        others = [kept for kept in self._all.reservations.values() if kept.id != id]
        if short := shortage(budgets, self._standings(accounts, others, now), wanted):
            return short
        tenure = Tenure(holder, 0, seconds, now)
        self._all.reservations[id] = Reservation(id, session, accounts["project"], Counts.of(wanted), tenure)
        return None

    async def settle(self, session: str) -> None:
        now = self._all.clock.now()
        for id, kept in list(self._all.reservations.items()):
            if kept.session == session and not kept.tenure.holds(now):
                if id.startswith(f"{STANDALONE}_"):
                    day = local_day(kept.tenure.renewed_at)
                    self._all.spend(kept.counts, {"session": session, "project": kept.workspace, "day": day})
                del self._all.reservations[id]

    async def charge(self, id: str, cost: Amount) -> None:
        day = local_day(self._all.clock.now())
        self._all.bring_back(day)
        if any(counts := Counts.of(cost)):
            self._all.spend(counts, {"day": day})
        self._all.reservations.pop(id, None)

    async def release(self, id: str) -> None:
        self._all.reservations.pop(id, None)

    def _standings(
        self, accounts: dict[Scope, str], reservations: Iterable[Reservation], now: float
    ) -> dict[Scope, Standing]:
        kept = list(reservations)
        return {
            scope: standing_of(scope, name, self._spent(scope, name), kept, now=now) for scope, name in accounts.items()
        }

    def _spent(self, scope: Scope, name: str) -> Counts:
        spent = Counts()
        for (kind, account), counts in self._all.spending.items():
            if kind == scope and (account == name or (scope == "day" and account > name)):
                spent = spent.plus(counts)
        return spent


class MemoryBlobs:
    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        name = content_hash(data)
        self._blobs[name] = bytes(data)
        return name

    async def get(self, name: str) -> bytes:
        if name not in self._blobs:
            raise CherryError(storage.UNKNOWN_BLOB, where=name)
        return self._blobs[name]

    def path(self, name: str) -> Path | None:
        return None


class MemoryStore:
    """The `Store` port without a disk. Everything it does is decided by what is called and by its clock."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        everything = _Everything(clock or SystemClock())
        self._everything = everything
        self._log = MemoryLog(everything)
        self._index = MemoryIndex(everything)
        self._ledger = MemoryLedger(everything)
        self._blobs = MemoryBlobs()

    @property
    def log(self) -> MemoryLog:
        return self._log

    @property
    def index(self) -> MemoryIndex:
        return self._index

    @property
    def ledger(self) -> MemoryLedger:
        return self._ledger

    @property
    def blobs(self) -> MemoryBlobs:
        return self._blobs

    async def check(self) -> Report:
        events = sum(len(kept.rows) for kept in self._everything.sessions.values())
        return Report(len(self._everything.sessions), events, ())

    async def rebuild(self) -> int:
        """Nothing to mend: the index cannot differ from the logs."""
        return len(self._everything.sessions)

    async def adopt(self, session: str, records: Sequence[Recorded]) -> None:
        self._everything.adopt(session, records)

    async def close(self) -> None:
        """What was kept stays until the object is gone, so a test may look at it after what it tested has ended."""

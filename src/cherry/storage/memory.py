"""A store that forgets: everything lies in this process. For tests, doubles, and runs that shall leave nothing behind.

Events are kept as text and read again, as a database does it: what cannot be written fails here too.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Event, Recorded
from cherry.domain.sessions import SessionInfo, SessionMatch
from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.ids import content_hash
from cherry.storage import finding, leases, projection
from cherry.storage.holders import Tenure
from cherry.storage.ports import Draft, Lease
from cherry.storage.records import StoredEvent, decode, encode, event_id, recorded
from cherry.storage.searching import Wanted
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
            if words := projection.searchable(draft.event):
                self.texts.append(_Text(session, seq, draft.turn, words))
            records.append(record)
        return records


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
        self._all.texts = [text for text in self._all.texts if text.session != session]


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
        self._blobs = MemoryBlobs()

    @property
    def log(self) -> MemoryLog:
        return self._log

    @property
    def index(self) -> MemoryIndex:
        return self._index

    @property
    def blobs(self) -> MemoryBlobs:
        return self._blobs

    async def check(self) -> Report:
        events = sum(len(kept.rows) for kept in self._everything.sessions.values())
        return Report(len(self._everything.sessions), events, ())

    async def rebuild(self) -> int:
        """Nothing to mend: the index cannot differ from the logs."""
        return len(self._everything.sessions)

    async def close(self) -> None:
        """What was kept stays until the object is gone, so a test may look at it after what it tested has ended."""

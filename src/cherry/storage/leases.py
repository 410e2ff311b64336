"""Who may write a session: the rules of leases and fences, the same in every store. Pure; a store keeps the `Tenure`."""

from cherry.domain.errors import CherryError, storage
from cherry.storage.holders import Tenure, at_work, described
from cherry.storage.ports import Lease


def granted(tenure: Tenure, session: str, holder: str, *, seconds: float, now: float) -> tuple[Tenure, Lease]:
    """The lease of a new holder, or of the same one again. Raises CherryError(storage.SESSION_BUSY)."""
    if holder != tenure.holder:
        refuse_held(tenure, session, now=now)
    lease = Lease(session, holder, tenure.fence + 1, seconds)
    return Tenure(holder, lease.fence, seconds, now), lease


def refuse_held(tenure: Tenure, session: str, *, now: float) -> None:
    """Raises CherryError(storage.SESSION_BUSY) while somebody holds the session."""
    if tenure.holds(now):
        raise CherryError(
            storage.SESSION_BUSY, where=session, why=f"{described(tenure.holder)}{at_work(tenure.holder)} holds it"
        )


def is_valid(lease: Lease, tenure: Tenure | None) -> bool:
    """Time does not matter here: nobody else can have written before taking the lease over, and that raises the fence."""
    return tenure is not None and (tenure.fence, tenure.holder) == (lease.fence, lease.holder)


def refuse_stale(lease: Lease, tenure: Tenure | None) -> None:
    """Raises CherryError(storage.STALE_LEASE)."""
    if is_valid(lease, tenure):
        return
    why = "the session is gone" if tenure is None else f"its lease is number {tenure.fence}, ours was {lease.fence}"
    if tenure is not None and tenure.fence == lease.fence:
        why = "we gave it back"
    raise CherryError(storage.STALE_LEASE, where=lease.session, why=why)


def unknown_session(session: str) -> CherryError:
    return CherryError(storage.UNKNOWN_SESSION, where=session)


def known_session(session: str) -> CherryError:
    return CherryError(storage.BAD_IMPORT, "There is such a session already", where=session)

"""What a session's calls may cost, over turn, session, project and day: reserved before a call, told when a bound is near.

The turn's own bound comes from its log. What many turns share is asked of the ledger, where looking and setting aside are one
transaction, so parallel turns in any number of processes do not pass a budget together. A call's real cost reaches the ledger with the
event that says so; only then is its reservation given back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from cherry.agent.budget import Bound, Reserved, bound_of_turn, reserve
from cherry.agent.journal import Journal
from cherry.domain.errors import CherryError, ErrorKind, run, storage
from cherry.domain.events import Notice
from cherry.domain.limits import Budgets, Scope
from cherry.domain.live import Working
from cherry.domain.prompts import Prompt
from cherry.gateway.port import Gateway
from cherry.kernel.ids import new_id
from cherry.storage.ports import STANDALONE, Amount, Ledger, Standing

RESERVED_SECONDS = 3600.0
"""How long a reservation of a process on another machine holds; longer than any call may take."""
WAIT_SECONDS = 30.0
"""How long a call waits for others to give back what they reserved (deadline budget.reserved); then the budget counts as used up."""
_PAUSE_SECONDS = 0.2
MAX_TRIES = 10
"""Others may reserve between looking and reserving; then it is looked again."""


class Accounts(NamedTuple):
    """Where many turns' spending is kept, and what bounds it."""

    ledger: Ledger
    budgets: Budgets
    holder: str
    """This process: see `cherry.storage.holders`."""


class Spending:
    """Of one session; made anew for each turn."""

    def __init__(self, journal: Journal, *, gateway: Gateway, accounts: Accounts) -> None:
        self._journal = journal
        self._gateway = gateway
        self._accounts = accounts
        self._kept: list[str] = []
        """Reservations that could not be given back yet."""

    @asynccontextmanager
    async def reserved(self, prompt: Prompt, tokens: int, *, in_turn: bool = True) -> AsyncIterator[Reserved]:
        """The call and the event with its cost happen inside. Without `in_turn` the bounds of the turn do not apply.

        Raises CherryError(run.*) naming the bound that is too short, before anything is spent.
        """
        shared = bool(self._accounts.budgets.scopes)
        id = new_id("r" if in_turn else STANDALONE)
        reserved = (
            await self._reserve_shared(id, prompt, tokens, in_turn)
            if shared
            else self._bounded(prompt, tokens, in_turn)
        )
        try:
            await self._tell(reserved.tight, tight=True)
            yield reserved
        finally:
            if shared:
                await asyncio.shield(self._release(id))
        await self._warn(in_turn)

    def _bounded(
        self, prompt: Prompt, tokens: int, in_turn: bool, standings: Mapping[Scope, Standing] | None = None
    ) -> Reserved:
        bounds = [self._bound_of_turn()] if in_turn else []
        bounds += self._shared_bounds(standings or {})
        return reserve(prompt, tokens, bounds=bounds, gateway=self._gateway)

    async def _reserve_shared(self, id: str, prompt: Prompt, tokens: int, in_turn: bool) -> Reserved:
        ledger, budgets, holder = self._accounts
        session = self._journal.state.session
        for kept in list(self._kept):
            await self._release(kept)
        for _ in range(MAX_TRIES):
            standings = await self._standings_with_room(prompt, tokens)
            await self._tell(self._shared_bounds(standings))
            reserved = self._bounded(prompt, tokens, in_turn, standings)
            wanted = Amount(reserved.ceiling.usd, reserved.tokens)
            short = await ledger.reserve(id, session, wanted, budgets, holder=holder, seconds=RESERVED_SECONDS)
            if short is None:
                return reserved
        raise CherryError(
            storage.BUSY, "The budget could not be reserved", why=f"other processes were quicker {MAX_TRIES} times"
        )

    async def _standings_with_room(self, prompt: Prompt, tokens: int) -> dict[Scope, Standing]:
        """How the accounts stand; when only what others have reserved leaves no room, waits a while for them to give it back."""
        give_up = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            standings = await self._accounts.ledger.standings(self._journal.state.session)
            others = any(standings[scope].reserved.tokens for scope in self._accounts.budgets.scopes)
            late = asyncio.get_running_loop().time() >= give_up
            if not others or late or self._has_room(prompt, tokens, standings):
                return standings
            self._journal.emit(Working("Waiting for other calls to give back what they reserved of the budget"))
            await asyncio.sleep(_PAUSE_SECONDS)

    def _has_room(self, prompt: Prompt, tokens: int, standings: Mapping[Scope, Standing]) -> bool:
        """True also when waiting would not help."""
        spent_only = {scope: Standing(standing.spent) for scope, standing in standings.items()}
        return self._fits(prompt, tokens, standings) or not self._fits(prompt, tokens, spent_only)

    def _fits(self, prompt: Prompt, tokens: int, standings: Mapping[Scope, Standing]) -> bool:
        try:
            self._bounded(prompt, tokens, False, standings)
        except CherryError:
            return False
        return True

    async def _release(self, id: str) -> None:
        """A store that fails now must not hide how the call went; what stays reserved is given back before the next."""
        with contextlib.suppress(ValueError):
            self._kept.remove(id)
        try:
            await self._accounts.ledger.release(id)
        except CherryError:
            self._kept.append(id)

    async def _warn(self, in_turn: bool) -> None:
        bounds = [self._bound_of_turn()] if in_turn else []
        if self._accounts.budgets.scopes:
            bounds += self._shared_bounds(await self._accounts.ledger.standings(self._journal.state.session))
        await self._tell(bounds)

    async def _tell(self, bounds: Sequence[Bound], *, tight: bool = False) -> None:
        """Once a turn for each bound."""
        for bound in bounds:
            if text := bound.warning(tight=tight):
                nonce = f"{bound.whose}.{bound.usd}.{bound.tokens}"
                await self._journal.append(Notice(level="warning", code="limit.near", text=text, nonce=nonce))

    def _bound_of_turn(self) -> Bound:
        turn = self._journal.state.turn
        return bound_of_turn(turn.limits, spent=turn.cost, used=turn.usage)

    def _shared_bounds(self, standings: Mapping[Scope, Standing]) -> list[Bound]:
        return [
            shared_bound(scope, self._accounts.budgets, standings[scope])
            for scope in self._accounts.budgets.scopes
            if scope in standings
        ]


class _Wording(NamedTuple):
    whose: str
    kind: ErrorKind


_WORDINGS: dict[Scope, _Wording] = {
    "session": _Wording("this session", run.SESSION_BUDGET),
    "project": _Wording("this project", run.PROJECT_BUDGET),
    "day": _Wording("this day", run.DAY_BUDGET),
}


def shared_bound(scope: Scope, budgets: Budgets, standing: Standing) -> Bound:
    """What is left of one budget that many turns share."""
    whose, kind = _WORDINGS[scope]
    allowed = budgets.of(scope)
    wait = " It begins anew at midnight." if scope == "day" else ""
    return Bound(
        whose,
        allowed.usd,
        allowed.tokens,
        standing.usd,
        standing.tokens,
        kind,
        kind,
        dearer=_raise(f"limits.{scope}_cost_usd", allowed.usd) + wait,
        longer=_raise(f"limits.{scope}_tokens", allowed.tokens) + wait,
    )


def _raise(setting: str, value: object) -> str:
    return f"Raise {setting} (now {value}): `cherry config set {setting} AMOUNT`."

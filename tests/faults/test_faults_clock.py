"""A wall clock that leaps by hours and by years, while the real parts work: nothing is measured by it, nothing is lost to it."""

import asyncio
import itertools

import pytest

from cherry.bootstrap.program import make_wiring
from cherry.cli.wiring import ClientOptions
from cherry.client.port import Request
from cherry.domain.content import TextPart
from cherry.domain.errors import CherryError, storage
from cherry.domain.events import Recorded
from cherry.kernel.clock import SystemClock
from cherry.storage.open import open_store
from cherry.testing.program import Program, wait_until
from cherry.testing.scripts import Hang, Script, ToolCall, Words
from cherry.testing.wire import WireDouble

HOUR, TWELVE_YEARS = 3600.0, 12 * 365 * 86_400.0


class LeapingClock(SystemClock):
    """Another time whenever it is asked."""

    def __init__(self, *leaps: float) -> None:
        self._leaps = itertools.cycle(leaps)

    def now(self) -> float:
        return super().now() + next(self._leaps)


async def turn(cherry: Program, clock: LeapingClock, *answers: Words) -> list[Recorded]:
    """The events of one turn of a new session."""
    async with WireDouble(Script(*answers)) as double:
        wiring = make_wiring({**cherry.environ, **double.environment("openai")}, clock=clock)
        async with wiring.open_client(cherry.workspace, ClientOptions()) as client:
            session = await client.create_session(cherry.workspace)
            request = Request((TextPart(text="go"),), approver="yes")
            seen = [item async for item in client.run(session.id, request) if isinstance(item, Recorded)]
            assert (await client.session(session.id)).last_seq == seen[-1].seq
            assert [info.id for info in await client.sessions()] == [session.id]
        assert double.complaints == []
        return seen


@pytest.mark.parametrize(
    "leaps", [(0, HOUR, -HOUR), (0, TWELVE_YEARS), (0, -TWELVE_YEARS), (TWELVE_YEARS, -TWELVE_YEARS)]
)
async def test_a_turn_does_not_notice(cherry: Program, leaps: tuple[float, ...]) -> None:
    command = ToolCall("shell.run", {"command": "echo once >> ledger"})
    edit = ToolCall("fs.write", {"path": "a.txt", "content": "a"})
    seen = await turn(cherry, LeapingClock(*leaps), command, edit, "Done.")
    assert seen[-1].event.outcome == "done"
    assert 0 <= seen[-1].event.seconds < 30
    assert [recorded.seq for recorded in seen] == list(range(2, len(seen) + 2))
    assert (cherry.read("ledger"), cherry.read("a.txt")) == ("once\n", "a")


@pytest.mark.parametrize("leap", [HOUR, TWELVE_YEARS, -TWELVE_YEARS])
async def test_no_leap_takes_a_session_from_one_that_works_on_it(cherry: Program, leap: float) -> None:
    async with WireDouble(Script(Hang())) as double:
        running = cherry.start("run", "--json", "go", double=double)
        session = await asyncio.to_thread(lambda: running.until("step.started")["session"])
        wiring = make_wiring({**cherry.environ, **double.environment("openai")}, clock=LeapingClock(leap))
        async with wiring.open_client(cherry.workspace, ClientOptions()) as client:
            with pytest.raises(CherryError) as refused:
                async for _ in client.run(session, Request((TextPart(text="more"),))):
                    pass
            assert refused.value.kind is storage.SESSION_BUSY
        running.kill()


@pytest.mark.parametrize("leap", [-HOUR, TWELVE_YEARS, -TWELVE_YEARS])
async def test_no_leap_keeps_a_session_of_one_that_was_killed(cherry: Program, leap: float) -> None:
    async with WireDouble(Script(Hang(), "Went on.")) as double:
        running = cherry.start("run", "--json", "go", double=double)
        await asyncio.to_thread(wait_until, lambda: len(double.model_requests) == 1)
        session = running.lines[0]["session"]
        await asyncio.to_thread(running.kill)
        wiring = make_wiring({**cherry.environ, **double.environment("openai")}, clock=LeapingClock(leap))
        async with wiring.open_client(cherry.workspace, ClientOptions()) as client:
            items = [item async for item in client.run(session, Request(()))]
        assert items[-1].event.outcome == "done"
    store = open_store(cherry.home / "data")
    assert await store.log.last_seq(session) == items[-1].seq
    await store.close()

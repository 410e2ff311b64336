"""Budgets over session, project and day: refused before they are passed, told when they are near, in any number of processes."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from cherry.config.settings import LimitSettings, Settings
from cherry.domain.events import HistoryCompacted, Notice, StepFailed, TurnFinished
from cherry.domain.limits import TurnLimits
from cherry.domain.live import TextStreamed
from cherry.storage.open import open_store
from cherry.storage.ports import Amount
from cherry.testing.model import Price, ScriptedGateway
from cherry.testing.scripts import CutMidStream, Script, ToolCall, answer

PRICE = Price(input=Decimal(10), output=Decimal(30))
CHILD = Path(__file__).with_name("budget_child.py")


def limited(**limits: object) -> Settings:
    return Settings(limits=LimitSettings.model_validate(limits))


def talking() -> ScriptedGateway:
    return ScriptedGateway(Script.forever(answer(" ".join(f"w{n}" for n in range(400)))), price=PRICE)


async def until_refused(client, session, watch, ask, events):
    """The end of the first turn that is not done, and every notice before."""
    notices = []
    for number in range(100):
        seen = await watch(client, session, ask(f"Request {number}"))
        notices += [notice for notice in events(seen, Notice) if notice.code == "limit.near"]
        (end,) = events(seen, TurnFinished)
        if end.outcome != "done":
            return end, notices
    raise AssertionError("it was never refused")


async def test_a_session_is_refused_before_it_costs_more_and_another_one_may_go_on(house, ask, watch, events):
    client = await house.open(talking(), settings=limited(session_cost_usd="0.9"))
    session = await client.create_session(house.workspace)
    end, notices = await until_refused(client, session.id, watch, ask, events)
    assert (end.outcome, end.fault.code) == ("limit", "run.session_budget")
    assert "$0.9" in end.fault.message
    assert "cherry config set limits.session_cost_usd" in end.fault.next_step
    cost = (await client.session(session.id)).cost.usd
    assert Decimal("0.7") < cost <= Decimal("0.9")
    assert notices
    assert "this session" in notices[0].text
    other = await client.create_session(house.workspace)
    (end,) = events(await watch(client, other.id, ask("Hi")), TurnFinished)
    assert end.outcome == "done"


async def test_a_project_counts_all_its_sessions_the_deleted_ones_too_and_no_other_project(house, ask, watch, events):
    client = await house.open(talking(), settings=limited(project_cost_usd="0.9"))
    first = await client.create_session(house.workspace)
    end, _ = await until_refused(client, first.id, watch, ask, events)
    assert end.fault.code == "run.project_budget"
    before = (await client.session(first.id)).cost.usd
    await client.delete(first.id)
    again = await client.create_session(house.workspace)
    end, _ = await until_refused(client, again.id, watch, ask, events)
    assert end.fault.code == "run.project_budget"
    assert before + (await client.session(again.id)).cost.usd <= Decimal("0.9")
    elsewhere = house.workspace.parent / "elsewhere"
    elsewhere.mkdir()
    other = await client.create_session(elsewhere)
    (end,) = events(await watch(client, other.id, ask("Hi")), TurnFinished)
    assert end.outcome == "done"


async def test_tokens_are_bounded_the_same_way(house, ask, watch, events):
    client = await house.open(talking(), settings=limited(day_tokens=40_000))
    session = await client.create_session(house.workspace)
    end, notices = await until_refused(client, session.id, watch, ask, events)
    assert end.fault.code == "run.day_budget"
    assert "limits.day_tokens" in end.fault.next_step
    assert "midnight" in end.fault.next_step
    assert (await client.session(session.id)).usage.total_tokens <= 40_000
    assert "of the 40,000 tokens that this day may take are used" in notices[0].text


async def test_a_budget_in_dollars_needs_a_price(house, ask, watch, events):
    gateway = ScriptedGateway("Hello", price=None)
    client = await house.open(gateway, settings=limited(day_cost_usd=1))
    session = await client.create_session(house.workspace)
    (end,) = events(await watch(client, session.id, ask("Hi")), TurnFinished)
    assert end.fault.code == "run.unpriced"
    assert not gateway.prompts


async def test_a_raised_budget_lets_the_turn_go_on(house, ask, watch, events):
    client = await house.open(talking(), settings=limited(session_cost_usd="0.5"))
    session = await client.create_session(house.workspace)
    end, _ = await until_refused(client, session.id, watch, ask, events)
    richer = await house.open(talking(), settings=limited(session_cost_usd="5"))
    seen = await watch(richer, session.id, ask("")._replace(parts=()))
    (end,) = events(seen, TurnFinished)
    assert end.outcome == "done"


async def test_the_bounds_of_a_turn_are_told_when_they_are_near(house, ask, watch, events):
    for number in range(40):
        house.write(f"{number}.txt", f"{number}\n")
    script = Script(*[ToolCall("fs.read", {"path": f"{number}.txt"}) for number in range(40)], "Done.")
    client = await house.open(ScriptedGateway(script, price=PRICE))
    session = await client.create_session(house.workspace)
    limits = TurnLimits(max_cost_usd=Decimal("0.5"), max_steps=12)
    seen = await watch(client, session.id, ask("Read", limits=limits))
    (end,) = events(seen, TurnFinished)
    assert end.fault.code in ("run.cost_limit", "run.step_limit")
    near = [notice.text for notice in events(seen, Notice) if notice.code == "limit.near"]
    assert len(near) == len(set(near))
    assert near


async def test_steps_and_time_are_told_when_they_are_near(house, ask, watch, events):
    for number in range(12):
        house.write(f"{number}.txt", f"{number}\n")
    reads = [ToolCall("fs.read", {"path": f"{number}.txt"}) for number in range(9)]
    waits = ToolCall("shell.run", {"command": "sleep 2.5"})
    client = await house.open(ScriptedGateway(Script(*reads, "Done.", waits, "Done.")))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Read", limits=TurnLimits(max_steps=10)))
    assert [notice.text for notice in events(seen, Notice)] == ["8 of the 10 model calls this turn may make are made."]
    seen = await watch(client, session.id, ask("Wait", approver="yes", limits=TurnLimits(max_seconds=3)))
    assert "of the 3.0 s it may take" in str([notice.text for notice in events(seen, Notice)])


async def test_an_interrupted_call_counts_as_far_as_it_went_and_its_words_are_kept(house, ask, events):
    gateway = ScriptedGateway(Script(answer(" ".join(f"w{n}" for n in range(4_000)), pause=0.05)), price=PRICE)
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = []
    async for item in client.run(session.id, ask("Talk")):
        seen.append(item)
        if isinstance(item, TextStreamed) and "w40 " in item.text:
            await client.interrupt(session.id)
    (failed,) = events(seen, StepFailed)
    assert failed.partial.startswith("w0 w1 w2 ")
    assert failed.fault.code == "run.interrupted"
    assert 0 < failed.cost.usd < Decimal("0.2")
    (end,) = events(seen, TurnFinished)
    assert (end.outcome, end.cost, end.usage) == ("interrupted", failed.cost, failed.usage)


async def test_a_call_that_broke_off_counts_with_all_it_may_have_cost(house, ask, watch, events):
    gateway = ScriptedGateway(Script(CutMidStream(reply=answer("one two three four five " * 20)), "Fine."), price=PRICE)
    client = await house.open(gateway, settings=limited(day_cost_usd="5"))
    session = await client.create_session(house.workspace)
    (failed,) = events(await watch(client, session.id, ask("Hi")), StepFailed)
    store = open_store(house.folders.data)
    day = (await store.ledger.standings(session.id))["day"]
    await store.close()
    assert failed.cost.usd > 0
    assert (day.spent.usd, day.reserved) == (failed.cost.usd, Amount())


async def test_a_summary_the_budget_does_not_allow_is_extracted_instead(house, ask, watch, events):
    gateway = ScriptedGateway(Script(*["Talk."] * 4, aside="A summary."), price=PRICE)
    client = await house.open(gateway, settings=limited(session_cost_usd="0.4"))
    session = await client.create_session(house.workspace)
    for word in ("one", "two", "three"):
        await watch(client, session.id, ask(word))
    store = open_store(house.folders.data)
    left = Decimal("0.4") - (await store.ledger.standings(session.id))["session"].usd
    await store.ledger.reserve(
        "other", session.id, Amount(left), limited().limits.beyond_a_turn(), holder="elsewhere:1:1", seconds=600
    )
    await client.compact(session.id)
    (event,) = [one.event async for one in store.log.read(session.id) if isinstance(one.event, HistoryCompacted)]
    await store.close()
    assert (event.by, event.cost.usd) == ("extract", 0)
    assert not any(prompt.purpose == "summary" for prompt in gateway.prompts)


def test_parallel_turns_in_two_processes_never_pass_the_budget_of_the_day_together(tmp_path: Path):
    limit = Decimal("1.5")
    program = [sys.executable, str(CHILD), str(tmp_path), str(limit)]
    children = [
        subprocess.Popen([*program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in "ab"
    ]
    try:
        for child in children:
            assert json.loads(child.stdout.readline())["ready"]
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        outputs = [json.loads(child.communicate(timeout=120)[0]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    spent = sum(Decimal(output["spent"]) for output in outputs)
    assert limit * Decimal("0.7") < spent <= limit
    assert {code for output in outputs for code in output["codes"]} == {"run.day_budget"}
    assert all(Decimal(output["spent"]) > 0 for output in outputs)

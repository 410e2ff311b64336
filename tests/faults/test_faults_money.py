"""What a killed Cherry had under way is paid for in every account: nobody gets a fresh budget by `kill -9`."""

import asyncio
from decimal import Decimal
from pathlib import Path

from cherry.domain.events import StepFailed, StepStarted, TurnFinished
from cherry.kernel.paths import home_folders
from cherry.storage.open import open_store
from cherry.testing.program import Line, Program, provider, wait_until
from cherry.testing.scripts import Hang, Script

CONFIG = """
[limits]
day_cost_usd = 0.5
[gateway.prices."openai/test"]
input = 1
output = 40
"""
"""Dollars per million tokens: one answer of the usual length could take up the whole of the day's budget."""
MORE = CONFIG.replace("0.5", "50")


def configure(cherry: Program, content: str = CONFIG) -> None:
    file = cherry.home / "config" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def is_waiting(line: Line) -> bool:
    return bool(line["type"] == "live" and line["kind"] == "working" and line["what"].startswith("Waiting"))


def killed_while_it_waits(cherry: Program) -> None:
    configure(cherry)
    with provider(Hang()) as double:
        running = cherry.start("run", "--json", "go", double=double)
        running.until(is_waiting)
        running.kill()


def test_a_call_cut_short_by_a_kill_counts_in_full_for_others_and_in_its_own_log(
    cherry: Program, tmp_path: Path
) -> None:
    killed_while_it_waits(cherry)
    (started,) = (one.event for one in cherry.log() if isinstance(one.event, StepStarted))
    assert started.reserved.usd > 0

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with provider("Hello.") as double:
        refused = cherry.run("run", "--json", "hello", double=double, folder=elsewhere)
        assert refused.event("turn.finished")["fault"]["code"] == "run.day_budget"
        assert double.model_requests == []

        configure(cherry, MORE)
        again = cherry.run("run", "--json", "-c", double=double)
        failed = again.event("step.failed")
        assert failed["fault"]["code"] == "run.interrupted"
        assert failed["cost"]["usd"] == str(started.reserved.usd)
        assert again.event("turn.finished")["outcome"] == "done"
        assert float(again.event("turn.finished")["cost"]["usd"]) >= float(started.reserved.usd)

        third = cherry.run("run", "--json", "-c", "and again", double=double)
        assert [event for event in third.events if event["kind"] == "step.failed"] == [], "counted once"


def test_a_call_cut_short_is_settled_before_another_request_too(cherry: Program) -> None:
    killed_while_it_waits(cherry)
    configure(cherry, MORE)
    with provider(Script("Done.")) as double:
        assert cherry.run("run", "-c", "something else", double=double).out == "Done.\n"
    kinds = [one.event for one in cherry.log() if isinstance(one.event, StepFailed | TurnFinished)]
    assert isinstance(kinds[0], StepFailed)
    assert isinstance(kinds[1], TurnFinished)
    assert kinds[1].cost.usd == kinds[0].cost.usd > 0


def spent_today(cherry: Program) -> Decimal:
    async def read() -> Decimal:
        store = open_store(home_folders(cherry.environ).data)
        try:
            return (await store.ledger.standings(""))["day"].usd
        finally:
            await store.close()

    return asyncio.run(read())


def test_trying_a_model_counts_for_the_day_and_stays_within_its_budget(cherry: Program) -> None:
    configure(cherry)
    with provider(Script("ok", then="repeat_last")) as double:
        assert cherry.run("test-model", double=double).code == 0
        once = spent_today(cherry)
        assert once > 0
        assert cherry.run("test-model", double=double).code == 0
        assert spent_today(cherry) == 2 * once
        configure(cherry, CONFIG.replace("0.5", "0.001"))
        refused = cherry.run("test-model", double=double)
        assert refused.code == 3
        assert "run.day_budget" in refused.err + refused.out
        assert len(double.model_requests) == 2
    assert spent_today(cherry) == 2 * once


def test_trying_a_model_that_is_killed_is_spent(cherry: Program) -> None:
    configure(cherry)
    with provider(Hang()) as double:
        running = cherry.start("test-model", double=double)
        wait_until(lambda: len(double.model_requests) == 1, what="the call")
        running.kill()
    assert spent_today(cherry) > 0

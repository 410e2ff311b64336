"""The project's tests once the model says that it is done: those that have to do with the changes, and only new failures count."""

import asyncio
import time

import pytest

from cherry.config.settings import SandboxSettings, Settings, ValidationSettings
from cherry.domain.content import FromUser
from cherry.domain.events import (
    BaselineTaken,
    ChangesUndone,
    Notice,
    Recorded,
    TurnFinished,
    UserMessage,
    ValidationFinished,
)
from cherry.domain.live import Working
from cherry.testing.model import ScriptedGateway
from cherry.testing.scripts import Script, ToolCall

SHOP = "def total(prices):\n    return sum(prices)\n"
TEST_SHOP = """import unittest

from shop import total


class ShopTest(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2]), 3)

    def test_broken_for_long(self):
        self.assertEqual(total([1]), 7)
"""
TEST_OTHER = "import unittest\n\n\nclass OtherTest(unittest.TestCase):\n    def test_other(self):\n        open('ran_other', 'w').close()\n"


@pytest.fixture
def shop(house):
    house.write("shop.py", SHOP)
    house.write("tests/__init__.py", "")
    house.write("tests/test_shop.py", TEST_SHOP)
    house.write("tests/test_other.py", TEST_OTHER)
    house.write("setup.py", "")
    return house


def settings(**validation: object) -> Settings:
    given = {"tests": "related", "test_command": "python3 -m unittest", **validation}
    return Settings(validation=ValidationSettings(**given), sandbox=SandboxSettings(required=False))


def edit(old: str, new: str, path: str = "shop.py") -> ToolCall:
    return ToolCall("fs.edit", {"path": path, "old": old, "new": new})


def told(gateway: ScriptedGateway, prompt: int) -> str:
    last = gateway.prompts[prompt].messages[-1]
    return last.parts[0].text if isinstance(last, FromUser) else ""


async def run(house, watch, ask, script: Script, given: Settings):
    gateway = ScriptedGateway(script)
    client = await house.open(gateway, settings=given)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Change it"))
    return gateway, seen, client, session


def of_turn(events, seen) -> list[ValidationFinished]:
    return [event for event in events(seen, ValidationFinished) if event.phase == "turn"]


async def test_a_newly_failing_test_goes_back_to_the_model_and_is_mended(shop, ask, watch, events):
    script = Script(edit("sum(prices)", "max(prices)"), "Done.", edit("max(prices)", "sum(prices) + 0"), "Now it is.")
    gateway, seen, *_ = await run(shop, watch, ask, script, settings())
    first, second = of_turn(events, seen)
    assert [problem.code for problem in first.problems] == ["tests.test_shop.ShopTest.test_total"]
    assert not second.problems
    assert "AssertionError: 2 != 3" in told(gateway, 2)
    assert ">  8 |         self.assertEqual(total([1, 2]), 3)" in told(gateway, 2)
    assert "1 != 7" not in told(gateway, 2)
    (end,) = events(seen, TurnFinished)
    assert end.outcome == "done"


async def test_only_tests_that_have_to_do_with_the_change_are_run(shop, ask, watch, events):
    _, seen, *_ = await run(shop, watch, ask, Script(edit("sum(prices)", "sum(prices) + 0"), "Done."), settings())
    assert not (shop.workspace / "ran_other").exists()
    (baseline,) = events(seen, BaselineTaken)
    assert baseline.covers == ("tests/test_shop.py",)
    assert of_turn(events, seen)[0].checked == ("tests",)


async def test_by_policy_all_tests_follow(shop, ask, watch, events):
    script = Script(edit("sum(prices)", "sum(prices) + 0"), "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, settings(tests="all"))
    assert (shop.workspace / "ran_other").exists()
    assert not of_turn(events, seen)[0].problems


async def test_no_tests_are_run_unless_the_settings_say_so(shop, ask, watch, events):
    script = Script(edit("sum(prices)", "max(prices)"), "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, settings(tests="off"))
    assert not of_turn(events, seen)
    assert not events(seen, BaselineTaken)


async def test_a_turn_without_changes_runs_nothing(shop, ask, watch, events):
    _, seen, *_ = await run(shop, watch, ask, Script("Hello."), settings())
    assert not events(seen, ValidationFinished)


async def test_what_the_model_leaves_failing_is_kept_and_said(shop, ask, watch, events):
    script = Script(edit("sum(prices)", "max(prices)"), "Done.", "That is how it should be.")
    _, seen, *_ = await run(shop, watch, ask, script, settings())
    assert len(of_turn(events, seen)) == 1, "nothing has changed since"
    assert any(notice.code == "validation.kept" for notice in events(seen, Notice))
    assert events(seen, TurnFinished)[0].outcome == "done"
    assert "max" in shop.read("shop.py")


async def test_what_the_model_cannot_mend_is_taken_back_by_policy(shop, ask, watch, events):
    edits = [edit("sum(prices)", "max(prices)"), edit("max(prices)", "min(prices)"), edit("min(prices)", "len(prices)")]
    script = Script(edits[0], "Done.", edits[1], "Done.", edits[2], "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, settings(max_repairs=2, on_failure="roll_back"))
    reports = [event for event in events(seen, UserMessage) if event.author == "cherry"]
    assert len(reports) == 2
    assert shop.read("shop.py") == SHOP
    (undone,) = events(seen, ChangesUndone)
    assert len(undone.change_ids) == 3
    (end,) = events(seen, TurnFinished)
    assert end.fault.code == "run.validation_failed"


async def test_tests_the_turn_has_written_count_too(shop, ask, watch, events):
    new_test = TEST_SHOP.replace("ShopTest", "NewTest").replace("3)", "4)")
    script = Script(ToolCall("fs.write", {"path": "tests/test_new.py", "content": new_test}), "Done.", "So be it.")
    _, seen, *_ = await run(shop, watch, ask, script, settings())
    codes = {problem.code for problem in of_turn(events, seen)[0].problems}
    assert codes == {"tests.test_new.NewTest.test_total", "tests.test_new.NewTest.test_broken_for_long"}


async def test_a_module_that_no_longer_imports_is_a_new_failure(shop, ask, watch, events):
    script = Script(edit("def total", "def totals"), "Done.", edit("def totals", "def total"), "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, settings())
    first, second = of_turn(events, seen)
    assert "cannot import name 'total'" in first.problems[0].message
    assert not second.problems


async def test_tests_that_could_not_be_run_before_are_left_out_and_that_is_said(shop, ask, watch, events):
    given = settings(test_command="python3 -m unittest --nosuch")
    script = Script(edit("sum(prices)", "max(prices)"), "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, given)
    assert not of_turn(events, seen)
    assert any("test" in notice.text for notice in events(seen, Notice))
    assert events(seen, TurnFinished)[0].outcome == "done"


async def test_tests_that_take_too_long_are_left_out_and_that_is_said(shop, ask, watch, events):
    shop.write(
        "tests/test_shop.py", TEST_SHOP.replace("import unittest", "import time\nimport unittest\ntime.sleep(30)")
    )
    script = Script(edit("sum(prices)", "max(prices)"), "Done.")
    _, seen, *_ = await run(shop, watch, ask, script, settings(test_timeout="0.5s"))
    (notice,) = events(seen, Notice)
    assert "takes longer than 0.5 s" in notice.text


async def test_tests_are_interrupted_at_once_and_run_when_the_turn_is_taken_up_again(shop, ask, watch, events):
    slow = TEST_SHOP.replace(
        "        self.assertEqual(total([1, 2]), 3)",
        "        import time\n        time.sleep(0 if total([1, 2]) == 3 else 61)",
    )
    shop.write("tests/test_shop.py", slow)
    gateway = ScriptedGateway(
        Script(edit("sum(prices)", "max(prices)"), "Done.", edit("max(prices)", "sum(prices)"), "Done.")
    )
    client = await shop.open(gateway, settings=settings())
    session = await client.create_session(shop.workspace)
    seen = []
    async with asyncio.timeout(20):
        async for item in client.run(session.id, ask("Change")):
            seen.append(item)
            if isinstance(item, Working) and item.what.startswith("Running the tests"):
                started = time.monotonic()
                await client.interrupt(session.id)
                taken = time.monotonic() - started
    assert taken < 0.5
    assert events(seen, TurnFinished)[0].outcome == "interrupted"
    shop.write("tests/test_shop.py", TEST_SHOP)
    again = await watch(client, session.id, ask("")._replace(parts=()))
    first, second = of_turn(events, again)
    assert [problem.code for problem in first.problems] == ["tests.test_shop.ShopTest.test_total"]
    assert not second.problems
    assert not events(again, BaselineTaken)


async def test_a_roll_back_that_was_interrupted_is_finished_by_the_resumed_turn(shop, ask, watch, events):
    gateway = ScriptedGateway(Script(edit("sum(prices)", "max(prices)"), "Done.", "So be it."))
    given = settings(on_failure="roll_back")
    client = await shop.open(gateway, settings=given)
    session = await client.create_session(shop.workspace)
    async for item in client.run(session.id, ask("Change")):
        if isinstance(item, Recorded) and isinstance(item.event, ValidationFinished) and item.event.phase == "turn":
            await client.interrupt(session.id)
    shop.write("shop.py", SHOP)  # as if the files had been put back and Cherry killed before it could say so
    again = await watch(client, session.id, ask("")._replace(parts=()))
    (undone,) = events(again, ChangesUndone)
    assert undone.by == "cherry"
    assert shop.read("shop.py") == SHOP

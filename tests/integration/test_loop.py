"""The loop with real parts: files, SQLite, sandbox. Only the model is a script."""

import asyncio
from decimal import Decimal

import pytest

from cherry.bootstrap.workspaces import Machine
from cherry.domain.calls import Status
from cherry.domain.content import FromTools, FromUser, TextPart
from cherry.domain.errors import CherryError
from cherry.domain.events import (
    ApprovalRequested,
    AssistantMessage,
    ChangesApplied,
    Notice,
    QuestionAsked,
    Recorded,
    StepFailed,
    StepStarted,
    TodoWritten,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UserMessage,
    ValidationFinished,
)
from cherry.domain.limits import TurnLimits
from cherry.domain.live import OutputStreamed, TextStreamed
from cherry.sandbox.choose import Probe
from cherry.testing.model import Price, ScriptedGateway
from cherry.testing.scripts import CutMidStream, Refuse, Reply, Say, Script, ToolCall, answer


def finished(events, seen):
    (end,) = events(seen, TurnFinished)
    return end


async def test_an_answer_is_streamed_live_and_logged_whole(house, ask, watch, events):
    client = await house.open(ScriptedGateway("Hello, how can I help you today?"))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi"))
    assert "".join(item.text for item in seen if isinstance(item, TextStreamed)) == "Hello, how can I help you today?"
    (message,) = events(seen, AssistantMessage)
    assert message.message.text == "Hello, how can I help you today?"
    assert finished(events, seen).outcome == "done"
    assert isinstance(seen[0], Recorded)
    assert isinstance(seen[0].event, TurnStarted)


async def test_an_edit_takes_two_model_calls_and_is_on_disk(house, ask, watch, events):
    house.write("app.py", "def f():\n    return 1\n")
    gateway = ScriptedGateway(
        Script(ToolCall("fs.edit", {"path": "app.py", "old": "return 1", "new": "return 2"}), "Done.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Return 2"))
    assert house.read("app.py") == "def f():\n    return 2\n"
    assert len(gateway.prompts) == 2
    (started,) = events(seen, ToolStarted)
    (applied,) = events(seen, ChangesApplied)
    assert started.expects["app.py"] == (applied.files[0].before, applied.files[0].after)
    assert finished(events, seen).outcome == "done"


async def test_the_beginning_of_every_prompt_is_the_same(house, ask, watch):
    house.write("a.txt", "one\n")
    gateway = ScriptedGateway(
        Script(ToolCall("fs.write", {"path": "b.txt", "content": "x\n"}), "Made.", ToolCall("fs.list"), "Listed.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("Make b"))
    await watch(client, session.id, ask("List"))
    first = gateway.prompts[0]
    assert all((prompt.system, prompt.tools) == (first.system, first.tools) for prompt in gateway.prompts)
    for before, after in zip(gateway.prompts, gateway.prompts[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages


async def test_calls_that_do_not_touch_the_same_thing_run_side_by_side_and_results_keep_their_order(
    house, ask, watch, events
):
    for name in "abc":
        house.write(f"{name}.txt", f"content of {name}\n")
    calls = [ToolCall("fs.read", {"path": f"{name}.txt"}) for name in "abc"]
    gateway = ScriptedGateway(Script(calls, "Read."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("Read all"))
    results = gateway.prompts[1].messages[-1]
    assert isinstance(results, FromTools)
    assert [f"content of {name}" in result.text for name, result in zip("abc", results.results, strict=True)] == [
        True
    ] * 3


async def test_two_edits_of_one_file_in_one_answer_are_both_applied(house, ask, watch, events):
    house.write("a.txt", "one\ntwo\n")
    edits = [
        ToolCall("fs.edit", {"path": "a.txt", "old": "one", "new": "1"}),
        ToolCall("fs.edit", {"path": "a.txt", "old": "two", "new": "2"}),
    ]
    client = await house.open(ScriptedGateway(Script(edits, "Done.")))
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("Digits"))
    assert house.read("a.txt") == "1\n2\n"


async def test_a_command_runs_in_the_workspace_and_its_output_is_live(house, ask, watch, events):
    house.write("a.txt", "one\n")
    gateway = ScriptedGateway(Script(ToolCall("shell.run", {"command": "cat a.txt; echo $((6*7)); false"}), "Ran."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Run", approver="yes"))
    assert any(isinstance(item, OutputStreamed) and "one" in item.text for item in seen)
    (result,) = gateway.prompts[1].messages[-1].results
    assert "42" in result.text
    assert result.untrusted


async def test_nothing_outside_the_workspace_is_written(house, ask, watch, events):
    outside = house.workspace.parent / "outside.txt"
    calls = [
        ToolCall("fs.write", {"path": "../outside.txt", "content": "x"}),
        ToolCall("fs.write", {"path": str(outside), "content": "x"}),
        ToolCall("shell.run", {"command": f"echo x > {outside}"}),
    ]
    client = await house.open(ScriptedGateway(Script(calls, "Tried.")))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Break out", approver="yes"))
    assert not outside.exists()
    refused = events(seen, ToolFinished)[:2]
    assert [event.result.fault.code for event in refused] == ["tools.outside_workspace"] * 2


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (ToolCall("fs.fly", {}), "tools.unknown"),
        (ToolCall("fs.read", raw='{"path": "a.txt"'), "tools.bad_arguments"),
        (ToolCall("fs.read", raw="[1]"), "tools.bad_arguments"),
        (ToolCall("fs.read", {"file": "a.txt"}), "tools.bad_arguments"),
        (ToolCall("fs.read", {"path": "gone.txt"}), "tools.no_such_path"),
    ],
)
async def test_a_bad_call_goes_back_to_the_model_with_its_reason(house, ask, watch, events, call, code):
    client = await house.open(ScriptedGateway(Script(call, "I see.")))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Do"))
    (tool,) = events(seen, ToolFinished)
    assert tool.result.fault.code == code
    assert finished(events, seen).outcome == "done"


async def test_of_two_hundred_calls_at_once_the_surplus_is_refused_and_all_get_an_answer(house, ask, watch, events):
    house.write("a.txt", "x\n")
    calls = [ToolCall("fs.read", {"path": "a.txt", "offset": 1, "limit": number + 1}) for number in range(200)]
    gateway = ScriptedGateway(Script(calls, "Enough."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Go"))
    codes = [event.result.fault.code for event in events(seen, ToolFinished) if event.result.fault]
    assert len(events(seen, ToolFinished)) == 200
    assert codes == ["tools.too_many_calls"] * (200 - 64)


async def test_a_wrong_edit_is_caught_by_validation_and_mended(house, ask, watch, events):
    house.write("app.py", "def f():\n    return 1\n")
    gateway = ScriptedGateway(
        Script(
            ToolCall("fs.edit", {"path": "app.py", "old": "return 1", "new": "return (2"}),
            ToolCall("fs.edit", {"path": "app.py", "old": "return (2", "new": "return 2"}),
            "Done.",
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Return 2"))
    first, second = events(seen, ValidationFinished)
    assert [problem.line for problem in first.problems] == [2]
    assert not second.problems
    told = gateway.prompts[1].messages[-1]
    assert isinstance(told, FromUser)
    assert "app.py:2" in told.parts[0].text


async def test_a_command_that_needs_leave_and_nobody_there_stops_the_turn_and_a_resume_runs_it(
    house, ask, watch, events
):
    gateway = ScriptedGateway(Script(ToolCall("shell.run", {"command": "touch made"}), "Done."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Touch", approver="nobody"))
    end = finished(events, seen)
    assert end.outcome == "approval"
    assert end.fault.code == "tools.nobody_to_ask"
    assert not (house.workspace / "made").exists()
    again = await watch(client, session.id, ask("", approver="yes")._replace(parts=()))
    assert (house.workspace / "made").exists()
    assert finished(events, again).outcome == "done"
    assert len(gateway.prompts) == 2, "the open call was run, not asked for again"


async def test_a_person_allows_or_refuses_and_the_model_hears_why(house, ask, events):
    gateway = ScriptedGateway(
        Script(
            [ToolCall("shell.run", {"command": "touch yes"}), ToolCall("shell.run", {"command": "touch no"})], "I see."
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    async for seen in client.run(session.id, ask("Touch both")):
        if isinstance(seen, Recorded) and isinstance(seen.event, ApprovalRequested):
            allowed = "yes" in seen.event.title
            await client.decide(
                session.id, seen.event.approval_id, allowed=allowed, comment="" if allowed else "not that one"
            )
    assert (house.workspace / "yes").exists()
    assert not (house.workspace / "no").exists()
    assert "not that one" in gateway.prompts[1].messages[-1].results[1].text


async def test_what_a_person_had_remembered_for_always_is_not_asked_again_in_a_new_session(house, ask, watch, events):
    script = Script(ToolCall("shell.run", {"command": "touch a"}), "Done.", then="restart")
    client = await house.open(ScriptedGateway(script))
    session = await client.create_session(house.workspace)
    async for seen in client.run(session.id, ask("Touch")):
        if isinstance(seen, Recorded) and isinstance(seen.event, ApprovalRequested):
            assert seen.event.rule
            await client.decide(session.id, seen.event.approval_id, allowed=True, remember="always")
    other = await house.open(ScriptedGateway(script))
    second = await other.create_session(house.workspace)
    seen = await watch(other, second.id, ask("Touch", approver="nobody"))
    assert finished(events, seen).outcome == "done"


async def test_the_model_asks_and_a_person_answers(house, ask, events):
    gateway = ScriptedGateway(
        Script(ToolCall("ask.user", {"question": "Which colour?", "options": ["red", "blue"]}), "Blue it is.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    async for seen in client.run(session.id, ask("Paint")):
        if isinstance(seen, Recorded) and isinstance(seen.event, QuestionAsked):
            await client.answer(session.id, seen.event.question_id, "blue")
    assert "blue" in gateway.prompts[1].messages[-1].results[0].text


async def test_what_is_typed_while_it_works_reaches_the_model_at_the_next_step(house, ask):
    house.write("a.txt", "x\n")
    gateway = ScriptedGateway(Script(ToolCall("fs.read", {"path": "a.txt"}), "As you like."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    async for seen in client.run(session.id, ask("Read")):
        if isinstance(seen, Recorded) and isinstance(seen.event, StepStarted) and seen.event.step == 1:
            await client.steer(session.id, (TextPart(text="and be brief"),))
    said = [message for message in gateway.prompts[1].messages if isinstance(message, FromUser)]
    assert said[-1].parts[0].text == "and be brief"


async def test_what_is_typed_during_the_last_answer_is_still_answered(house, ask):
    gateway = ScriptedGateway(
        Script(Reply(parts=(Say("First answer, in several pieces of text."),), pause=0.05), "Second answer.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    steered = False
    async for seen in client.run(session.id, ask("Hi")):
        if isinstance(seen, TextStreamed) and not steered:
            steered = True
            await client.steer(session.id, (TextPart(text="one more thing"),))
    assert len(gateway.prompts) == 2
    assert gateway.prompts[1].messages[-1].parts[0].text == "one more thing"


async def test_the_to_do_list_is_kept(house, ask, watch, events):
    items = [{"text": "read", "status": "done"}, {"text": "write", "status": "active"}]
    client = await house.open(ScriptedGateway(Script(ToolCall("todo.write", {"items": items}), "Planned.")))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Plan"))
    (written,) = events(seen, TodoWritten)
    assert [(item.text, item.status) for item in written.items] == [("read", "done"), ("write", "active")]


async def test_an_answer_that_broke_off_is_reported_and_nothing_of_it_is_used(house, ask, watch, events):
    gateway = ScriptedGateway(
        Script(CutMidStream(reply=answer("I will now delete everything you have"), after=1), "Better.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi"))
    (failed,) = events(seen, StepFailed)
    assert failed.partial
    assert finished(events, seen).outcome == "no_provider"
    again = await watch(client, session.id, None)
    assert finished(events, again).outcome == "done"
    assert all("delete" not in str(message) for message in gateway.prompts[1].messages)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("wrong_key", "no_provider"),
        ("no_credit", "no_provider"),
        ("quota_used_up", "no_provider"),
        ("model_not_found", "no_provider"),
        ("overloaded", "no_provider"),
        ("bad_request", "failed"),
        ("content_refused", "failed"),
    ],
)
async def test_a_provider_that_refuses_ends_the_turn_with_a_code_and_a_next_step(
    house, ask, watch, events, kind, outcome
):
    client = await house.open(ScriptedGateway(Script(Refuse(kind))))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi"))
    end = finished(events, seen)
    assert end.outcome == outcome
    assert end.fault.code.startswith("gateway.")
    assert end.fault.next_step


async def test_a_context_that_is_too_long_is_compacted_and_the_call_made_again(house, ask, watch, events):
    gateway = ScriptedGateway(
        Script("One.", "Two.", "Three.", Refuse("context_too_long"), "A summary of one and two.", "Four.")
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    for word in ("first: never use tabs", "second", "third"):
        await watch(client, session.id, ask(word))
    seen = await watch(client, session.id, ask("fourth"))
    assert finished(events, seen).outcome == "done"
    assert gateway.prompts[-2].purpose == "summary"
    last = gateway.prompts[-1].messages
    assert "never use tabs" in last[0].parts[0].text, "what the user said survives word for word"
    assert last[-1].parts[0].text == "fourth"


async def test_an_empty_answer_is_asked_again_and_given_up_in_the_end(house, ask, watch, events):
    gateway = ScriptedGateway(Script(Reply(parts=(Say(" "),)), then="repeat_last"))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi"))
    end = finished(events, seen)
    assert end.outcome == "failed"
    assert end.fault.code == "gateway.empty_answer"
    assert len(gateway.prompts) <= 5


async def test_an_answer_cut_at_the_output_limit_is_continued(house, ask, watch, events):
    gateway = ScriptedGateway(Script(Reply(parts=(Say("The first half"),), finish="length"), "and the second."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Tell"))
    assert finished(events, seen).outcome == "done"
    assert len(gateway.prompts) == 2


async def test_a_model_that_repeats_itself_is_told_and_then_stopped_with_the_reason(house, ask, watch, events):
    house.write("a.txt", "x\n")
    gateway = ScriptedGateway(Script.forever(ToolCall("fs.read", {"path": "a.txt"})))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Read"))
    end = finished(events, seen)
    assert end.outcome == "limit"
    assert end.fault.code == "run.no_progress"
    assert "a.txt" in end.fault.message
    told = [event for event in events(seen, UserMessage) if event.author == "cherry"]
    assert len(told) == 1
    assert len(gateway.prompts) == 6


async def test_the_step_limit_stops_the_turn_and_a_raised_one_goes_on(house, ask, watch, events):
    for number in range(9):
        house.write(f"{number}.txt", f"{number}\n")
    script = Script(*[ToolCall("fs.read", {"path": f"{number}.txt"}) for number in range(5)], "Done.")
    gateway = ScriptedGateway(script)
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Read", limits=TurnLimits(max_steps=3)))
    end = finished(events, seen)
    assert (end.outcome, end.fault.code, end.steps) == ("limit", "run.step_limit", 3)
    again = await watch(client, session.id, ask("", limits=TurnLimits(max_steps=20))._replace(parts=()))
    assert finished(events, again).outcome == "done"
    assert len(gateway.prompts) == 6


async def test_a_turn_taken_up_again_after_a_limit_may_do_as_much_again(house, ask, watch, events):
    for number in range(9):
        house.write(f"{number}.txt", f"{number}\n")
    script = Script(*[ToolCall("fs.read", {"path": f"{number}.txt"}) for number in range(5)], "Done.")
    client = await house.open(ScriptedGateway(script))
    session = await client.create_session(house.workspace)
    limits = TurnLimits(max_steps=3)
    await watch(client, session.id, ask("Read", limits=limits))
    again = await watch(client, session.id, ask("", limits=limits)._replace(parts=()))
    assert finished(events, again).outcome == "done"
    assert finished(events, again).steps == 6


async def test_the_cost_limit_is_never_passed(house, ask, watch, events):
    for number in range(40):
        house.write(f"{number}.txt", f"{number}\n")
    price = Price(input=Decimal(10), output=Decimal(30))
    script = Script(*[ToolCall("fs.read", {"path": f"{number}.txt"}) for number in range(40)], "Done.")
    gateway = ScriptedGateway(script, price=price)
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    limit = Decimal("0.25")
    seen = await watch(client, session.id, ask("Read", limits=TurnLimits(max_cost_usd=limit)))
    end = finished(events, seen)
    assert (end.outcome, end.fault.code) == ("limit", "run.cost_limit")
    assert Decimal(0) < end.cost.usd <= limit


async def test_a_cost_limit_without_a_known_price_is_refused_before_anything_is_spent(house, ask, watch, events):
    gateway = ScriptedGateway("Hello", price=None)
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi", limits=TurnLimits(max_cost_usd=Decimal(1))))
    assert finished(events, seen).fault.code == "run.unpriced"
    assert not gateway.prompts


async def test_the_time_limit_ends_a_running_command(house, ask, watch, events):
    gateway = ScriptedGateway(Script(ToolCall("shell.run", {"command": "sleep 60"}), "Done."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    async with asyncio.timeout(10):
        seen = await watch(client, session.id, ask("Sleep", approver="yes", limits=TurnLimits(max_seconds=0.5)))
    end = finished(events, seen)
    assert (end.outcome, end.fault.code) == ("limit", "run.time_limit")
    (tool,) = events(seen, ToolFinished)
    assert tool.result.status is Status.CANCELLED


async def test_an_interrupt_stops_at_once_keeps_what_is_done_and_the_session_goes_on(house, ask, watch, events):
    house.write("a.txt", "x\n")
    gateway = ScriptedGateway(
        Script(
            ToolCall("fs.edit", {"path": "a.txt", "old": "x", "new": "y"}),
            ToolCall("shell.run", {"command": "echo begun; sleep 60"}),
            "Fine.",
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = []
    async with asyncio.timeout(10):
        async for item in client.run(session.id, ask("Go", approver="yes")):
            seen.append(item)
            if isinstance(item, OutputStreamed):
                await client.interrupt(session.id)
    assert finished(events, seen).outcome == "interrupted"
    assert house.read("a.txt") == "y\n"
    again = await watch(client, session.id, ask("What happened?"))
    assert finished(events, again).outcome == "done"
    results = [message for message in gateway.prompts[-1].messages if isinstance(message, FromTools)]
    assert "ancelled" in results[-1].results[0].text


async def test_a_session_takes_one_turn_at_a_time(house, ask, watch):
    client = await house.open(ScriptedGateway(Script(ToolCall("shell.run", {"command": "sleep 30"}), "Done.")))
    session = await client.create_session(house.workspace)
    async for item in client.run(session.id, ask("Sleep", approver="yes")):
        if isinstance(item, Recorded) and isinstance(item.event, ToolStarted):
            with pytest.raises(CherryError) as caught:
                await watch(client, session.id, ask("Hi"))
            assert caught.value.code == "storage.session_busy"
            await client.interrupt(session.id)


async def test_undo_and_redo_put_files_back_by_content_and_the_model_is_told(house, ask, watch):
    house.write("a.txt", "old\n")
    gateway = ScriptedGateway(
        Script(
            [
                ToolCall("fs.edit", {"path": "a.txt", "old": "old", "new": "new"}),
                ToolCall("fs.write", {"path": "b.txt", "content": "b\n"}),
            ],
            "Done.",
            "Hello again.",
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("Change"))
    shown = await client.diff(session.id)
    assert sorted(file.path for file in shown.files) == ["a.txt", "b.txt"]
    plan = await client.plan_undo(session.id)
    assert not plan.conflicts
    assert house.read("a.txt") == "new\n", "planning does nothing"
    await client.undo(session.id)
    assert house.read("a.txt") == "old\n"
    assert not (house.workspace / "b.txt").exists()
    await client.undo(session.id, redo=True)
    assert house.read("a.txt") == "new\n"
    assert house.read("b.txt") == "b\n"
    await client.undo(session.id)
    await watch(client, session.id, ask("Hi"))
    assert any("undid" in str(message) for message in gateway.prompts[-1].messages)


async def test_undo_never_takes_away_what_a_person_changed_since(house, ask, watch):
    house.write("a.txt", "old\n")
    gateway = ScriptedGateway(Script(ToolCall("fs.edit", {"path": "a.txt", "old": "old", "new": "new"}), "Done."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("Change"))
    house.write("a.txt", "mine\n")
    assert (await client.plan_undo(session.id)).conflicts
    with pytest.raises(Exception, match=r"a\.txt"):
        await client.undo(session.id)
    assert house.read("a.txt") == "mine\n"


async def test_a_file_changed_by_a_person_since_it_was_read_is_not_overwritten(house, ask, events):
    house.write("a.txt", "first\n")
    gateway = ScriptedGateway(
        Script(
            ToolCall("fs.read", {"path": "a.txt"}), ToolCall("fs.write", {"path": "a.txt", "content": "model\n"}), "Hm."
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = []
    async for item in client.run(session.id, ask("Rewrite")):
        seen.append(item)
        if isinstance(item, Recorded) and isinstance(item.event, ToolFinished) and item.event.tool == "fs.read":
            house.write("a.txt", "person\n")
    assert house.read("a.txt") == "person\n"
    assert events(seen, ToolFinished)[-1].result.fault.code == "edits.stale"


async def test_the_model_is_told_once_when_a_file_it_has_seen_changes(house, ask, events):
    house.write("a.txt", "first\n")
    house.write("b.txt", "b\n")
    gateway = ScriptedGateway(
        Script(
            [ToolCall("fs.read", {"path": "a.txt"}), ToolCall("fs.read", {"path": "b.txt"})],
            ToolCall("fs.list"),
            ToolCall("git.status"),
            "Done.",
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = []
    async for item in client.run(session.id, ask("Look")):
        seen.append(item)
        if isinstance(item, Recorded) and isinstance(item.event, StepStarted) and item.event.step == 2:
            house.write("a.txt", "person\n")
            (house.workspace / "b.txt").unlink()
    told = [event.parts[0].text for event in events(seen, UserMessage) if event.author == "cherry"]
    assert len(told) == 1
    assert "- a.txt\n" in told[0]
    assert "b.txt (gone)" in told[0]


async def test_what_cherry_itself_wrote_is_no_surprise(house, ask, watch, events):
    house.write("a.txt", "first\n")
    edit = ToolCall("fs.edit", {"path": "a.txt", "old": "first", "new": "second"})
    client = await house.open(ScriptedGateway(Script(ToolCall("fs.read", {"path": "a.txt"}), edit, "Done.")))
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Edit"))
    assert not [event for event in events(seen, UserMessage) if event.author == "cherry"]


async def test_a_session_goes_on_after_a_restart_with_all_it_knew(house, ask, watch, events):
    house.write("a.txt", "one\n")
    first = await house.open(ScriptedGateway(Script(ToolCall("fs.read", {"path": "a.txt"}), "It says one.")))
    session = await first.create_session(house.workspace)
    await watch(first, session.id, ask("Read a.txt"))
    gateway = ScriptedGateway(Script(ToolCall("fs.write", {"path": "a.txt", "content": "two\n"}), "Written."))
    second = await house.open(gateway)
    latest = await second.latest_session(house.workspace)
    assert latest is not None
    assert latest.id == session.id
    seen = await watch(second, session.id, ask("Now write two"))
    assert "It says one." in str(gateway.prompts[0].messages)
    assert house.read("a.txt") == "two\n", "what was read before the restart still counts as seen"
    assert finished(events, seen).outcome == "done"


async def test_a_fork_has_the_same_past_and_its_own_future(house, ask, watch):
    gateway = ScriptedGateway(Script("One.", "Two.", "Fork."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    await watch(client, session.id, ask("first"))
    await watch(client, session.id, ask("second"))
    fork = await client.fork(session.id, upto_turn=1)
    await watch(client, fork.id, ask("other"))
    texts = [message.parts[0].text for message in gateway.prompts[-1].messages if isinstance(message, FromUser)]
    assert texts == ["first", "other"]
    assert (await client.session(session.id)).turns == 2


async def test_repeated_call_ids_from_a_careless_server_do_not_mix_results_up(house, ask, watch, events):
    for name in "ab":
        house.write(f"{name}.txt", f"content of {name}\n")
    gateway = ScriptedGateway(
        Script(
            ToolCall("fs.read", {"path": "a.txt"}, id="call_0"),
            ToolCall("fs.read", {"path": "b.txt"}, id="call_0"),
            "Ok.",
        )
    )
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Read both"))
    texts = [event.result.text for event in events(seen, ToolFinished)]
    assert "content of a" in texts[0]
    assert "content of b" in texts[1]


async def test_a_manual_compaction_keeps_the_rule_the_user_gave(house, ask, watch):
    gateway = ScriptedGateway(Script("One.", "Two.", "Three.", "They talked.", "Four."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    for text in ("Always answer in French", "b", "c"):
        await watch(client, session.id, ask(text))
    summary = await client.compact(session.id)
    assert "Always answer in French" in summary
    await watch(client, session.id, ask("d"))
    assert "Always answer in French" in gateway.prompts[-1].messages[0].parts[0].text
    assert len(gateway.prompts[-1].messages) < 8


async def test_a_missing_sandbox_is_said_aloud_and_every_command_is_asked_for(house, ask, watch, events):
    house.machine = Machine(lambda: Probe(why_not="there is none"), lambda: False)
    gateway = ScriptedGateway(Script(ToolCall("shell.run", {"command": "ls"}), "Hello."))
    client = await house.open(gateway)
    session = await client.create_session(house.workspace)
    seen = await watch(client, session.id, ask("Hi", approver="nobody"))
    assert any("no sandbox" in notice.text for notice in events(seen, Notice))
    assert finished(events, seen).outcome == "approval", "even a command that only reads is asked for"

"""`kill -9` at any moment of a turn: what was acknowledged is kept, nothing is done twice, the turn goes on within seconds."""

import asyncio
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cherry.bootstrap.program import make_wiring
from cherry.cli.wiring import ClientOptions
from cherry.client.port import Request
from cherry.domain.calls import Result
from cherry.domain.events import AssistantMessage, ChangesApplied, Recorded, ToolFinished, ToolStarted
from cherry.storage.holders import holder_id
from cherry.storage.open import open_store
from cherry.storage.ports import Draft
from cherry.testing.program import Ended, Line, Program, Running, provider, wait_until
from cherry.testing.scripts import HangMidStream, Script, SeenRequest, SlowDrip, ToolCall, Words, answer
from cherry.testing.wire import WireDouble

EDITS = ("fs.edit", "fs.write")
APP = "start\n# end\n"


def mark(name: str) -> ToolCall:
    """An edit that would show if it were made twice."""
    return ToolCall("fs.edit", {"path": "app.py", "old": "# end", "new": f"{name}\n# end"})


def enter(name: str, more: str = "") -> ToolCall:
    """A command that would show if it were run twice."""
    return ToolCall(
        "shell.run", {"command": f"echo {name} | tee -a ledger; {more or 'true'}; echo {name} done >> ledger"}
    )


def chapter(suffix: str = "") -> tuple[Words, ...]:
    """Eight steps of one turn; which one comes next depends on the conversation alone, however often it is asked."""
    return (
        enter(f"one{suffix}"),
        mark(f"first{suffix}"),
        ToolCall("fs.write", {"path": f"notes/new{suffix}.md", "content": "written once\n"}),
        enter(f"two{suffix}", "sleep 0.05"),
        [mark(f"second{suffix}"), ToolCall("fs.read", {"path": "app.py"}), enter(f"three{suffix}")],
        mark(f"third{suffix}"),
        enter(f"four{suffix}", "sleep 0.02"),
        answer("All done."),
    )


STORY = chapter()
SHORT_STORY: tuple[Words, ...] = (STORY[0], STORY[4], STORY[2], STORY[7])
"""What is done in it is what can be done; nothing comes twice."""


def storyteller(story: tuple[Words, ...]) -> Script:
    def tell(request: SeenRequest) -> Words:
        return story[sum(message.role == "assistant" for message in request.messages)]

    return Script.of(tell)


@pytest.fixture
def workplace(cherry: Program) -> Program:
    cherry.write("app.py", APP)
    return cherry


def acknowledged(ended: Ended) -> list[Line]:
    """Events that reached whoever watched; the line that was being written when the process died is not one."""
    whole, _, _ = ended.raw.rpartition(b"\n")
    return [line for line in ended._replace(raw=whole).lines if line["type"] == "event"]


def check_story_told_once(cherry: Program, double: WireDouble, watched: list[Line]) -> None:
    log = cherry.log()
    check_log(cherry, log, watched)
    assert double.complaints == []
    cherry.expect_no_leftovers()


def check_log(cherry: Program, log: list[Recorded], watched: list[Line]) -> None:
    """Nothing acknowledged is lost, every call has one result, every effect is there as often as its result says."""
    assert [recorded.seq for recorded in log] == list(range(1, len(log) + 1))
    by_seq = {recorded.seq: recorded.model_dump(mode="json") for recorded in log}
    for line in watched:
        assert by_seq[line["seq"]]["id"] == line["id"]
        assert by_seq[line["seq"]]["event"] == line["event"]
    asked = [call for one in log if isinstance(one.event, AssistantMessage) for call in one.event.message.calls]
    results = {one.event.call_id: one.event.result for one in log if isinstance(one.event, ToolFinished)}
    finished = [one.event.call_id for one in log if isinstance(one.event, ToolFinished)]
    assert sorted(finished) == sorted(call.id for call in asked)
    edits = [one for one in log if isinstance(one.event, ChangesApplied) and one.event.by == "edit"]
    assert len(edits) == sum(call.tool in EDITS for call in asked)
    marks = [call.arguments["new"] for call in asked if call.tool == "fs.edit"]
    assert cherry.read("app.py") == "start\n" + "".join(mark.removesuffix("# end") for mark in marks) + "# end\n"
    for call in asked:
        if call.tool == "fs.write":
            assert cherry.read(call.arguments["path"]) == call.arguments["content"]
        elif call.tool == "shell.run":
            check_entry(cherry, call.arguments["command"].split()[1], results[call.id])


def check_entry(cherry: Program, name: str, result: Result) -> None:
    path = cherry.workspace / "ledger"
    ledger = path.read_text().splitlines() if path.exists() else []
    if result.status == "success":
        assert [line for line in ledger if line.split()[0] == name] == [name, f"{name} done"]
    else:
        assert result.fault is not None
        assert result.fault.code == "tools.interrupted"
        assert ledger.count(name) <= 1
        assert ledger.count(f"{name} done") <= 1


def resume(cherry: Program, double: WireDouble, *how: str) -> Ended:
    started = time.monotonic()
    running = cherry.start("run", "--json", "--yes", *(how or ("--continue",)), double=double)
    running.until("turn.resumed")
    assert time.monotonic() - started < 5
    return running.ended()


def _streams_text(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "text"


def _prints(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "output"


def _waits(line: Line) -> bool:
    return line["type"] == "live" and line["kind"] == "working" and line["what"].startswith("Waiting")


MOMENTS: dict[str, tuple[str | Callable[[Line], bool], int]] = {
    "when the request is in the log": ("user.message", 1),
    "while it waits for the model": (_waits, 2),
    "when a command has begun": ("tool.started", 1),
    "when a command has ended": ("tool.finished", 1),
    "when an answer with an edit has come": ("assistant.message", 2),
    "between leave to write and the write, or just after": ("tool.started", 2),
    "when a file has been changed": ("changes.applied", 1),
    "when changes were checked": ("validation.finished", 1),
    "while a command prints": (_prints, 1),
    "in the middle of three calls at once": ("tool.started", 5),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_turn_killed_goes_on_and_does_nothing_twice(workplace: Program, moment: str) -> None:
    wanted, count = MOMENTS[moment]
    with provider(storyteller(STORY)) as double:
        running = workplace.start("run", "--json", "--yes", "tell the story", double=double)
        running.until(wanted, count=count)
        killed = running.kill()
        assert killed.code == -9
        workplace.expect_no_leftovers()
        ended = resume(workplace, double)
        assert ended.end["outcome"] == "done"
        assert ended.end["answer"] == "All done."
        check_story_told_once(workplace, double, [*acknowledged(killed), *acknowledged(ended)])


def test_a_turn_killed_in_the_middle_of_an_answer_asks_for_it_again_and_takes_nothing_half(workplace: Program) -> None:
    half = HangMidStream(after=4, reply=answer("This answer begins well and would go on for a good while."))
    told = False

    def tell(request: SeenRequest) -> Words:
        nonlocal told
        if told or len(request.results) == 0:
            return enter("one") if not request.results else "Whole."
        told = True
        return half

    with provider(Script.of(tell)) as double:
        running = workplace.start("run", "--json", "--yes", "go", double=double)
        running.until(_streams_text)
        killed = running.kill()
        ended = resume(workplace, double, "--resume", killed.lines[0]["session"])
        assert ended.end["answer"] == "Whole."
        assert workplace.read("ledger").splitlines() == ["one", "one done"]
        texts = [message.text for message in double.model_requests[-1].seen.messages if message.role == "assistant"]
        assert not any("begins well" in text for text in texts)
        assert double.complaints == []


def test_a_command_that_ran_when_cherry_was_killed_dies_with_it_and_is_reported_as_interrupted(
    workplace: Program,
) -> None:
    story: tuple[Words, ...] = (
        ToolCall("shell.run", {"command": "echo begun >> ledger; (sleep 601; echo late >> ledger) & sleep 600"}),
        "I see.",
    )
    with provider(storyteller(story)) as double:
        ledger = workplace.write("ledger", "")
        running = workplace.start("run", "--json", "--yes", "go", double=double)
        running.until("tool.started")
        wait_until(lambda: ledger.read_text() == "begun\n")
        running.kill()
        workplace.expect_no_leftovers()
        ended = resume(workplace, double)
        [message] = double.model_requests[-1].seen.results
        assert "tools.interrupted" in message.text
        assert "not known how much of it happened" in message.text
        assert ended.code == 0
        assert workplace.read("ledger") == "begun\n"


def test_a_background_command_dies_with_a_killed_cherry_too(workplace: Program) -> None:
    story: tuple[Words, ...] = (
        ToolCall("shell.run", {"command": "setsid sleep 602", "background": True}),
        ToolCall("shell.run", {"command": "sleep 603"}),
        "I see.",
    )
    with provider(storyteller(story)) as double:
        running = workplace.start("run", "--json", "--yes", "go", double=double)
        running.until("tool.started", count=2)
        wait_until(lambda: any("sleep 602" in line for line in workplace.leftovers()))
        running.kill()
        workplace.expect_no_leftovers()
        assert resume(workplace, double).code == 0


def test_what_a_killed_cherry_left_in_the_temporary_folder_is_cleared_away_by_the_next(workplace: Program) -> None:
    temporary = workplace.root / "tmp"
    temporary.mkdir()
    (temporary / "cherry-of-another").mkdir()
    workplace.environ["TMPDIR"] = str(temporary)
    with provider(storyteller((ToolCall("shell.run", {"command": "touch /tmp/mine; sleep 605"}), "I see."))) as double:
        running = workplace.start("run", "--json", "--yes", "go", double=double)
        wait_until(lambda: list(temporary.rglob("mine")) != [])
        running.kill()
        workplace.expect_no_leftovers()
        assert resume(workplace, double).code == 0
    assert [entry.name for entry in temporary.iterdir()] == ["cherry-of-another"]


def test_the_wait_for_an_approval_survives_a_kill(workplace: Program) -> None:
    story: tuple[Words, ...] = (enter("one"), "Thank you.")
    with provider(storyteller(story)) as double:
        with workplace.terminal("run", "go", double=double) as terminal:
            terminal.expect("Allow?")
            terminal.process.kill()
            terminal.wait()
        with workplace.terminal("run", "--continue", double=double) as terminal:
            terminal.expect("Allow?")
            terminal.keys("y\r")
            terminal.expect("Thank you.")
            assert terminal.wait() == 0
        kinds = [recorded.event.kind for recorded in workplace.log()]
        assert kinds.count("approval.requested") == 1
        assert workplace.read("ledger").splitlines() == ["one", "one done"]
        assert len(double.model_requests) == 2


def test_a_new_request_after_a_kill_leaves_the_old_turn_in_order(workplace: Program) -> None:
    story: tuple[Words, ...] = ([ToolCall("shell.run", {"command": "sleep 604"}), mark("first")], "Something else.")
    with provider(storyteller(story)) as double:
        running = workplace.start("run", "--json", "--yes", "go", double=double)
        running.until("tool.started")
        running.kill()
        ended = workplace.run("run", "--json", "--yes", "-c", "do something else", double=double)
        assert (ended.code, ended.end["answer"]) == (0, "Something else.")
        assert double.complaints == []
        outcomes = [recorded.event.outcome for recorded in workplace.log() if recorded.event.kind == "turn.finished"]
        assert outcomes == ["interrupted", "done"]


async def test_every_state_a_kill_can_leave_behind_is_taken_up(tmp_path: Path) -> None:
    """No race and no luck: the log ends after each event in turn, the effects of calls that had begun are there or not."""
    with Program(tmp_path / "whole") as whole:
        whole.write("app.py", APP)
        with provider(storyteller(SHORT_STORY)) as double:
            assert await asyncio.to_thread(lambda: whole.run("run", "--yes", "tell", double=double).code) == 0
        log = await asyncio.to_thread(whole.log)
    first_answer = next(index for index, recorded in enumerate(log) if recorded.event.kind == "assistant.message")
    states = [(end, done) for end in range(3, len(log)) for done in (False, True) if end > first_answer or done]
    for end, done in states:
        cut = log[:end]
        if done or _begun(cut):
            try:
                await _take_up(whole, tmp_path / f"{end}{done}", cut, effects_there=done)
            except AssertionError as error:
                last = cut[-1].event
                raise AssertionError(f"cut after event {end} ({last.kind}), effects there: {done}: {error}") from error


async def _take_up(whole: Program, root: Path, cut: list[Recorded], *, effects_there: bool) -> None:
    cherry = Program(root)
    shutil.copytree(whole.home / "data" / "blobs", cherry.home / "data" / "blobs")
    store = open_store(cherry.home / "data")
    started = cut[0].event.model_copy(update={"workspace": str(cherry.workspace)})
    await store.log.create(cut[0].session, started)
    lease = await store.log.acquire(cut[0].session, holder_id(), seconds=30)
    await store.log.append(lease, [Draft(recorded.turn, recorded.event) for recorded in cut[1:]])
    await store.log.release(lease)
    await store.close()
    _lay(cherry, cut, effects_there=effects_there)
    async with WireDouble(storyteller(SHORT_STORY)) as double:
        wiring = make_wiring({**cherry.environ, **double.environment("openai")})
        async with wiring.open_client(cherry.workspace, ClientOptions()) as client:
            async for _ in client.run(cut[0].session, Request(parts=(), approver="yes")):
                pass
        log = await asyncio.to_thread(cherry.log)
        assert [(recorded.seq, recorded.id) for recorded in log[: len(cut)]] == [
            (recorded.seq, recorded.id) for recorded in cut
        ]
        check_log(cherry, log, [])
        assert double.complaints == []
    shutil.rmtree(root)


def _begun(cut: list[Recorded]) -> list[ToolStarted]:
    """Calls that were started and have no result yet."""
    finished = {recorded.event.call_id for recorded in cut if isinstance(recorded.event, ToolFinished)}
    started = [recorded.event for recorded in cut if isinstance(recorded.event, ToolStarted)]
    return [event for event in started if event.call_id not in finished and event.effect != "read"]


def _lay(cherry: Program, cut: list[Recorded], *, effects_there: bool) -> None:
    """The files as they would be."""
    there = [recorded.event for recorded in cut if isinstance(recorded.event, ToolStarted)]
    applied = {recorded.event.call_id for recorded in cut if isinstance(recorded.event, ChangesApplied)}
    if not effects_there:
        missing = [event.call_id for event in _begun(cut) if event.call_id not in applied]
        there = [event for event in there if event.call_id not in missing]
    text = APP
    for event in there:
        if event.tool == "fs.edit":
            text = text.replace(event.arguments["old"], event.arguments["new"])
        elif event.tool == "fs.write":
            cherry.write(event.arguments["path"], event.arguments["content"])
        elif event.tool == "shell.run":
            name = event.arguments["command"].split()[1]
            with (cherry.workspace / "ledger").open("a") as ledger:
                ledger.write(f"{name}\n{name} done\n")
    cherry.write("app.py", text)


SHARDS = 3
"""So that they run side by side."""


class Extent(NamedTuple):
    sessions: int
    """Of each shard."""
    chapters: int
    """Turns of each session; each is killed once, twice or three times."""


SHORT, LONG = Extent(2, 2), Extent(7, 34)


class Tally:
    """What happened, for the figures."""

    def __init__(self) -> None:
        self.kills = 0
        self.turns = 0
        self.acknowledged = 0
        self.resumed: list[float] = []
        """Seconds from the start of the program to the turn going on."""

    def __str__(self) -> str:
        waits = sorted(self.resumed) or [0.0]
        quick = sum(seconds < 5 for seconds in waits) / len(waits)
        return (
            f"{self.kills} kills in {self.turns} turns; {self.acknowledged} acknowledged events, none lost, no effect twice; "
            f"resumed within 5 s: {quick:.1%}, median {statistics.median(waits):.2f} s, slowest {waits[-1]:.2f} s"
        )


@pytest.mark.parametrize("shard", range(SHARDS))
def test_turns_killed_at_random_moments_again_and_again_end_well(tmp_path: Path, shard: int, soak: bool) -> None:
    """`CHERRY_SEED` repeats a run."""
    seed = os.environ.get("CHERRY_SEED") or str(random.randrange(1 << 32))
    dice = random.Random(f"{seed}.{shard}")
    extent = LONG if soak else SHORT
    tally = Tally()
    for number in range(extent.sessions):
        chapters = [chapter(f"-{turn}") for turn in range(extent.chapters)]
        story = tuple(step for steps in chapters for step in steps)
        with Program(tmp_path / str(number)) as cherry, provider(storyteller(story)) as double:
            cherry.write("app.py", APP)
            watched: list[Line] = []
            for turn in range(extent.chapters):
                try:
                    watched += _tell_with_kills(cherry, double, dice, tally, first=turn == 0)
                    check_story_told_once(cherry, double, watched)
                except AssertionError as error:
                    place = f"turn {turn} of session {number} of shard {shard} of seed {seed}"
                    raise AssertionError(f"{place}: {error}") from error
            tally.acknowledged += len(watched)
        shutil.rmtree(tmp_path / str(number))
    if soak:
        print(f"\nkill -9, seed {seed}, shard {shard}, {extent.sessions} sessions: {tally}", flush=True)


def _tell_with_kills(
    cherry: Program, double: WireDouble, dice: random.Random, tally: Tally, *, first: bool
) -> list[Line]:
    """One turn to its end; what was acknowledged to whoever watched."""
    watched: list[Line] = []
    words: tuple[str, ...] = ("tell the story",) if first else ("-c", "go on")
    tally.turns += 1
    for attempt in range(dice.choice((1, 1, 1, 2, 3))):
        running = cherry.start("run", "--json", "--yes", *words, double=double)
        tally.resumed += [_going_on(running)] if attempt else []
        if not attempt:
            running.until("user.message")
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(timeout=dice.uniform(0, 0.45))
        watched += acknowledged(running.kill())
        tally.kills += 1
        if cherry.log()[-1].event.kind == "turn.finished":
            return watched
        words = ("--continue",)
    running = cherry.start("run", "--json", "--yes", *words, double=double)
    tally.resumed.append(_going_on(running))
    ended = running.ended()
    assert ended.end["answer"] == "All done."
    return watched + acknowledged(ended)


def _going_on(running: Running) -> float:
    started = time.monotonic()
    running.until("turn.resumed")
    return time.monotonic() - started


def test_what_was_streamed_of_an_answer_is_kept_up_to_the_last_second(workplace: Program) -> None:
    story = " ".join(f"word-{number}" for number in range(2_000))
    slow = SlowDrip(size=40, interval=0.05, reply=answer(story))
    with provider(Script(slow, "Whole now.")) as double:
        running = workplace.start("run", "--json", "--yes", "tell me", double=double)
        running.until("answer.streamed", count=2)
        seen = [line for line in running.kill().lines if _streams_text(line)]
        ended = resume(workplace, double)
        assert ended.end["answer"] == "Whole now."
        kept = next(line["event"] for line in ended.lines if line.get("event", {}).get("kind") == "step.failed")[
            "partial"
        ]
        assert story.startswith(kept)
        shown = "".join(line["text"] for line in seen)
        assert len(kept) > len(shown) / 3
        assert "The answer above broke off" in workplace.run("sessions", "show").out
        assert "word-0 word-1" in workplace.run("sessions", "show").out
        assert kept not in str(double.model_requests[-1].body), "half an answer is no part of the conversation"

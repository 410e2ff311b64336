"""The toolbox and its wrappers, with small tools made here."""

import asyncio
import re
import threading
from dataclasses import replace
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from cherry.domain.calls import Call, Result, Status
from cherry.domain.errors import CherryError, storage, tools
from cherry.observability.log import Log
from cherry.testing.calls import CallRecorder
from cherry.testing.clock import FakeClock
from cherry.testing.store import MemoryStore
from cherry.tools.context import ToolContext
from cherry.tools.invocation import Invocation, Proceed
from cherry.tools.tool import Output, Tool, tool, tools_of
from cherry.tools.toolbox import Toolbox
from cherry.tools.wrappers.cut import Limits, cut_long, shortened
from cherry.tools.wrappers.errors import report_errors
from cherry.tools.wrappers.leave import ask_leave
from cherry.tools.wrappers.redact import redact
from cherry.tools.wrappers.time_limit import limit_time
from cherry.tools.wrappers.validate import validate


class Lines:
    """A log sink that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


LOG = Lines()
INNER = (report_errors(Log(LOG)), validate, ask_leave, limit_time)


@tool("demo.add", effect="read", title=lambda given: f"Add {given['first']}")
async def add(
    ctx: ToolContext,
    first: int,
    second: Annotated[int, Field(ge=0)] = 0,
    loud: bool = False,
    names: tuple[str, ...] = (),
) -> str:
    """Add two numbers."""
    total = f"{first + second}{'!' if loud else ''}"
    return total + "".join(names)


@tool("demo.echo", effect="read")
async def echo(ctx: ToolContext, text: str) -> Output:
    """Say it back."""
    return Output(text, untrusted=True)


@tool("demo.crash", effect="run")
async def crash(ctx: ToolContext) -> str:
    """Break."""
    raise ZeroDivisionError("a secret detail")


@tool("demo.sleep", effect="run", timeout_seconds=0.05, asks_itself=True)
async def sleep(ctx: ToolContext, ask: bool = False) -> str:
    """Wait for ever, or for a person."""
    if ask:
        return await ctx.ask("Well?", ())
    await asyncio.Event().wait()
    return ""


@tool("demo.plain", effect="read")
def plain_function(number: int) -> str:
    """Not async, and needs no context."""
    return f"{number} {threading.current_thread() is threading.main_thread()}"


def box(*wrappers: object) -> Toolbox:
    return Toolbox(list(tools_of(add, echo, crash, sleep, plain_function)), wrappers or INNER)  # type: ignore[arg-type]


async def run(
    name: str, arguments: dict[str, object], *, toolbox: Toolbox | None = None, malformed: str = ""
) -> Result:
    call = Call(id="call_1", tool=name, arguments=arguments, malformed=malformed)
    return await CallRecorder(toolbox or box()).execute(call)


async def test_a_call_runs_its_function_with_typed_arguments() -> None:
    assert (await run("demo.add", {"first": 1, "second": 2})).text == "3"


async def test_the_time_a_person_takes_is_not_the_time_of_the_call() -> None:
    clock = FakeClock()

    @tool("demo.work", effect="run")
    async def work(ctx: ToolContext) -> str:
        """Take two seconds."""
        clock.move(2)
        return "done"

    toolbox = Toolbox(list(tools_of(work)), INNER, clock=clock)
    recorder = CallRecorder(toolbox)
    recorder.before_proceeding = lambda _intent: clock.move(3600)
    assert (await recorder.run("demo.work")).seconds == 2


async def test_a_function_that_is_not_async_runs_in_a_thread() -> None:
    assert (await run("demo.plain", {"number": 7})).text == "7 False"


async def test_a_tool_is_found_by_its_wire_name() -> None:
    assert (await run("demo_add", {"first": 1})).text == "1"


async def test_an_unknown_tool_is_refused_with_the_nearest_names() -> None:
    result = await run("demo.ad", {})
    assert result.status is Status.ERROR
    assert result.fault
    assert result.fault.code == tools.UNKNOWN_TOOL.code
    assert "demo_add" in result.text


async def test_a_name_nothing_resembles_gets_all_names() -> None:
    result = await run("\x1b[2Jzzzzzzzz\n" * 50, {})
    assert "demo_echo" in result.text
    assert "\x1b" not in result.text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"first": "5"}, "5"),
        ({"first": 5.0, "loud": "true"}, "5!"),
        ({"first": 5, "second": None}, "5"),
        ({"first": 5, "names": '["a","b"]'}, "5ab"),
        ({"first": 5, "names": "a.py"}, "5a.py"),
        ({"first": 5, "names": ["x"]}, "5x"),
    ],
)
async def test_what_has_one_reading_is_read_so(given: dict[str, object], text: str) -> None:
    assert (await run("demo.add", given)).text == text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["`first` is missing", "first (integer, required)"]),
        ({"first": "five"}, ["`first` should be a valid integer", '"five"']),
        ({"first": 1.5}, ["`first` should be a valid integer", "1.5"]),
        ({"first": 1, "second": -1}, ["`second` should be greater than or equal to 0", "-1"]),
        ({"first": 1, "secnd": 2}, ["no argument `secnd`", "perhaps `second`"]),
        ({"first": None}, ["`first` should be a valid integer", "null"]),
    ],
)
async def test_bad_arguments_are_refused_with_what_was_given_and_expected(
    given: dict[str, object], words: list[str]
) -> None:
    recorder = CallRecorder(box())
    result = await recorder.execute(Call(id="call_1", tool="demo.add", arguments=given))
    assert result.fault
    assert result.fault.code == tools.BAD_ARGUMENTS.code
    assert all(word in result.text for word in words), result.text
    assert recorder.intents == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ('{"first": 1', "end too early"),
        ('{"first": 1,, "second": 2}', "line 1, column 13"),
        ("[1, 2]", "they are [1, 2]"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
async def test_arguments_that_are_no_json_object_are_refused_with_the_place(raw: str, words: str) -> None:
    result = await run("demo.add", {}, malformed=raw)
    assert result.fault
    assert result.fault.code == tools.BAD_ARGUMENTS.code
    assert words in result.text


async def test_a_crash_tells_the_model_its_kind_and_nothing_more() -> None:
    result = await run("demo.crash", {})
    assert result.fault
    assert result.fault.code == tools.CRASHED.code
    assert "ZeroDivisionError" in result.text
    assert "secret" not in result.text
    assert "a secret detail" in LOG.lines[-1]


async def test_leave_is_asked_before_the_function_runs() -> None:
    recorder = CallRecorder(box(), refuse=CherryError(tools.DENIED, "No"))
    result = await recorder.run("demo.crash")
    assert [intent.effect for intent in recorder.intents] == ["run"]
    assert result.fault
    assert result.fault.code == tools.DENIED.code


async def test_a_tool_that_takes_too_long_is_ended_by_name() -> None:
    result = await run("demo.sleep", {})
    assert result.fault
    assert result.fault.code == tools.TIMEOUT.code
    assert "tools.demo.sleep" in result.text


async def test_waiting_for_a_person_does_not_count() -> None:
    recorder = CallRecorder(box())
    call = Call(id="call_1", tool="demo.sleep", arguments={"ask": True})
    asked, answer = asyncio.Event(), asyncio.Event()

    async def ask(question: str, options: tuple[str, ...]) -> str:
        asked.set()
        await answer.wait()
        return "yes"

    task = asyncio.create_task(recorder.toolbox.execute(call, replace(recorder.context(call), ask=ask)))
    await asked.wait()
    asyncio.get_running_loop().call_later(0.15, answer.set)  # three times what the tool may take
    assert (await task).text == "yes"


async def test_cancellation_passes_through() -> None:
    task = asyncio.create_task(run("demo.sleep", {}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_wrapper_that_breaks_does_not_break_the_turn() -> None:
    async def broken(invocation: Invocation, proceed: Proceed) -> Result:
        raise KeyError("wrapper")

    result = await run("demo.add", {"first": 1}, toolbox=box(broken))
    assert result.fault
    assert result.fault.code == tools.CRASHED.code


async def test_a_wrapper_can_answer_in_the_tools_place() -> None:
    async def cached(invocation: Invocation, proceed: Proceed) -> Result:
        return Result(call_id=invocation.call.id, status=Status.SUCCESS, text="from the cache")

    assert (await run("demo.crash", {}, toolbox=box(cached, *INNER))).text == "from the cache"


async def test_long_text_is_cut_in_the_middle_and_kept_whole() -> None:
    store = MemoryStore()
    text = "\n".join(f"line {number}" for number in range(1, 2001))
    result = await run("demo.echo", {"text": text}, toolbox=box(cut_long(store.blobs, Limits(1_000, 60)), *INNER))
    assert len(result.text) < 1_300
    assert result.text.startswith("line 1\n")
    assert result.text.endswith("line 2000")
    assert await store.blobs.get(result.kept) == text.encode()
    first_left_out = int(result.text.split("offset ")[1].split(" ")[0])
    head = result.text.split("\n…")[0].count("\n") + 1
    assert first_left_out == head + 1


async def test_where_there_is_no_room_to_keep_the_whole_the_call_still_succeeds() -> None:
    class Full(MemoryStore().blobs.__class__):  # type: ignore[misc]
        async def put(self, data: bytes) -> str:
            raise CherryError(storage.NO_SPACE)

    result = await run("demo.echo", {"text": "x" * 5_000}, toolbox=box(cut_long(Full(), Limits(1_000, 60)), *INNER))
    assert result.ok
    assert result.kept == ""
    assert "no room to keep" in result.text


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=80),
    st.integers(30, 400),
    st.integers(3, 40),
)
def test_a_cut_keeps_both_ends_and_counts_what_is_between(lines: list[str], characters: int, count: int) -> None:
    text = "\n".join(lines)
    limits = Limits(characters, count)
    if not limits.exceeded_by(text):
        return
    cut = shortened(text, limits, "b2:0")
    found = re.search(r"… [\d,]+ lines? \([\d,]+ characters?\) left out here; [^\n]+ offset (\d+) …\n", cut)
    assert found
    head, tail = cut[: found.start()], cut[found.end() :]
    within = head[:-1]  # where the cut falls within a line, a line end was put there
    assert text.startswith(within)
    assert text.endswith(tail)
    assert len(within) + len(tail) <= characters
    assert within.count("\n") + tail.count("\n") <= count
    assert int(found[1]) in (within.count("\n") + 1, within.count("\n") + 2)
    assert text.startswith(head) or int(found[1]) == within.count("\n") + 1


async def test_secrets_are_taken_out_before_the_text_is_kept() -> None:
    store = MemoryStore()
    wrappers = (cut_long(store.blobs, Limits(100, 600)), redact(lambda text: text.replace("hunter2", "***")), *INNER)
    result = await run("demo.echo", {"text": "hunter2" * 100}, toolbox=box(*wrappers))
    assert b"hunter2" not in await store.blobs.get(result.kept)
    assert "hunter2" not in result.text


def test_titles_and_resources_survive_odd_arguments() -> None:
    call = Call(id="c", tool="demo.add", arguments={})
    assert box().title(call) == "demo.add"
    assert box().resources(call) == ()
    assert box().effect(Call(id="c", tool="nope", arguments={})) == "read"


def test_titles_hide_nothing() -> None:
    assert (
        box().title(Call(id="c", tool="demo.add", arguments={"first": "a\u202eb\x1b[2J\nc"}))
        == "Add a\\u202eb\\x1b[2J c"
    )


def test_what_is_offered_is_the_same_object_every_time() -> None:
    toolbox = box()
    assert toolbox.offered() is toolbox.offered()
    assert [tool.name for tool in toolbox.offered()] == [
        "demo.add",
        "demo.echo",
        "demo.crash",
        "demo.sleep",
        "demo.plain",
    ]


def test_two_tools_of_one_name_are_a_mistake_of_the_programmer() -> None:
    one: list[Tool] = list(tools_of(add))
    with pytest.raises(ValueError, match="two tools"):
        Toolbox(one * 2)

"""Long sessions in small windows: every prompt fits, and what must not get lost is in it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from cherry.agent.recall import MAX_PASSAGES
from cherry.bootstrap.application import ModelChoice, open_application
from cherry.bootstrap.workspaces import Machine, Surroundings
from cherry.client.inprocess import InProcessClient
from cherry.client.port import Request
from cherry.config.settings import ModelSettings, Settings
from cherry.domain.calls import Status
from cherry.domain.content import FilePart, FromAssistant, FromTools, FromUser, ImagePart, TextPart, UserPart
from cherry.domain.events import Event, HistoryCompacted, Recorded, StepFailed, ToolFinished, TurnFinished, UserMessage
from cherry.domain.prompts import ModelRef, Prompt
from cherry.gateway.port import ModelFacts
from cherry.kernel.clock import SystemClock
from cherry.kernel.paths import home_folders
from cherry.observability.log import Log
from cherry.testing.model import Price, ScriptedGateway
from cherry.testing.scripts import Refuse, Script, SeenRequest, ToolCall, Words
from cherry.testing.store import MemoryStore

WINDOW = 8_192
FACTS = ModelFacts(WINDOW, 4_096, images=True, tools=True, priced=True)
RULE = "Never touch the file settings.ini, whatever anybody says later."
MODEL = ModelRef("openai", "test")


class Small:
    """Cherry in memory, with a gateway whose every prompt is looked at."""

    def __init__(self, root: Path) -> None:
        self.workspace = root / "work"
        self.workspace.mkdir()
        self.environ = {"CHERRY_HOME": str(root / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root)}
        self.store = MemoryStore()
        self.stack = AsyncExitStack()
        self.gateway = ScriptedGateway()

    async def open(
        self, script: Script, *, facts: ModelFacts = FACTS, settings: Settings | None = None
    ) -> InProcessClient:
        self.gateway = Watching(script, facts=facts)
        around = Surroundings(
            store=self.store,
            settings=settings or Settings(),
            folders=home_folders(self.environ),
            environ=self.environ,
            clock=SystemClock(),
            log=Log(),
            machine=Machine.here(self.environ),
            trusted=False,
        )

        async def default() -> ModelRef:
            return MODEL

        client = open_application(
            around,
            gateway=self.gateway,
            choice=ModelChoice(default, lambda text: ModelRef.parse(text) or MODEL),
            workspace=self.workspace,
            checks=lambda: asyncio.sleep(0, []),
        )
        self.stack.push_async_callback(client.close)
        self.session = (await client.create_session(self.workspace)).id
        self.client = client
        return client

    async def turn(self, *parts: str | UserPart, expect: str = "done") -> TurnFinished:
        given = tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts)
        end = None
        async for item in self.client.run(self.session, Request(parts=given, approver="yes")):
            if isinstance(item, Recorded) and isinstance(item.event, TurnFinished):
                end = item.event
        assert end is not None
        assert end.outcome == expect, end.fault
        return end

    async def events(self, kind: type[Event]) -> list[Event]:
        return [one.event async for one in self.store.log.read(self.session) if isinstance(one.event, kind)]


class Watching(ScriptedGateway):
    """Refuses nothing, but looks at everything that would be sent."""

    def stream(self, prompt: Prompt):  # type: ignore[no-untyped-def]
        tokens = self.count_tokens(prompt) + (prompt.max_output_tokens or 0)
        window = self.facts(prompt.model).context_window
        assert window is not None
        assert prompt.max_output_tokens
        assert tokens <= window, f"{tokens} tokens in a window of {window}"
        well_ordered(prompt)
        return super().stream(prompt)


def well_ordered(prompt: Prompt) -> None:
    """Every call has its result right after it, and no result stands alone."""
    open_calls: list[str] = []
    for message in prompt.messages:
        if isinstance(message, FromTools):
            assert [result.call_id for result in message.results] == open_calls
            open_calls = []
            continue
        assert not open_calls
        if isinstance(message, FromAssistant):
            open_calls = [call.id for call in message.calls]
    assert not open_calls
    assert not isinstance(prompt.messages[-1], FromAssistant)


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Small]:
    made = Small(tmp_path)
    yield made
    await made.stack.aclose()


def text_of(prompt: Prompt) -> str:
    return "\n".join(
        part.text
        for message in prompt.messages
        if isinstance(message, FromUser)
        for part in message.parts
        if isinstance(part, TextPart)
    )


def talk(words: int) -> str:
    """Text that does not repeat itself."""
    return " ".join(f"word{number}" for number in range(words))


def busy(request: SeenRequest) -> Words:
    """Writes a file every fiftieth turn, reads something long in every other one, and talks."""
    if not request.tools:
        return "They went on. " + talk(40)
    turn = max(map(int, re.findall(r"request (\d+)", request.messages[-1].text)), default=0)
    if request.messages[-1].role == "tool" or not turn:
        return f"That is done now. {talk(60)}"
    if turn % 50 == 0:
        return ToolCall("fs.write", {"path": f"made/part{turn}.txt", "content": f"{turn}\n"})
    if turn % 60 == 1:
        return ToolCall("todo.write", {"items": [f"finish chapter {turn}", "go home"]})
    return ToolCall("fs.read", {"path": "long.txt", "offset": 1 + turn % 40, "limit": 20})


TURNS = 500


async def test_five_hundred_turns_in_an_eight_thousand_token_window(small: Small) -> None:
    (small.workspace / "long.txt").write_text("".join(f"line {number}: {'word ' * 14}\n" for number in range(120)))
    (small.workspace / "AGENTS.md").write_text("Run make before you commit.\n")
    await small.open(Script.of(busy))
    await small.turn(f"{RULE} This is request 1.")
    for number in range(2, TURNS + 1):
        await small.turn(f"Go on with request {number}, please.")

    last = small.gateway.prompts[-1]
    assert RULE in text_of(last)
    for turn in range(50, TURNS, 50):
        assert f"made/part{turn}.txt" in text_of(last), "the list of changed files"
    assert f"finish chapter {TURNS // 60 * 60 + 1}" in str(last.messages), "the open to-dos"
    compactions = await small.events(HistoryCompacted)
    assert {event.by for event in compactions} == {"model"}
    turns = [prompt for prompt in small.gateway.prompts if prompt.purpose == "turn"]
    assert len(compactions) < len(turns) / 3, "compacted rarely and much"
    assert all((prompt.system, prompt.tools) == (turns[0].system, turns[0].tools) for prompt in turns)
    kept = sum(after.messages[: len(before.messages)] == before.messages for before, after in pairwise(turns))
    assert kept >= len(turns) - 1 - len(compactions), "in between a prompt only grows at its end"


async def test_when_no_summary_can_be_had_the_session_goes_on_all_the_same(small: Small) -> None:
    def script(request: SeenRequest) -> Words:
        return busy(request) if request.tools else Refuse("server_error")

    (small.workspace / "long.txt").write_text("word " * 2_000)
    await small.open(Script.of(script))
    await small.turn(f"{RULE} This is request 1.")
    for number in range(2, 80):
        await small.turn(f"Go on with request {number}.")
    compactions = await small.events(HistoryCompacted)
    assert {event.by for event in compactions} == {"extract"}
    assert "That is done now" in compactions[-1].told
    assert RULE in text_of(small.gateway.prompts[-1])


async def test_one_huge_message_and_one_huge_result_are_cut_in_the_prompt_and_whole_in_the_log(small: Small) -> None:
    megabyte = "".join(f"{number} bottles of beer\n" for number in range(45_000))
    line = "x" * 1_000_000
    (small.workspace / "huge.txt").write_text(line)
    await small.open(
        Script(
            "I see a lot of bottles.",
            [ToolCall("fs.read", {"path": "huge.txt"}), ToolCall("shell.run", {"command": "cat huge.txt"})],
            ToolCall("fs.write", {"path": "copy.txt", "content": megabyte}),
            "Read and written.",
            aside="They talked about bottles.",
        )
    )
    await small.turn(megabyte + RULE)
    await small.turn("Read it", FilePart(name="notes", text=megabyte))
    assert (small.workspace / "copy.txt").read_text() == megabyte
    assert RULE in text_of(small.gateway.prompts[-1])
    logged = [one.event async for one in small.store.log.read(small.session)]
    said = [part.text for event in logged if isinstance(event, UserMessage) for part in event.parts]
    assert [text for text in said if megabyte in text] == [megabyte + RULE, megabyte]
    assert all(event.result.status is Status.SUCCESS for event in logged if isinstance(event, ToolFinished))


async def test_images_that_do_not_fit_are_named_instead(small: Small) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60_000
    await small.open(Script("Fine."))
    images = [ImagePart(media_type="image/png", data=png, name=f"shot{number}.png") for number in range(3)]
    await small.turn("Look", *images)
    assert "shot0.png left out" in text_of(small.gateway.prompts[-1])


async def test_a_session_of_one_endless_turn_is_compacted_in_the_middle_of_it(small: Small) -> None:
    calls = [ToolCall("fs.read", {"path": "long.txt", "offset": number}) for number in range(1, 90)]
    (small.workspace / "long.txt").write_text("".join(f"line {number}: {'word ' * 20}\n" for number in range(120)))
    await small.open(Script(*calls, "Done.", aside="They read."))
    await small.turn(f"{RULE} Read it all.")
    assert f"{RULE} Read it all." in text_of(small.gateway.prompts[-1])


async def test_a_refusal_teaches_the_window_and_the_session_remembers(small: Small) -> None:
    """The gateway knows no window; the provider has one."""
    limit = 9_000

    def script(request: SeenRequest) -> Words:
        prompt = small.gateway.prompts[-1]
        if small.gateway.count_tokens(prompt) + (prompt.max_output_tokens or 0) > limit:
            return Refuse("context_too_long")
        return busy(request)

    (small.workspace / "long.txt").write_text("".join(f"line {number}: {'word ' * 20}\n" for number in range(120)))
    await small.open(Script.of(script), facts=ModelFacts(100_000, None, tools=True, priced=True))
    await small.turn(f"{RULE} This is request 1.")
    for number in range(2, 40):
        await small.turn(f"Go on with request {number}.")
    refused = await small.events(StepFailed)
    assert 1 <= len(refused) <= 6, "learnt once, not again in every turn"
    assert RULE in text_of(small.gateway.prompts[-1])


async def test_a_window_too_small_for_the_instructions_is_said_so(small: Small) -> None:
    await small.open(Script("Never said."), facts=ModelFacts(1_000, 500, tools=True, priced=True))
    end = await small.turn("Hi", expect="failed")
    assert (end.outcome, end.fault.code) == ("failed", "gateway.context_too_long")
    assert "1,000 tokens" in end.fault.message
    assert not small.gateway.prompts


async def test_the_model_finds_in_the_history_what_was_compacted_away(small: Small) -> None:
    await small.open(
        Script(
            "The magic number is 4711.",
            *[talk(200) for _ in range(30)],
            ToolCall("history.search", {"text": "MAGIC number"}),
            "It is 4711.",
            aside="They talked.",
        )
    )
    await small.turn("Think of a number")
    for _ in range(30):
        await small.turn("Talk")
    assert "4711" not in str(small.gateway.prompts[-1].messages)
    await small.turn("What was it?")
    (result,) = small.gateway.prompts[-1].messages[-1].results
    assert "[turn 1, you] The magic number is 4711." in result.text
    assert result.untrusted
    assert "<data-" in result.text


async def test_a_search_that_finds_much_gives_the_newest_and_one_that_finds_nothing_says_so(small: Small) -> None:
    searches = [ToolCall("history.search", {"text": text}) for text in ("word", "unicorn", "")]
    await small.open(Script(*["word"] * 30, searches, "Hm."))
    for _ in range(30):
        await small.turn("word")
    await small.turn("Search")
    much, nothing, empty = small.gateway.prompts[-1].messages[-1].results
    assert f"60 passages found, the newest {MAX_PASSAGES}" in much.text
    assert "Nothing in this session" in nothing.text, "a search does not find itself"
    assert "Nothing in this session" in empty.text


async def test_summaries_cost_and_count_towards_the_turn(small: Small) -> None:
    price = Price(input=Decimal(1), output=Decimal(1))
    await small.open(Script(*[talk(400) for _ in range(60)], aside="They talked."))
    small.gateway._price = price
    for _ in range(12):
        end = await small.turn("Talk")
    (first, *_) = await small.events(HistoryCompacted)
    assert first.cost.usd > 0
    info = await small.client.session(small.session)
    ends = await small.events(TurnFinished)
    assert info.cost.usd == sum(event.cost.usd for event in ends)
    spent = (await small.store.ledger.standings(small.session))["session"].spent
    assert abs(spent.usd - info.cost.usd) < Decimal("0.000001")
    assert end.outcome == "done"


async def test_the_small_model_tells_and_the_sessions_own_goes_on(small: Small) -> None:
    script = Script(*[talk(400)] * 40, aside="They talked.")
    await small.open(script, settings=Settings(model=ModelSettings(small="openai/cheap")))
    for number in range(12):
        await small.turn(f"Talk {number}")
    models = {(prompt.purpose, str(prompt.model)) for prompt in small.gateway.prompts}
    assert models == {("turn", "openai/test"), ("summary", "openai/cheap")}


async def test_a_fork_spends_nothing_for_its_copied_past(small: Small) -> None:
    await small.open(Script("One.", "Two."))
    small.gateway._price = Price(input=Decimal(1), output=Decimal(1))
    await small.turn("Hi")
    before = (await small.store.ledger.standings(small.session))["day"].spent
    fork = await small.client.fork(small.session)
    standings = await small.store.ledger.standings(fork.id)
    assert before.usd > 0
    assert (standings["day"].spent, standings["session"].spent.usd) == (before, 0)

"""The window over histories nobody thought of: every prompt fits, calls stay with their results, rules and changes stay known."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.agent.compaction import last_request, split
from cherry.agent.journal import Journal
from cherry.agent.spending import Accounts, Spending
from cherry.agent.state import SessionState
from cherry.agent.window import OUTPUT_SHARES, Room, Window
from cherry.agent.workbench import CompactionLimits
from cherry.domain.calls import Call, Fault, Result, Status
from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, Message, TextPart
from cherry.domain.errors.gateway import CONTEXT_TOO_LONG
from cherry.domain.events import (
    AssistantMessage,
    ChangesApplied,
    Event,
    FileChange,
    HistoryCompacted,
    QuestionAnswered,
    QuestionAsked,
    SessionStarted,
    StepFailed,
    StepStarted,
    TodoWritten,
    ToolFinished,
    TurnStarted,
    UserMessage,
)
from cherry.domain.limits import Budgets, TurnLimits
from cherry.domain.prompts import ModelRef, OfferedTool, Prompt
from cherry.domain.usage import Cost, Usage
from cherry.domain.views import TodoItem
from cherry.gateway.port import ModelFacts
from cherry.storage.memory import MemoryStore
from cherry.testing.model import ScriptedGateway
from cherry.testing.scripts import Refuse, Script

MODEL = ModelRef("openai", "test")
WINDOW = 8_000


class Prompts:
    def system(self, context: str) -> str:
        return "You are Cherry. " * 60 + context


class Tools:
    def offered(self) -> tuple[OfferedTool, ...]:
        return (OfferedTool("fs.read", "Read a file. " * 40, {"type": "object"}),)


class Bench(NamedTuple):
    """As much of a workbench as a window uses."""

    prompts: Any = Prompts()
    toolbox: Any = Tools()
    summary_model: str = ""
    compaction: CompactionLimits = CompactionLimits()


class Session:
    """A log, its fold and a window on it."""

    def __init__(self, gateway: ScriptedGateway) -> None:
        self.gateway = gateway
        self.store = MemoryStore()
        self.state = SessionState()
        self.turn = 0
        self.calls = 0

    async def start(self, compaction: CompactionLimits | None = None) -> "Session":
        await self.store.log.create("s_1", SessionStarted(workspace="/w", model=str(MODEL)))
        lease = await self.store.log.acquire("s_1", "elsewhere:1:1", seconds=3600)
        async for recorded in self.store.log.read("s_1"):
            self.state.apply(recorded)
        self.journal = Journal(self.store.log, lease, self.state, lambda _item: None)
        spending = Spending(
            self.journal, gateway=self.gateway, accounts=Accounts(self.store.ledger, Budgets(), "elsewhere:1:1")
        )
        self.window = Window(
            self.journal,
            bench=Bench(compaction=compaction or CompactionLimits()),
            gateway=self.gateway,
            spending=spending,
        )
        return self

    async def append(self, *events: Event) -> None:
        await self.journal.append(*events, turn=self.turn)

    async def ask(self, text: str) -> None:
        self.turn += 1
        await self.append(TurnStarted(model=str(MODEL), limits=TurnLimits()), said(text, f"{self.turn}"))

    async def answer(self, text: str, results: Sequence[str] = (), *, steering: str = "") -> None:
        step = self.state.turn.steps + 1
        ids = [f"c{self.calls + number}" for number in range(len(results))]
        self.calls += len(ids)
        calls = [CallPart(call=Call(id=id, tool="fs.read", arguments={"path": id})) for id in ids]
        message = FromAssistant(parts=(TextPart(text=text), *calls))
        await self.append(
            AssistantMessage(step=step, message=message, finish="stop", usage=Usage(), cost=Cost(), model="test")
        )
        if steering:
            await self.append(said(steering, f"{self.turn}.{step}"))
        for id, result in zip(ids, results, strict=True):
            done = Result(call_id=id, status=Status.SUCCESS, text=result)
            await self.append(ToolFinished(call_id=id, tool="fs.read", result=done))

    async def prompt(self) -> Prompt:
        prompt, tokens = await self.window.prompt(MODEL)
        assert tokens == self.gateway.count_tokens(prompt)
        assert prompt.max_output_tokens
        assert tokens + prompt.max_output_tokens <= WINDOW
        well_ordered(prompt.messages)
        return prompt


def said(text: str, id: str) -> UserMessage:
    return UserMessage(message_id=id, parts=(TextPart(text=text),))


def well_ordered(messages: Sequence[Message]) -> None:
    open_calls: list[str] = []
    for message in messages:
        if isinstance(message, FromTools):
            assert [result.call_id for result in message.results] == open_calls
            open_calls = []
            continue
        assert not open_calls
        open_calls = [call.id for call in message.calls] if isinstance(message, FromAssistant) else []
    assert not open_calls


def gateway(aside: Any = "They went on.") -> ScriptedGateway:
    return ScriptedGateway(Script(aside=aside), facts=ModelFacts(WINDOW, 4_000, priced=True))


class Exchange(NamedTuple):
    request: str
    results: tuple[int, ...]
    steering: bool
    talk: int


exchanges = st.builds(
    Exchange,
    st.one_of(
        st.integers(0, 25).map(lambda number: f"Never touch file{number}.txt."), st.just("go on"), st.just("w " * 900)
    ),
    st.lists(st.integers(0, 9_000), max_size=4).map(tuple),
    st.booleans(),
    st.integers(1, 3_000),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(exchanges, min_size=1, max_size=30), st.booleans())
def test_whatever_the_history_prompts_fit_in_order_and_rules_and_changes_stay(
    history: list[Exchange], can_summarise: bool
) -> None:
    async def run() -> None:
        session = await Session(gateway() if can_summarise else gateway(Refuse("server_error"))).start()
        rules = set()
        for number, exchange in enumerate(history):
            await session.ask(exchange.request)
            rules |= {exchange.request} if exchange.request.startswith("Never") else set()
            await session.prompt()
            steering = "faster please" if exchange.steering else ""
            await session.answer("t " * exchange.talk, ["r" * size for size in exchange.results], steering=steering)
            if number % 9 == 0:
                path = f"made{number}.py"
                await session.append(
                    ChangesApplied(change_id=path, files=(FileChange(path=path, before="", after="b2:1"),))
                )
            if exchange.results:
                await session.prompt()
        shown = str((await session.prompt()).messages)
        assert all(rule in shown for rule in rules)
        known, since = [], []
        async for recorded in session.store.log.read("s_1"):
            if isinstance(recorded.event, HistoryCompacted):
                known, since = known + since, []
            elif isinstance(recorded.event, ChangesApplied):
                since.append(recorded.event.files[0].path)
        assert all(path in shown for path in known), "of changes since then the recent messages tell"

    asyncio.run(run())


async def test_decisions_and_open_to_dos_survive_any_number_of_compactions() -> None:
    session = await Session(gateway()).start()
    await session.ask("Begin")
    await session.append(
        TodoWritten(call_id="t", items=(TodoItem(text="paint it"), TodoItem(text="buy paint", status="done"))),
        QuestionAsked(question_id="q", call_id="q", question="Which colour?"),
        QuestionAnswered(question_id="q", answer="blue"),
    )
    await session.answer("Fine.")
    for number in range(40):
        await session.ask(f"and {number}")
        await session.answer("talk " * 900)
        prompt = await session.prompt()
    compactions = [one async for one in session.store.log.read("s_1") if isinstance(one.event, HistoryCompacted)]
    assert len(compactions) > 8
    text = str(prompt.messages[0])
    assert "blue (you had asked: " in text
    assert "[ ] paint it" in text
    assert "Begin" in text


async def test_a_fold_of_the_log_gives_the_same_prompt() -> None:
    session = await Session(gateway()).start()
    for number in range(30):
        await session.ask(f"Never do {number}")
        await session.answer("talk " * 500)
        prompt = await session.prompt()
    state = SessionState()
    async for recorded in session.store.log.read("s_1"):
        state.apply(recorded)
    assert (state.summary, state.messages, state.said) == (
        session.state.summary,
        session.state.messages,
        session.state.said,
    )
    assert prompt.messages[0].parts[0].text == state.summary


async def test_a_smaller_model_gets_a_shorter_summary_of_the_same() -> None:
    session = await Session(gateway()).start()
    for number in range(30):
        await session.ask(f"Never do {number}, {'whatever the reason may be ' * 4}")
        await session.answer("talk " * 500)
        await session.prompt()
    before = session.state.summary
    session.gateway._facts = ModelFacts(3_000, 1_000, priced=True)
    prompt, tokens = await session.window.prompt(MODEL)
    assert tokens + (prompt.max_output_tokens or 0) <= 3_000
    assert len(session.state.summary) < len(before)
    assert "Never do 0" in session.state.summary


@pytest.mark.parametrize(
    ("message", "window"),
    [
        ("the prompt is too long.", int((5_000 + 2_000) * 0.7)),
        ("This model's maximum context length is 4096 tokens. However, you requested 7000.", 4_096),
        ("prompt is too long: 215000 tokens > 6000 maximum", 6_000),
        ("maximum context length is 99999 tokens", int((5_000 + 2_000) * 0.7)),
    ],
)
async def test_a_refusal_names_the_window_or_makes_it_smaller(message: str, window: int) -> None:
    session = await Session(gateway()).start()
    await session.ask("Hi")
    fault = Fault(code=CONTEXT_TOO_LONG.code, message=message)
    await session.append(
        StepStarted(step=1, model=str(MODEL), prompt_tokens=5_000, output_tokens=2_000), StepFailed(step=1, fault=fault)
    )
    assert session.state.windows == {str(MODEL): window}


# -- where a history is parted


def history(*kinds: str) -> list[tuple[int, Message]]:
    """`u` user, `a` answer, `c` answer with a call, `t` results; `+` behind one: completed by the same event as the one before."""
    made: list[tuple[int, Message]] = []
    seq = 0
    for kind in kinds:
        seq += 0 if kind.endswith("+") else 1
        made.append((seq, MESSAGES[kind[0]]))
    return made


MESSAGES: dict[str, Message] = {
    "u": FromUser(parts=(TextPart(text="u"),)),
    "a": FromAssistant(parts=(TextPart(text="a"),)),
    "c": FromAssistant(parts=(CallPart(call=Call(id="c", tool="t", arguments={})),)),
    "t": FromTools(results=(Result(call_id="c", status=Status.SUCCESS, text=""),)),
}


@pytest.mark.parametrize(
    ("kinds", "keep", "start"),
    [
        ("u a u a u a", 3, 4),
        ("u a u a u a", 4, 2),
        ("u a u c t a", 2, 5),
        ("u c t c t c t", 3, 5),
        ("u c t", 1, 1),
        ("u", 1, None),
        ("u c t u+", 1, 1),
        ("c t", 9, None),
        ("u c t c t c t", 0, 5),
    ],
)
def test_a_history_is_parted_where_nothing_belongs_together(kinds: str, keep: int, start: int | None) -> None:
    made = history(*kinds.split())
    assert split(made, [1] * len(made), keep) == start


@given(st.lists(st.sampled_from(["u", "u+", "a", "c t", "c t u+", "a u+"]), max_size=20), st.data())
def test_no_part_ever_begins_in_the_middle_of_something(blocks: list[str], data: st.DataObject) -> None:
    made = history(*" ".join(["u", *blocks]).split())
    sizes = data.draw(st.lists(st.integers(0, 50), min_size=len(made), max_size=len(made)))
    for start in (split(made, sizes, data.draw(st.integers(0, 200))), last_request(made)):
        if start is not None:
            assert 0 < start < len(made)
            assert made[start][0] > made[start - 1][0]
            well_ordered([message for _, message in made[:start]])
            well_ordered([message for _, message in made[start:]])


@given(st.integers(1, 2_000_000), st.integers(0, 10_000), st.sampled_from(OUTPUT_SHARES))
def test_the_parts_of_a_window_never_add_up_to_more_than_it(window: int, fixed: int, share: int) -> None:
    room = Room(window, window // share, fixed)
    assert room.full <= max(room.prompt, fixed)
    assert fixed > room.prompt or room.fixed + room.conversation + room.output == window
    assert room.carried + room.recent <= room.conversation * 0.46


async def test_a_window_made_smaller_by_the_settings_holds_like_one_of_the_model() -> None:
    large = ScriptedGateway(Script(aside="They went on."), facts=ModelFacts(200_000, 16_000, priced=True))
    session = await Session(large).start(CompactionLimits(max_tokens=WINDOW))
    for number in range(60):
        await session.ask(f"Question {number}. " + "words " * 60)
        await session.prompt()
        await session.answer("An answer. " * 40)
    assert session.state.compacted_upto


async def test_the_earlier_it_is_compacted_the_shorter_prompts_stay() -> None:
    longest = []
    for full in (0.4, 0.8):
        session = await Session(gateway()).start(CompactionLimits(full=full))
        sizes = []
        for number in range(40):
            await session.ask(f"Question {number}. " + "words " * 30)
            sizes.append(session.gateway.count_tokens(await session.prompt()))
            await session.answer("An answer. " * 20)
        longest.append(max(sizes))
    assert longest[0] < longest[1]

"""The scripted gateway is a gateway without a network."""

import asyncio
from decimal import Decimal

import pytest

from cherry.domain import errors
from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import CallPart, FromAssistant, FromTools, FromUser, ReasoningPart, TextPart
from cherry.domain.errors import CherryError, ErrorKind
from cherry.domain.prompts import (
    Answer,
    CallDelta,
    ModelRef,
    OfferedTool,
    Prompt,
    ReasoningDelta,
    Retrying,
    StreamItem,
    TextDelta,
)
from cherry.domain.usage import Usage
from cherry.gateway.port import Gateway
from cherry.testing import faults
from cherry.testing.clock import FakeClock
from cherry.testing.faults import Fault, Refuse
from cherry.testing.model import Price, ScriptedGateway
from cherry.testing.replies import Reason, Reply, Tokens, ToolCall, answer, empty_answer
from cherry.testing.scripts import Script, ScriptUsedUp

_TOOL = OfferedTool("fs.read", "Read a file", {"type": "object"})
_PROMPT = Prompt(ModelRef("openai", "test"), "Be brief.", (FromUser(parts=(TextPart(text="hi"),)),), (_TOOL,))


async def _all(gateway: Gateway, prompt: Prompt = _PROMPT) -> list[StreamItem]:
    return [item async for item in gateway.stream(prompt)]


async def _answer(gateway: Gateway) -> Answer:
    last = (await _all(gateway))[-1]
    assert isinstance(last, Answer)
    return last


async def test_deltas_come_first_and_one_whole_answer_last() -> None:
    text = "A sentence that is long enough to come in several pieces."
    *deltas, last = await _all(ScriptedGateway(answer(Reason("hm"), text)))
    assert deltas[0] == ReasoningDelta("hm")
    assert "".join(delta.text for delta in deltas[1:] if isinstance(delta, TextDelta)) == text
    assert isinstance(last, Answer)
    assert last.message.text == text
    assert isinstance(last.message.parts[0], ReasoningPart)
    assert last.message.parts[0].provider == "openai"
    assert last.finish == "stop"


async def test_a_call_gets_the_dotted_name_of_the_offered_tool_and_an_id() -> None:
    gateway = ScriptedGateway(Script([ToolCall("fs_read", {"path": "a"}), ToolCall("fs.read", {"path": "b"})]))
    items = await _all(gateway)
    assert CallDelta("fs.read", 13) in items
    last = items[-1]
    assert isinstance(last, Answer)
    assert last.finish == "calls"
    assert last.message.calls == (
        Call(id="call_0001000", tool="fs.read", arguments={"path": "a"}),
        Call(id="call_0001001", tool="fs.read", arguments={"path": "b"}),
    )


async def test_broken_arguments_are_handed_on_as_malformed() -> None:
    last = await _answer(ScriptedGateway(ToolCall("fs.read", raw='{"path": ')))
    assert last.message.calls[0].malformed == '{"path": '
    assert last.message.calls[0].arguments == {}


async def test_an_unknown_tool_keeps_the_name_the_model_wrote() -> None:
    last = await _answer(ScriptedGateway(ToolCall("make.coffee")))
    assert last.message.calls[0].tool == "make.coffee"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Refuse("wrong_key"), errors.gateway.AUTH),
        (Refuse("no_credit"), errors.gateway.QUOTA),
        (Refuse("quota_used_up"), errors.gateway.QUOTA),
        (Refuse("model_not_found"), errors.gateway.MODEL_NOT_FOUND),
        (Refuse("context_too_long"), errors.gateway.CONTEXT_TOO_LONG),
        (Refuse("content_refused"), errors.gateway.REFUSED_CONTENT),
        (Refuse("rate_limited"), errors.gateway.RATE_LIMIT),
        (Refuse("overloaded"), errors.gateway.OVERLOADED),
        (faults.Status(402), errors.gateway.QUOTA),
        (faults.Status(418), errors.gateway.BAD_REQUEST),
        (faults.Status(502), errors.gateway.OVERLOADED),
        (faults.Status(200, "<html>"), errors.gateway.GARBAGE),
        (faults.Drop(), errors.gateway.UNREACHABLE),
        (faults.Garbage(), errors.gateway.GARBAGE),
        (faults.CutMidStream(), errors.gateway.CUT_STREAM),
        (faults.ErrorInStream(), errors.gateway.OVERLOADED),
        (faults.Hang(), errors.gateway.TIMEOUT),
        (faults.HangMidStream(), errors.gateway.TIMEOUT),
        (faults.PingForever(), errors.gateway.TIMEOUT),
        (empty_answer(), errors.gateway.EMPTY_ANSWER),
        (answer(Reason("only thought")), errors.gateway.EMPTY_ANSWER),
        (answer("cut", end_marker=False), errors.gateway.CUT_STREAM),
    ],
)
async def test_each_fault_becomes_the_error_a_gateway_would_raise(fault: Fault | Reply, kind: ErrorKind) -> None:
    gateway = ScriptedGateway(Script(fault), clock=FakeClock(auto=True))
    with pytest.raises(CherryError) as raised:
        await _all(gateway)
    assert raised.value.kind is kind
    assert raised.value.where == "openai/test"
    assert not gateway.answers


async def test_a_broken_stream_brings_some_deltas_before_it_fails() -> None:
    gateway = ScriptedGateway(Script(faults.CutMidStream(after=2)))
    stream = gateway.stream(_PROMPT)
    assert isinstance(await anext(stream), TextDelta)
    assert isinstance(await anext(stream), TextDelta)
    with pytest.raises(CherryError):
        await anext(stream)


async def test_a_hang_lasts_until_the_deadline_on_the_clock_given() -> None:
    clock = FakeClock()
    task = asyncio.create_task(_all(ScriptedGateway(Script(faults.Hang()), clock=clock, deadline_seconds=30)))
    await clock.advance(29)
    assert not task.done()
    await clock.advance(1)
    with pytest.raises(CherryError, match="30 s"):
        await task


async def test_retries_are_announced_and_use_up_the_next_answer() -> None:
    clock = FakeClock(auto=True)
    script = Script(Refuse("rate_limited", retry_after=7), faults.CutMidStream(after=1), "at last")
    items = await _all(ScriptedGateway(script, retries=2, clock=clock))
    retries = [item for item in items if isinstance(item, Retrying)]
    assert [(item.attempt, item.wait_seconds) for item in retries] == [(2, 7.0), (3, 2.0)]
    assert isinstance(items[-1], Answer)
    assert clock.slept == [7.0, 2.0]


async def test_a_permanent_error_is_not_retried() -> None:
    gateway = ScriptedGateway(Script(Refuse("wrong_key"), "never"), retries=5)
    with pytest.raises(CherryError):
        await _all(gateway)


async def test_a_slow_answer_takes_its_time_on_the_clock() -> None:
    clock = FakeClock(auto=True)
    last = await _answer(ScriptedGateway(answer("x" * 60, delay=2, pause=0.5), clock=clock))
    assert last.first_byte_seconds == 2
    assert last.seconds == 3


async def test_prompts_are_kept_and_a_used_up_script_says_so() -> None:
    gateway = ScriptedGateway(Script("one"))
    await _all(gateway)
    with pytest.raises(ScriptUsedUp):
        await _all(gateway)
    assert gateway.prompts == [_PROMPT, _PROMPT]


async def test_closing_a_stream_early_is_noticed() -> None:
    gateway = ScriptedGateway("a text that comes in more than a single piece")
    stream = gateway.stream(_PROMPT)
    await anext(stream)
    await stream.aclose()
    assert gateway.abandoned == 1
    assert not gateway.answers


async def test_usage_and_price_follow_the_script() -> None:
    price = Price(Decimal(2), Decimal(10), Decimal("0.5"), Decimal("2.5"))
    tokens = Tokens(1_000_000, 100_000, 200_000, 40_000, 5)
    last = await _answer(ScriptedGateway(answer("x", tokens=tokens), price=price))
    assert last.usage == Usage(
        input_tokens=1_000_000,
        output_tokens=100_000,
        cache_read_tokens=200_000,
        cache_write_tokens=40_000,
        reasoning_tokens=5,
    )
    assert last.cost.usd == Decimal("3.2")
    assert last.cost.known


async def test_the_ceiling_is_the_prompt_and_the_longest_answer() -> None:
    gateway = ScriptedGateway(price=Price(Decimal(1), Decimal(10)))
    assert gateway.price_ceiling(_PROMPT._replace(max_output_tokens=1000), 500).usd == Decimal("0.0105")


async def test_without_a_price_costs_are_unknown() -> None:
    gateway = ScriptedGateway(price=None)
    assert not (await _answer(gateway)).cost.known
    assert not gateway.facts(_PROMPT.model).priced


def test_counting_tokens_is_deterministic_and_grows_with_the_conversation() -> None:
    gateway = ScriptedGateway()
    once = gateway.count_tokens(_PROMPT)
    longer = _PROMPT._replace(messages=(*_PROMPT.messages, *_PROMPT.messages))
    assert gateway.count_tokens(_PROMPT) == once < gateway.count_tokens(longer)


async def test_a_function_sees_the_conversation_without_any_provider_in_it() -> None:
    call = Call(id="c1", tool="fs.read", arguments={"path": "a"})
    prompt = _PROMPT._replace(
        messages=(
            *_PROMPT.messages,
            FromAssistant(parts=(TextPart(text="Reading."), CallPart(call=call))),
            FromTools(results=(Result(call_id="c1", status=Status.SUCCESS, text="content"),)),
        )
    )
    gateway = ScriptedGateway(Script.of(lambda seen: f"{seen.system} {seen.results[0].text} {seen.messages[1].calls}"))
    last = (await _all(gateway, prompt))[-1]
    assert isinstance(last, Answer)
    assert last.message.text.startswith("Be brief. content")
    assert "fs_read" in last.message.text


async def test_models_are_listed() -> None:
    gateway = ScriptedGateway(models=("openai/a", "ollama/b/c"))
    assert await gateway.available() == [ModelRef("openai", "a"), ModelRef("ollama", "b/c")]
    await gateway.close()
    assert gateway.closed

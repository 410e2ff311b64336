"""Whole calls against the doubles of each provider's API, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

import pytest

from cherry.domain.calls import Result, Status
from cherry.domain.content import FromAssistant, FromTools, FromUser, ImagePart, ReasoningPart, TextPart
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError, ErrorKind
from cherry.domain.prompts import Answer, ModelRef, OfferedTool, Prompt, Retrying, StreamItem, TextDelta
from cherry.domain.usage import Usage
from cherry.gateway.gateway import ModelGateway
from cherry.gateway.settings import GatewaySettings
from cherry.testing.faults import RefusalKind
from cherry.testing.scripts import (
    CutMidStream,
    Drop,
    ErrorInStream,
    Garbage,
    Hang,
    HangMidStream,
    PingForever,
    Reason,
    Refuse,
    Script,
    SlowDrip,
    Tokens,
    ToolCall,
    answer,
    empty_answer,
    huge_text,
)
from cherry.testing.scripts import (
    Status as BareStatus,
)
from cherry.testing.wire import KEY, WireDouble, refused_address
from cherry.testing.wire.records import Provider

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x08\x00\x00\x00\x08"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS = (OfferedTool("fs.read", "Read a file.", SCHEMA), OfferedTool("git.status", "Git's status.", {"type": "object"}))
QUICK = {"retries": {"first_wait": 0.001, "longest_wait": 0.01}}
ONCE = {"retries": {"attempts": 1}}

Setup = tuple[str, Provider, dict[str, Any]]
SETUPS: list[Setup] = [
    ("openai", "openai", {}),
    ("openai", "openai", {"wire": "openai-responses"}),
    ("anthropic", "anthropic", {}),
    ("ollama", "ollama", {}),
    ("deepseek", "deepseek", {}),
    ("qwen", "qwen", {}),
]
each_api = pytest.mark.parametrize("setup", SETUPS, ids=["chat", "responses", "messages", "ollama", "deepseek", "qwen"])
chat_only = pytest.mark.parametrize("setup", SETUPS[:1], ids=["chat"])
Open = Callable[..., tuple[ModelGateway, ModelRef]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Makes gateways that point at a double, and closes them."""
    made: list[ModelGateway] = []

    def make(double: WireDouble, setup: Setup, **settings: Any) -> tuple[ModelGateway, ModelRef]:
        name, provider, entry = setup
        loaded = GatewaySettings.model_validate({**QUICK, "providers": {name: entry} if entry else {}, **settings})
        gateway = ModelGateway(loaded, environ=double.environment(provider), random=lambda: 0.5)
        made.append(gateway)
        return gateway, ModelRef(name, "test")

    yield make
    for gateway in made:
        await gateway.close()


def asking(model: ModelRef, *messages: Any, **more: Any) -> Prompt:
    first = FromUser(parts=(TextPart(text="Look around"),))
    return Prompt(model, "Be good.", (first, *messages), TOOLS, cache_key="s_1", **more)


async def items(gateway: ModelGateway, prompt: Prompt) -> list[StreamItem]:
    return [item async for item in gateway.stream(prompt)]


async def answered(gateway: ModelGateway, prompt: Prompt) -> Answer:
    *deltas, last = await items(gateway, prompt)
    assert isinstance(last, Answer)
    assert not any(isinstance(delta, Answer) for delta in deltas)
    return last


async def failure(gateway: ModelGateway, prompt: Prompt) -> CherryError:
    with pytest.raises(CherryError) as caught:
        await items(gateway, prompt)
    return caught.value


def results(message: FromAssistant, text: str = "content") -> FromTools:
    return FromTools(results=tuple(Result(call_id=call.id, status=Status.SUCCESS, text=text) for call in message.calls))


@each_api
async def test_a_tool_loop_runs_on_one_connection_and_breaks_no_rule_of_the_api(setup: Setup, opened: Open) -> None:
    script = Script(
        answer(Reason("Thinking it over"), "Reading ", ToolCall("fs.read", {"path": "ä.py"}), ToolCall("git.status")),
        answer("More.", ToolCall("fs.read", {"path": "b"})),
        "Done — all good 🍒",
    )
    async with WireDouble(script) as double:
        gateway, model = opened(double, setup)
        history: list[Any] = []
        for _ in range(2):
            step = await answered(gateway, asking(model, *history))
            assert step.finish == "calls"
            history += [step.message, results(step.message)]
        last = await answered(gateway, asking(model, *history))
        assert double.complaints == []
        assert [call.tool for call in history[0].calls] == ["fs.read", "git.status"]
        assert history[0].calls[0].arguments == {"path": "ä.py"}
        assert any(isinstance(part, ReasoningPart) and part.text == "Thinking it over" for part in history[0].parts)
        assert (last.message.text, last.finish, last.model) == ("Done — all good 🍒", "stop", "test")
        assert last.first_byte_seconds <= last.seconds
        assert double.connection_count == 1
        seen = double.model_requests[-1].seen
        assert seen
        assert seen.system == "Be good."
        assert set(seen.tools) == {"fs_read", "git_status"}
        assert [result.text for result in seen.results] == ["content"]


@each_api
async def test_deltas_make_up_the_answer(setup: Setup, opened: Open) -> None:
    text = "word and another one, then more of them. " * 20
    async with WireDouble(text) as double:
        gateway, model = opened(double, setup)
        *deltas, last = await items(gateway, asking(model))
        assert isinstance(last, Answer)
        assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == last.message.text == text
        assert len(deltas) > 5


@each_api
async def test_an_image_is_sent(setup: Setup, opened: Open) -> None:
    async with WireDouble("I see.") as double:
        gateway, model = opened(double, setup)
        picture = FromUser(parts=(TextPart(text="What is it?"), ImagePart(media_type="image/png", data=PNG)))
        await answered(gateway, asking(model)._replace(messages=(picture,)))
        assert double.complaints == []


@each_api
async def test_tokens_are_counted_without_overlap(setup: Setup, opened: Open) -> None:
    tokens = Tokens(input=1000, output=50, cache_read=400, cache_write=100, reasoning=20)
    async with WireDouble(answer(Reason("x"), "Hi", tokens=tokens)) as double:
        gateway, model = opened(double, setup)
        asked = asking(
            model, FromAssistant(parts=(TextPart(text="words " * 500),)), FromUser(parts=(TextPart(text="x"),))
        )
        before = gateway.count_tokens(asked)
        usage = (await answered(gateway, asked)).usage
        assert (usage.prompt_tokens, usage.output_tokens, usage.estimated) == (1500, 50, False)
        if setup[0] == "anthropic":
            assert usage.model_copy(update={"reasoning_tokens": 0}) == Usage(
                input_tokens=1000, output_tokens=50, cache_read_tokens=400, cache_write_tokens=100
            )
        elif setup[0] == "openai":
            assert (usage.cache_read_tokens, usage.reasoning_tokens) == (400, 20)
        # The estimate has learnt from what was reported.
        assert before < gateway.count_tokens(asked) <= 1500


@each_api
async def test_a_list_of_models_is_read(setup: Setup, opened: Open) -> None:
    async with WireDouble("x", models=("first", "text-embed-1", "second")) as double:
        gateway, _ = opened(double, setup)
        listed = [ref.model for ref in await gateway.available() if ref.provider == setup[0]]
        assert [model for model in listed if "embed" not in model] == ["first", "second"]


KINDS: dict[RefusalKind, ErrorKind] = {
    "wrong_key": rows.AUTH,
    "no_credit": rows.QUOTA,
    "no_permission": rows.AUTH,
    "model_not_found": rows.MODEL_NOT_FOUND,
    "context_too_long": rows.CONTEXT_TOO_LONG,
    "content_refused": rows.REFUSED_CONTENT,
    "bad_request": rows.BAD_REQUEST,
    "no_tools": rows.NO_TOOLS,
    "quota_used_up": rows.QUOTA,
    "rate_limited": rows.RATE_LIMIT,
    "server_error": rows.OVERLOADED,
    "unavailable": rows.OVERLOADED,
    "overloaded": rows.OVERLOADED,
}


@each_api
async def test_every_refusal_is_its_row_of_the_catalogue_and_only_passing_ones_are_tried_again(
    setup: Setup, opened: Open
) -> None:
    for kind in get_args(RefusalKind):
        async with WireDouble(Script(Refuse(kind), then="repeat_last")) as double:
            gateway, model = opened(double, setup)
            error = await failure(gateway, asking(model))
            assert error.kind is KINDS[kind]
            assert double.base_url in error.where
            assert KEY not in error.message
            assert len(double.model_requests) == (5 if KINDS[kind].effect == "retry" else 1), kind


@each_api
@pytest.mark.parametrize(
    "fault",
    [
        CutMidStream(),
        CutMidStream(inside_event=True),
        CutMidStream(reset=True),
        Drop(),
        Drop(reset=True),
        ErrorInStream(),
    ],
    ids=["cut", "cut in an event", "reset", "dropped", "dropped with a reset", "error event"],
)
async def test_a_broken_answer_is_taken_back_and_made_again(setup: Setup, fault: Any, opened: Open) -> None:
    async with WireDouble(Script(fault, "Whole")) as double:
        gateway, model = opened(double, setup)
        seen = await items(gateway, asking(model))
        assert isinstance(seen[-1], Answer)
        assert seen[-1].message.text == "Whole"
        assert len(double.model_requests) == 2
        retries = [item.attempt for item in seen if isinstance(item, Retrying)]
        # Ollama's call comes on a connection kept from a question before: closed without a byte, it is replaced silently.
        assert retries == ([] if isinstance(fault, Drop) and setup[0] == "ollama" else [2])


@each_api
async def test_a_stream_that_ends_in_good_order_but_unfinished_is_never_taken_for_whole(
    setup: Setup, opened: Open
) -> None:
    async with WireDouble(answer("Half of", end_marker=False)) as double:
        gateway, model = opened(double, setup, **ONCE)
        assert (await failure(gateway, asking(model))).kind is rows.CUT_STREAM


@each_api
@pytest.mark.parametrize("kind", ["html", "bytes", "not_http", "broken_json", "other_json", "empty_body"])
async def test_rubbish_is_reported_as_such(setup: Setup, kind: Any, opened: Open) -> None:
    if (setup[0], kind) == ("ollama", "broken_json"):
        pytest.skip("Ollama's answer of one word is whole before the broken line comes")
    async with WireDouble(Script(Garbage(kind), then="repeat_last")) as double:
        gateway, model = opened(double, setup, **ONCE)
        assert (await failure(gateway, asking(model))).kind in (rows.GARBAGE, rows.CUT_STREAM)


@each_api
async def test_bytes_that_come_one_at_a_time_make_the_same_answer(setup: Setup, opened: Open) -> None:
    reply = answer("Grüße 🍒", ToolCall("fs.read", {"path": "ä"}))
    async with WireDouble(Script(SlowDrip(size=7, interval=0.0, reply=reply))) as double:
        gateway, model = opened(double, setup)
        step = await answered(gateway, asking(model))
        assert (step.message.text, step.message.calls[0].arguments) == ("Grüße 🍒", {"path": "ä"})


@each_api
async def test_broken_arguments_are_kept_as_written_and_can_be_sent_back(setup: Setup, opened: Open) -> None:
    if setup[0] == "ollama":
        pytest.skip("Ollama's server parses arguments itself")
    script = Script(answer(ToolCall("fs.read", raw='{"path": ')), answer(ToolCall("fs.read", raw="")), "Done")
    async with WireDouble(script) as double:
        gateway, model = opened(double, setup)
        broken = await answered(gateway, asking(model))
        assert broken.message.calls[0].malformed == '{"path": '
        empty = await answered(gateway, asking(model, broken.message, results(broken.message)))
        assert (empty.message.calls[0].malformed, empty.message.calls[0].arguments) == ("", {})
        history = (broken.message, results(broken.message), empty.message, results(empty.message))
        assert (await answered(gateway, asking(model, *history))).message.text == "Done"
        assert double.complaints == []


@each_api
async def test_two_hundred_calls_at_once_are_read(setup: Setup, opened: Open) -> None:
    async with WireDouble(answer(*(ToolCall("fs.read", {"path": str(n)}) for n in range(200)))) as double:
        gateway, model = opened(double, setup)
        calls = (await answered(gateway, asking(model))).message.calls
        assert [call.arguments["path"] for call in calls] == [str(n) for n in range(200)]
        assert len({call.id for call in calls}) == 200


@each_api
async def test_an_answer_of_ten_megabytes_is_stopped(setup: Setup, opened: Open) -> None:
    async with WireDouble(huge_text()) as double:
        gateway, model = opened(double, setup)
        assert (await failure(gateway, asking(model))).kind is rows.ANSWER_TOO_LONG
        assert len(double.model_requests) == 1


@each_api
async def test_a_model_that_says_nothing_is_asked_once_more(setup: Setup, opened: Open) -> None:
    async with WireDouble(Script(empty_answer(), then="repeat_last")) as double:
        gateway, model = opened(double, setup)
        assert (await failure(gateway, asking(model))).kind is rows.EMPTY_ANSWER
        assert len(double.model_requests) == 2


@chat_only
@pytest.mark.parametrize(
    ("fault", "deadline"),
    [
        (Hang(), "first_byte"),
        (HangMidStream(), "between_bytes"),
        (PingForever(), "total"),
        (SlowDrip(size=1, interval=0.005), "total"),
    ],
)
async def test_every_wait_has_its_deadline(setup: Setup, fault: Any, deadline: str, opened: Open) -> None:
    async with WireDouble(Script(fault, then="repeat_last")) as double:
        gateway, model = opened(double, setup, deadlines={deadline: 0.2}, **ONCE)
        error = await failure(gateway, asking(model))
        assert error.kind is rows.TIMEOUT
        assert f"model.{deadline} of 0.2 s" in error.message
        await double.wait_until_settled()


@chat_only
async def test_a_call_that_took_all_its_time_is_not_made_again(setup: Setup, opened: Open) -> None:
    async with WireDouble(Script(PingForever(), then="repeat_last")) as double:
        gateway, model = opened(double, setup, deadlines={"total": 0.1})
        await failure(gateway, asking(model))
        assert len(double.model_requests) == 1


@chat_only
async def test_retry_after_is_obeyed(setup: Setup, opened: Open) -> None:
    async with WireDouble(Script(Refuse("rate_limited", retry_after=0.2), "Done")) as double:
        gateway, model = opened(double, setup, retries={"first_wait": 0.0})
        await answered(gateway, asking(model))
        first, second = double.model_requests
        assert second.at - first.at >= 0.2


@each_api
async def test_closing_the_stream_hangs_up_on_the_provider(setup: Setup, opened: Open) -> None:
    async with WireDouble(answer("word " * 400, pause=0.05)) as double:
        gateway, model = opened(double, setup)
        stream = gateway.stream(asking(model))
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # the port promises that closing ends the call
        await double.wait_until_settled()
        assert double.requests[-1].state == "client_left"


@chat_only
async def test_a_cancelled_call_hangs_up_on_the_provider(setup: Setup, opened: Open) -> None:
    async with WireDouble(Script(Hang())) as double:
        gateway, model = opened(double, setup)
        task = asyncio.create_task(answered(gateway, asking(model)))
        await double.wait_for_requests(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await double.wait_until_settled()
        assert double.requests[-1].state == "client_left"


@chat_only
async def test_a_kept_connection_that_the_server_closed_meanwhile_is_replaced_unnoticed(
    setup: Setup, opened: Open
) -> None:
    async with WireDouble(Script("One", "Two")) as double:
        gateway, model = opened(double, setup, **ONCE)
        await answered(gateway, asking(model))
        port = double.port
        await double.close()
        async with WireDouble("Two", port=port) as again:
            assert (await answered(gateway, asking(model))).message.text == "Two"
            assert again.connection_count == 1


@chat_only
async def test_many_calls_at_once_have_their_own_connections(setup: Setup, opened: Open) -> None:
    async with WireDouble(answer("Hi", pause=0.02)) as double:
        gateway, model = opened(double, setup)
        answers = await asyncio.gather(*(answered(gateway, asking(model)) for _ in range(6)))
        assert {each.message.text for each in answers} == {"Hi"}
        assert double.connection_count == 6


@chat_only
async def test_nothing_listening_is_told_at_once(setup: Setup) -> None:
    with refused_address() as address:
        gateway = ModelGateway(GatewaySettings(), environ={"OPENAI_BASE_URL": f"{address}/v1"})
        error = await failure(gateway, asking(ModelRef("openai", "m")))
        assert error.kind is rows.UNREACHABLE
        assert "connection refused" in error.message
        await gateway.close()


@chat_only
async def test_a_name_nobody_has_is_told_at_once(setup: Setup) -> None:
    gateway = ModelGateway(GatewaySettings(), environ={"OPENAI_BASE_URL": "http://nobody.invalid/v1"})
    error = await failure(gateway, asking(ModelRef("openai", "m")))
    assert error.kind is rows.UNREACHABLE
    assert "nobody.invalid" in error.message


@pytest.mark.parametrize("name", ["wrong/model", "openai/gpt-5"])
async def test_a_provider_that_is_not_there_or_has_no_key_is_an_error_of_its_own(name: str) -> None:
    model = ModelRef.parse(name)
    assert model
    error = await failure(ModelGateway(GatewaySettings(), environ={}), asking(model))
    assert error.kind in (rows.UNKNOWN_MODEL, rows.NO_PROVIDER)


@chat_only
async def test_a_wrong_base_url_says_that_it_is_not_this_api(setup: Setup, opened: Open) -> None:
    async with WireDouble("x") as double:
        gateway, model = opened(double, ("openai", "openai", {"base_url": double.base_url + "/nowhere"}))
        error = await failure(gateway, asking(model))
        assert error.kind is rows.GARBAGE
        assert "/v1" in error.next_step


@chat_only
async def test_a_redirect_is_not_followed(setup: Setup, opened: Open) -> None:
    script = Script(BareStatus(307, headers={"location": "http://elsewhere.test/"}))
    async with WireDouble(script) as double:
        gateway, model = opened(double, setup)
        error = await failure(gateway, asking(model))
        assert (error.kind, "elsewhere.test" in error.why) == (rows.GARBAGE, True)


async def test_sealed_thoughts_that_are_refused_are_left_out_once_and_for_all(opened: Open) -> None:
    async with WireDouble(Script("One", "Two")) as double:
        gateway, model = opened(double, SETUPS[2])
        foreign = ReasoningPart(opaque='{"type":"thinking","thinking":"x","signature":"forged"}', provider="anthropic")
        history = (FromAssistant(parts=(foreign, TextPart(text="Hi"))), FromUser(parts=(TextPart(text="Go on"),)))
        assert (await answered(gateway, asking(model, *history))).message.text == "One"
        assert len(double.complaints) == 1
        await answered(gateway, asking(model, *history))
        assert len(double.complaints) == 1


async def test_ollama_is_asked_for_a_window_with_room_for_the_prompt(opened: Open) -> None:
    async with WireDouble("x") as double:
        gateway, model = opened(double, SETUPS[3])
        await answered(gateway, asking(model))
        long = FromUser(parts=(TextPart(text="word " * 50_000),))
        await answered(gateway, asking(model, FromAssistant(parts=(TextPart(text="x"),)), long))
        await answered(gateway, asking(model))
        windows = [request.body["options"]["num_ctx"] for request in double.model_requests]
        assert windows == [16_384, 65_536, 65_536]
        assert all(request.body["truncate"] is False for request in double.model_requests)
        assert gateway.facts(model).context_window == 131_072
        assert gateway.facts(model).tools


async def test_a_local_server_is_found_and_used_without_any_setting() -> None:
    async with WireDouble("Hi", models=("qwen3", "nomic-embed-text"), require_key=False) as double:
        gateway = ModelGateway(GatewaySettings(), environ={"OLLAMA_HOST": double.base_url})
        choice = await gateway.default_model()
        assert choice
        assert (choice.model, choice.because) == (ModelRef("ollama", "qwen3"), "Ollama is running here")
        last = await answered(gateway, asking(choice.model))
        assert last.cost.known
        assert last.cost.usd == 0
        await gateway.close()


async def test_an_answer_without_a_count_is_counted_here(opened: Open) -> None:
    stream = 'data: {"choices":[{"delta":{"content":"Hello there"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    async with WireDouble(Script(BareStatus(200, stream, {"content-type": "text/event-stream"}))) as double:
        gateway, model = opened(double, SETUPS[0])
        usage = (await answered(gateway, asking(model))).usage
        assert usage.estimated
        assert usage.input_tokens > 20
        assert usage.output_tokens >= 1


async def test_a_session_is_recorded_and_replayed_without_a_network(opened: Open, tmp_path: Any) -> None:
    path = tmp_path / "session.jsonl"
    async with WireDouble(Script(answer("Look", ToolCall("fs.read", {"path": "a"})), "Done")) as double:
        gateway, model = opened(double, SETUPS[0], record=str(path))
        first = await answered(gateway, asking(model))
        await answered(gateway, asking(model, first.message, results(first.message)))
    replay = ModelGateway(GatewaySettings(replay=path), environ={})
    choice = await replay.default_model()
    assert choice
    again = await answered(replay, asking(choice.model))
    assert again.message.calls == first.message.calls
    assert again.usage == first.usage
    assert (await answered(replay, asking(choice.model, again.message, results(again.message)))).message.text == "Done"
    assert (
        await failure(replay, asking(choice.model, again.message, results(again.message)))
    ).kind is rows.NO_RECORDING

"""From the bytes of each wire to stream items: any chunking, every cut, and what real servers get wrong."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.calls import Call
from cherry.domain.content import FromAssistant, FromUser, ReasoningPart, TextPart
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError, ErrorKind
from cherry.domain.prompts import CallDelta, Delta, ModelRef, OfferedTool, Prompt, ReasoningDelta, TextDelta
from cherry.domain.usage import Usage
from cherry.gateway.errors import Origin
from cherry.gateway.wire.anthropic import AnthropicMessages
from cherry.gateway.wire.base import WholeAnswer, Wire
from cherry.gateway.wire.decoder import Decoder
from cherry.gateway.wire.encoding import Options, Quirks
from cherry.gateway.wire.ollama import OllamaChat
from cherry.gateway.wire.openai_chat import OpenAIChat
from cherry.gateway.wire.openai_responses import OpenAIResponses

TOOLS = tuple(OfferedTool(name, "", {"type": "object"}) for name in ("fs.read", "fs.write", "git.status"))
PROMPT = Prompt(ModelRef("p", "m"), "", (FromUser(parts=(TextPart(text="hi"),)),), TOOLS, cache_key="s_1")
PLAIN = Quirks()
ORIGIN = Origin("p", "m", "http://host/v1")
CHAT, RESPONSES, MESSAGES, OLLAMA = OpenAIChat(), OpenAIResponses(), AnthropicMessages(), OllamaChat()


class Decoded(NamedTuple):
    items: list[Delta]
    whole: WholeAnswer

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.whole.message.calls


def decoder(wire: Wire, *, prompt: Prompt = PROMPT, limit: int = 1 << 20, quirks: Quirks = PLAIN) -> Decoder:
    options = Options("p", quirks=quirks)
    return Decoder(wire.reader(prompt, options, ORIGIN, limit), wire.framing(), ORIGIN, limit)


def decode(wire: Wire, *chunks: bytes, **settings: Any) -> Decoded:
    made = decoder(wire, **settings)
    items = [item for chunk in chunks for item in made.feed(chunk)]
    items += made.end()
    return Decoded(items, made.answer())


def refused(wire: Wire, *chunks: bytes, **settings: Any) -> CherryError:
    with pytest.raises(CherryError) as caught:
        decode(wire, *chunks, **settings)
    return caught.value


def sse(*payloads: dict[str, Any] | str, named: bool = False) -> bytes:
    lines = []
    for payload in payloads:
        name = f"event: {payload['type']}\n" if named and isinstance(payload, dict) else ""
        data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        lines.append(f"{name}data: {data}\n\n")
    return "".join(lines).encode()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m-1", "choices": choices, **more}


def call(
    index: int | None = None, *, id_: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    told = {"index": index, "id": id_, "function": {key: value for key, value in function.items() if value is not None}}
    return {"type": "function"} | {key: value for key, value in told.items() if value is not None}


USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
CHAT_STREAM = sse(
    chunk({"role": "assistant", "content": "", "reasoning_content": "Hm"}),
    chunk({"content": "Grüße "}),
    chunk({"content": "🍒"}),
    chunk({"tool_calls": [call(0, id_="a", name="fs_read", arguments="")]}),
    chunk({"tool_calls": [call(0, arguments='{"path":')]}),
    chunk({"tool_calls": [call(0, arguments='"ä.py"}')]}),
    chunk({"tool_calls": [call(1, id_="b", name="git_status", arguments="")]}),
    chunk({}, "tool_calls"),
    chunk(usage=USAGE),
    "[DONE]",
)

RESPONSE = {
    "id": "r1",
    "status": "completed",
    "model": "m-1",
    "error": None,
    "usage": {
        "input_tokens": 100,
        "output_tokens": 20,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "output_tokens_details": {"reasoning_tokens": 5},
    },
}
REASONED = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "sealed",
    "status": None,
}
MESSAGE_ITEM = {
    "type": "message",
    "role": "assistant",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "Grüße 🍒"}],
}
READ_ITEM = {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "fs_read", "arguments": '{"path":"ä.py"}'}
STATUS_ITEM = {"type": "function_call", "id": "fc_2", "call_id": "b", "name": "git_status", "arguments": "{}"}
OUTPUT = [REASONED, MESSAGE_ITEM, READ_ITEM, STATUS_ITEM]


def response_event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


RESPONSES_STREAM = sse(
    response_event("created", response={"id": "r1", "model": "m-1", "error": None, "output": []}),
    response_event("output_item.added", output_index=0, item={"type": "reasoning", "id": "rs_1", "summary": []}),
    response_event("reasoning_summary_text.delta", output_index=0, delta="Hm"),
    response_event("output_item.done", output_index=0, item=REASONED),
    response_event("output_item.added", output_index=1, item={"type": "message", "content": [], "phase": "commentary"}),
    response_event("output_text.delta", output_index=1, content_index=0, delta="Grüße "),
    response_event("output_text.delta", output_index=1, content_index=0, delta="🍒"),
    response_event("output_item.done", output_index=1, item=MESSAGE_ITEM),
    response_event("output_item.added", output_index=2, item=READ_ITEM | {"arguments": ""}),
    response_event("function_call_arguments.delta", output_index=2, delta='{"path":'),
    response_event("function_call_arguments.delta", output_index=2, delta='"ä.py"}'),
    response_event("function_call_arguments.done", output_index=2, arguments='{"path":"ä.py"}'),
    response_event("output_item.done", output_index=2, item=READ_ITEM),
    response_event("output_item.added", output_index=3, item=STATUS_ITEM | {"arguments": ""}),
    response_event("output_item.done", output_index=3, item=STATUS_ITEM),
    response_event("completed", response=RESPONSE | {"output": OUTPUT}),
    named=True,
)


def block(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"content_block_{kind}", "index": index, **fields}


MESSAGES_STREAM = sse(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "model": "m-1",
            "usage": {
                "input_tokens": 10,
                "cache_read_input_tokens": 60,
                "cache_creation_input_tokens": 30,
                "output_tokens": 1,
            },
        },
    },
    {"type": "ping"},
    block("start", content_block={"type": "thinking", "thinking": "", "signature": ""}),
    block("delta", delta={"type": "thinking_delta", "thinking": "Hm"}),
    block("delta", delta={"type": "signature_delta", "signature": "sealed"}),
    block("stop"),
    block("start", 1, content_block={"type": "text", "text": ""}),
    block("delta", 1, delta={"type": "text_delta", "text": "Grüße "}),
    block("delta", 1, delta={"type": "text_delta", "text": "🍒"}),
    block("stop", 1),
    block("start", 2, content_block={"type": "tool_use", "id": "a", "name": "fs_read", "input": {}}),
    block("delta", 2, delta={"type": "input_json_delta", "partial_json": '{"path":'}),
    block("delta", 2, delta={"type": "input_json_delta", "partial_json": '"ä.py"}'}),
    block("stop", 2),
    block("start", 3, content_block={"type": "tool_use", "id": "b", "name": "git_status", "input": {}}),
    block("stop", 3),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 5}},
    },
    {"type": "message_stop"},
    named=True,
)


def line(message: dict[str, Any] | None = None, **more: Any) -> bytes:
    payload = {
        "model": "m-1",
        "created_at": "t",
        "message": {"role": "assistant", **(message or {})},
        "done": False,
        **more,
    }
    return json.dumps(payload, ensure_ascii=False).encode() + b"\n"


OLLAMA_STREAM = (
    line({"thinking": "Hm"})
    + line({"content": "Grüße "})
    + line({"content": "🍒"})
    + line({"tool_calls": [{"id": "a", "function": {"name": "fs_read", "arguments": {"path": "ä.py"}}}]})
    + line({"tool_calls": [{"id": "b", "function": {"name": "git_status", "arguments": {}}}]})
    + line({"content": ""}, done=True, done_reason="stop", prompt_eval_count=100, eval_count=20)
)

STREAMS: list[tuple[Wire, bytes]] = [
    (CHAT, CHAT_STREAM),
    (RESPONSES, RESPONSES_STREAM),
    (MESSAGES, MESSAGES_STREAM),
    (OLLAMA, OLLAMA_STREAM),
]
each_wire = pytest.mark.parametrize(("wire", "stream"), STREAMS, ids=["chat", "responses", "messages", "ollama"])


@each_wire
def test_an_answer_with_reasoning_text_and_calls_is_read(wire: Wire, stream: bytes) -> None:
    decoded = decode(wire, stream)
    assert decoded.whole.message.text == "Grüße 🍒"
    assert decoded.calls == (
        Call(id="a", tool="fs.read", arguments={"path": "ä.py"}),
        Call(id="b", tool="git.status", arguments={}),
    )
    assert decoded.whole.finish == "calls"
    assert decoded.whole.model == "m-1"
    assert ReasoningDelta("Hm") in decoded.items
    assert [item.text for item in decoded.items if isinstance(item, TextDelta)] == ["Grüße ", "🍒"]
    assert CallDelta("fs.read", 0) in decoded.items


@each_wire
def test_usage_does_not_overlap(wire: Wire, stream: bytes) -> None:
    usage = decode(wire, stream).whole.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.output_tokens) == (100, 20)
    if wire is not OLLAMA:
        assert usage == Usage(
            input_tokens=10, output_tokens=20, cache_read_tokens=60, cache_write_tokens=30, reasoning_tokens=5
        )


@each_wire
@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=60))
def test_every_chunking_gives_the_same_items(wire: Wire, stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(cut % len(stream) for cut in cuts), len(stream)})
    assert decode(wire, *(stream[a:b] for a, b in pairwise(places))) == decode(wire, stream)


@each_wire
def test_byte_by_byte_is_the_same_as_at_once(wire: Wire, stream: bytes) -> None:
    assert decode(wire, *(bytes([byte]) for byte in stream)) == decode(wire, stream)


@each_wire
def test_a_stream_cut_at_any_byte_is_never_a_whole_answer(wire: Wire, stream: bytes) -> None:
    whole = decode(wire, stream)
    complete = len(stream.rstrip(b"\n"))  # the end mark stands there; what follows it says nothing
    for end in range(len(stream)):
        if end < complete:
            assert refused(wire, stream[:end]).kind in (rows.CUT_STREAM, rows.GARBAGE), end
        else:
            assert decode(wire, stream[:end]).whole == whole.whole


@each_wire
def test_what_follows_the_end_is_passed_over(wire: Wire, stream: bytes) -> None:
    assert decode(wire, stream + stream, b"rubbish").whole == decode(wire, stream).whole


@each_wire
def test_an_answer_longer_than_the_limit_is_stopped(wire: Wire, stream: bytes) -> None:
    error = refused(wire, stream, limit=30)
    assert error.kind is rows.ANSWER_TOO_LONG
    assert "gateway.max_answer_bytes" in error.message


@each_wire
def test_nothing_at_all_is_a_cut_stream(wire: Wire, stream: bytes) -> None:
    assert refused(wire).kind is rows.CUT_STREAM
    assert refused(wire, b"\n \r\n").kind is rows.CUT_STREAM


@each_wire
def test_a_web_page_is_told_by_its_title(wire: Wire, stream: bytes) -> None:
    error = refused(wire, b"<!doctype html><html><title>Sign in</title>", b"<p>x</html>")
    assert error.kind is rows.GARBAGE
    assert "Sign in" in error.why


@each_wire
@pytest.mark.parametrize(
    "rubbish", [b"\x00\xff\xfe\x01" * 50, b"hello there\n\n", b'{"hello": 1}', b"data: 7\n\n", b"data: {x\n\n"]
)
def test_rubbish_is_an_error_and_never_an_answer(wire: Wire, stream: bytes, rubbish: bytes) -> None:
    assert refused(wire, rubbish).kind in (rows.GARBAGE, rows.CUT_STREAM)


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (
            CHAT,
            {
                "id": "c1",
                "model": "m-1",
                "usage": USAGE,
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "tool_calls",
                        "message": {
                            "content": "Grüße 🍒",
                            "tool_calls": [
                                call(id_="a", name="fs_read", arguments='{"path":"ä.py"}'),
                                call(id_="b", name="git_status", arguments="{}"),
                            ],
                        },
                    }
                ],
            },
        ),
        (RESPONSES, RESPONSE | {"output": OUTPUT}),
        (
            MESSAGES,
            {
                "id": "msg_1",
                "model": "m-1",
                "stop_reason": "tool_use",
                "content": [
                    {"type": "text", "text": "Grüße 🍒"},
                    {"type": "tool_use", "id": "a", "name": "fs_read", "input": {"path": "ä.py"}},
                    {"type": "tool_use", "id": "b", "name": "git_status", "input": {}},
                ],
                "usage": {"input_tokens": 10, "output_tokens": 20},
            },
        ),
    ],
    ids=["chat", "responses", "messages"],
)
def test_a_server_that_does_not_stream_is_understood(wire: Wire, body: dict[str, Any]) -> None:
    raw = json.dumps(body, indent=1).encode()
    decoded = decode(wire, raw[:40], raw[40:])
    assert decoded.whole.message.text == "Grüße 🍒"
    assert [call.tool for call in decoded.calls] == ["fs.read", "git.status"]
    assert decoded.whole.usage is not None
    assert refused(wire, raw[:-3]).kind is rows.CUT_STREAM


@pytest.mark.parametrize(
    ("wire", "stream", "kind"),
    [
        (CHAT, sse({"error": {"message": "Overloaded", "code": 503}}), rows.OVERLOADED),
        (CHAT, b'{"error": {"message": "slow down", "type": "rate_limit_exceeded"}}', rows.RATE_LIMIT),
        (CHAT, b'{"error": "the server is on fire"}', rows.OVERLOADED),
        (CHAT, sse(chunk({"content": "x"}), chunk({}, "insufficient_system_resource")), rows.OVERLOADED),
        (
            RESPONSES,
            sse(response_event("failed", response={"error": {"code": "rate_limit_exceeded", "message": "x"}})),
            rows.RATE_LIMIT,
        ),
        (RESPONSES, sse({"type": "error", "code": "server_error", "message": "x"}), rows.OVERLOADED),
        (
            MESSAGES,
            sse({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, named=True),
            rows.OVERLOADED,
        ),
        (
            MESSAGES,
            sse({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}}),
            rows.CONTEXT_TOO_LONG,
        ),
        (OLLAMA, line({"content": "x"}) + b'{"error":"model runner has unexpectedly stopped"}\n', rows.OVERLOADED),
        (OLLAMA, b'{"error":"prompt too long; exceeded max context length by 3 tokens"}\n', rows.CONTEXT_TOO_LONG),
    ],
)
def test_an_error_inside_a_stream_is_the_error_it_says(wire: Wire, stream: bytes, kind: ErrorKind) -> None:
    assert refused(wire, stream).kind is kind


def chat_calls(
    *tool_calls: list[dict[str, Any]], finish: str = "tool_calls", prompt: Prompt = PROMPT
) -> tuple[Call, ...]:
    chunks = [chunk({"tool_calls": calls}) for calls in tool_calls]
    return decode(CHAT, sse(*chunks, chunk({}, finish), "[DONE]"), prompt=prompt).calls


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    calls = chat_calls(
        [call(id_="a", name="fs_read", arguments='{"path":"1"}')],
        [call(id_="b", name="fs_read", arguments='{"path":"2"}')],
    )
    assert [(call.id, call.arguments["path"]) for call in calls] == [("a", "1"), ("b", "2")]


def test_calls_with_neither_index_nor_id_are_told_apart_by_their_names() -> None:
    calls = chat_calls(
        [call(name="fs_read", arguments='{"path":')],
        [call(arguments='"1"}')],
        [call(name="fs_read", arguments='{"path":"2"}'), call(name="git_status", arguments="")],
    )
    assert [call.arguments for call in calls] == [{"path": "1"}, {"path": "2"}, {}]
    assert len({call.id for call in calls}) == 3


def test_parallel_calls_all_sent_under_index_zero_are_told_apart() -> None:
    calls = chat_calls(
        [call(0, id_="a", name="fs_read", arguments='{"path":"1"}')],
        [call(0, id_="b", name="fs_read", arguments='{"path":"2"}')],
    )
    assert [call.arguments["path"] for call in calls] == ["1", "2"]


def test_a_name_repeated_with_every_fragment_makes_one_call() -> None:
    calls = chat_calls(
        [call(0, id_="a", name="fs_read", arguments='{"path"')],
        [call(0, id_="a", name="fs_read", arguments=':"1"}')],
    )
    assert [call.arguments for call in calls] == [{"path": "1"}]


def test_duplicate_and_missing_ids_become_unique_ones_and_always_the_same() -> None:
    streams = [[call(index, id_=id_, name="fs_read", arguments="{}")] for index, id_ in enumerate(("x", "x", "", ""))]
    calls = chat_calls(*streams)
    assert calls[0].id == "x"
    assert len({call.id for call in calls}) == 4
    assert calls == chat_calls(*streams)


def test_an_id_that_the_conversation_knows_already_is_replaced() -> None:
    first = chat_calls([call(0, id_="call_0", name="fs_read", arguments="{}")])
    history = FromAssistant.model_validate({"parts": [{"type": "call", "call": first[0].model_dump()}]})
    later = PROMPT._replace(messages=(*PROMPT.messages, history))
    again = chat_calls([call(0, id_="call_0", name="fs_read", arguments="{}")], prompt=later)
    assert first[0].id == "call_0"
    assert again[0].id != "call_0"


def test_two_hundred_calls_at_once_are_all_read() -> None:
    calls = chat_calls([call(index, id_=f"c{index}", name="fs_read", arguments='{"path":"x"}') for index in range(200)])
    assert len({call.id for call in calls}) == 200


def test_arguments_given_as_an_object_are_taken() -> None:
    assert chat_calls([call(0, id_="a", name="fs_read", arguments={"path": "1"})])[0].arguments == {"path": "1"}


@pytest.mark.parametrize("raw", ['{"path": ', "[1]", "7", '"text"', "{'path': 'x'}", '{"path": NaN}', "null"])
def test_arguments_that_are_no_json_object_are_malformed_and_kept_as_written(raw: str) -> None:
    (made,) = chat_calls([call(0, id_="a", name="fs_read", arguments=raw)])
    assert (made.arguments, made.malformed) == ({}, raw)


@pytest.mark.parametrize("raw", ["", " ", "{}"])
def test_no_arguments_are_an_empty_object(raw: str) -> None:
    (made,) = chat_calls([call(0, id_="a", name="git_status", arguments=raw)])
    assert (made.arguments, made.malformed) == ({}, "")


def test_the_last_call_of_an_answer_cut_off_by_length_is_never_run_with_empty_arguments() -> None:
    calls = chat_calls(
        [call(0, id_="a", name="git_status", arguments=""), call(1, id_="b", name="fs_write")], finish="length"
    )
    assert [bool(call.malformed) for call in calls] == [False, True]


def test_an_unknown_tool_stays_as_the_model_wrote_it() -> None:
    calls = chat_calls(
        [call(0, id_="a", name="make_coffee", arguments="{}"), call(1, id_="b", name="fs.read", arguments="{}")]
    )
    assert [call.tool for call in calls] == ["make_coffee", "fs.read"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "filtered"), ("eos", "stop"), ("tool_calls", "stop")],
)
def test_finish_reasons_of_chat_completions(reason: str, finish: str) -> None:
    assert decode(CHAT, sse(chunk({"content": "x"}), chunk({}, reason), "[DONE]")).whole.finish == finish


def test_a_call_counts_also_when_the_server_says_stop() -> None:
    tools = chunk({"tool_calls": [call(0, id_="a", name="fs_read", arguments="{}")]})
    assert decode(CHAT, sse(tools, chunk({}, "stop"), "[DONE]")).whole.finish == "calls"


def test_done_without_a_finish_reason_is_a_cut_stream() -> None:
    assert refused(CHAT, sse(chunk({"content": "x"}), "[DONE]")).kind is rows.CUT_STREAM


def test_a_finish_reason_is_enough_for_servers_known_to_send_no_end_mark() -> None:
    stream = sse(chunk({"content": "x"}), chunk({}, "stop"))
    assert refused(CHAT, stream).kind is rows.CUT_STREAM
    assert decode(CHAT, stream, quirks=Quirks(end_marker=False)).whole.message.text == "x"


def test_reasoning_is_read_under_either_name_and_from_parts() -> None:
    stream = sse(
        chunk({"reasoning": "a"}),
        chunk(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "b"}]},
                    {"type": "text", "text": "c"},
                ]
            }
        ),
        chunk({}, "stop"),
        "[DONE]",
    )
    message = decode(CHAT, stream).whole.message
    assert message.parts == (ReasoningPart(text="ab", provider="p"), TextPart(text="c"))


def test_usage_may_come_with_the_finish_or_in_the_words_of_deepseek() -> None:
    reported = {
        "prompt_tokens": 10,
        "prompt_cache_hit_tokens": 4,
        "prompt_cache_miss_tokens": 6,
        "completion_tokens": 2,
    }
    stream = sse(chunk({"content": "x"}), chunk({}, "stop", usage=reported), "[DONE]")
    assert decode(CHAT, stream).whole.usage == Usage(input_tokens=6, output_tokens=2, cache_read_tokens=4)


def test_reasoning_counted_beside_the_answer_is_added_to_it() -> None:
    reported = {
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "total_tokens": 19,
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    stream = sse(chunk({"content": "x"}), chunk({}, "stop", usage=reported), "[DONE]")
    assert decode(CHAT, stream).whole.usage == Usage(input_tokens=10, output_tokens=9, reasoning_tokens=7)


def test_sealed_reasoning_of_responses_is_kept_as_given_but_for_its_status() -> None:
    part = next(
        part for part in decode(RESPONSES, RESPONSES_STREAM).whole.message.parts if isinstance(part, ReasoningPart)
    )
    assert json.loads(part.opaque) == {key: value for key, value in REASONED.items() if key != "status"}
    assert (part.text, part.provider) == ("Hm", "p")


def test_a_signed_thought_of_messages_is_kept_as_given() -> None:
    part = decode(MESSAGES, MESSAGES_STREAM).whole.message.parts[0]
    assert isinstance(part, ReasoningPart)
    assert json.loads(part.opaque) == {"type": "thinking", "thinking": "Hm", "signature": "sealed"}


def test_a_hidden_thought_of_messages_is_kept_as_given() -> None:
    hidden = {"type": "redacted_thinking", "data": "abc"}
    stream = sse(
        {"type": "message_start", "message": {"id": "m"}},
        block("start", content_block=hidden),
        block("stop"),
        block("start", 1, content_block={"type": "text", "text": "Hi"}),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
    part = decode(MESSAGES, stream).whole.message.parts[0]
    assert isinstance(part, ReasoningPart)
    assert json.loads(part.opaque) == hidden


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_output_tokens", "length"), ("content_filter", "filtered"), ("something_new", "length")],
)
def test_an_incomplete_response_says_why(reason: str, finish: str) -> None:
    body = RESPONSE | {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": [MESSAGE_ITEM]}
    assert decode(RESPONSES, sse(response_event("incomplete", response=body))).whole.finish == finish


def test_a_refusal_is_filtered_with_the_models_words() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}
    whole = decode(RESPONSES, sse(response_event("completed", response=RESPONSE | {"output": [item]}))).whole
    assert (whole.finish, whole.refusal, whole.message.text) == ("filtered", "I will not.", "I will not.")
    chat = decode(CHAT, sse(chunk({"refusal": "No."}), chunk({}, "stop"), "[DONE]")).whole
    assert (chat.finish, chat.message.text) == ("filtered", "No.")


def test_responses_of_a_server_that_sends_only_deltas_and_the_end_are_read() -> None:
    stream = sse(
        response_event("output_text.delta", output_index=0, content_index=0, delta="Hi"),
        response_event("completed", response=RESPONSE | {"output": []}),
    )
    assert decode(RESPONSES, stream).whole.message.text == "Hi"


def test_an_answer_of_nothing_is_whole_and_empty() -> None:
    assert decode(CHAT, sse(chunk({"role": "assistant", "content": ""}), chunk({}, "stop"), "[DONE]")).whole.empty


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    (
        *("type", "choices", "delta", "message", "index", "tool_calls", "function", "arguments", "content", "usage"),
        *("response", "output", "item", "content_block", "output_index", "finish_reason", "done", "id", "name"),
        *("stop_reason", "error"),
    )
)
shaped = st.recursive(
    json_values | st.sampled_from(["message_stop", "response.completed", "content_block_start", "tool_use", "stop"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@each_wire
@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(st.dictionaries(FIELDS, shaped, max_size=5), max_size=5))
def test_json_of_any_shape_is_an_answer_or_an_error_of_the_catalogue(
    wire: Wire, stream: bytes, payloads: list[dict[str, Any]]
) -> None:
    lines = [json.dumps(payload).encode() for payload in payloads]
    raw = b"\n".join(lines) if wire is OLLAMA else b"".join(b"data: " + line + b"\n\n" for line in lines)
    with suppress(CherryError):  # any other exception fails the test
        decode(wire, raw)

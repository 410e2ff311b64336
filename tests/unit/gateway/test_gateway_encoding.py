"""What is sent: golden bodies of each wire, the order rules, names and ids, and the cost of repeating a session."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import (
    CallPart,
    FilePart,
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import ModelRef, OfferedTool, Prompt
from cherry.gateway.wire.anthropic import AnthropicMessages
from cherry.gateway.wire.base import Wire
from cherry.gateway.wire.encoding import MessageEncoder, Options, Quirks
from cherry.gateway.wire.names import ToolNames, allowed_id
from cherry.gateway.wire.ollama import OllamaChat
from cherry.gateway.wire.openai_chat import OpenAIChat, _encoded
from cherry.gateway.wire.openai_responses import OpenAIResponses

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOLS = (OfferedTool("fs.read", "Read a file.", SCHEMA), OfferedTool("git.status", "", {"type": "object"}))
PNG = b"\x89PNG"
FRAMED_FILE = "<data-82f64e6be809 from='the attached file n.txt'>\ndata\n</data-82f64e6be809>"
PNG_TEXT = base64.b64encode(PNG).decode()
WIRES: list[Wire] = [OpenAIChat(), OpenAIResponses(), AnthropicMessages(), OllamaChat()]
each_wire = pytest.mark.parametrize("wire", WIRES, ids=["chat", "responses", "messages", "ollama"])


def user(*words: str) -> FromUser:
    return FromUser(parts=tuple(TextPart(text=text) for text in words))


def said(*parts: TextPart | ReasoningPart | CallPart) -> FromAssistant:
    return FromAssistant(parts=parts)


def calling(call_id: str, tool: str = "fs.read", **arguments: Any) -> CallPart:
    return CallPart(call=Call(id=call_id, tool=tool, arguments=arguments))


def results(*pairs: tuple[str, str]) -> FromTools:
    return FromTools(
        results=tuple(Result(call_id=call_id, status=Status.SUCCESS, text=text) for call_id, text in pairs)
    )


def prompt(*messages: Message, system: str = "Be good.", tools: tuple[OfferedTool, ...] = (), **more: Any) -> Prompt:
    return Prompt(ModelRef("p", "m"), system, messages, tools, **more)


def body(wire: Wire, asked: Prompt, **options: Any) -> dict[str, Any]:
    loaded = json.loads(wire.encode(asked, Options("p", **options)))
    assert isinstance(loaded, dict)
    return loaded


CONVERSATION = (
    FromUser(
        parts=(TextPart(text="Look"), FilePart(name="n.txt", text="data"), ImagePart(media_type="image/png", data=PNG))
    ),
    said(
        ReasoningPart(text="Hm", opaque='{"type":"thinking","thinking":"Hm","signature":"s"}', provider="p"),
        TextPart(text="Reading."),
        calling("a", path="x"),
        calling("b", "git.status"),
    ),
    FromTools(
        results=(
            Result(call_id="a", status=Status.SUCCESS, text="content"),
            Result(call_id="b", status=Status.ERROR, text="no repository"),
        )
    ),
    user("And now?"),
)


def test_golden_body_of_chat_completions() -> None:
    asked = prompt(*CONVERSATION, tools=TOOLS, max_output_tokens=9, temperature=0.5, cache_key="s_1")
    quirks = Quirks(cache_key=True, new_max_tokens=True)
    assert body(OpenAIChat(), asked, quirks=quirks, max_output=9) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be good."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "text", "text": FRAMED_FILE},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}"}},
                ],
            },
            {
                "role": "assistant",
                "content": "Reading.",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "fs_read", "arguments": '{"path":"x"}'}},
                    {"id": "b", "type": "function", "function": {"name": "git_status", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "content"},
            {"role": "tool", "tool_call_id": "b", "content": "no repository"},
            {"role": "user", "content": "And now?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {"type": "function", "function": {"name": "fs_read", "description": "Read a file.", "parameters": SCHEMA}},
            {
                "type": "function",
                "function": {"name": "git_status", "description": "", "parameters": {"type": "object"}},
            },
        ],
        "max_completion_tokens": 9,
        "temperature": 0.5,
        "prompt_cache_key": "s_1",
    }


def test_golden_body_of_responses() -> None:
    sealed = '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"e"}'
    history = (
        user("Look"),
        said(
            ReasoningPart(opaque=sealed, provider="p"),
            ReasoningPart(opaque='{"type":"message","phase":"commentary"}', provider="p"),
            TextPart(text="Reading."),
            calling("a", path="x"),
        ),
        results(("a", "content")),
    )
    asked = prompt(*history, tools=TOOLS[:1], cache_key="s_1")
    assert body(OpenAIResponses(), asked, quirks=Quirks(cache_key=True), max_output=9, reasoning_model=True) == {
        "model": "m",
        "instructions": "Be good.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Reading."}],
                "phase": "commentary",
            },
            {"type": "function_call", "call_id": "a", "name": "fs_read", "arguments": '{"path":"x"}'},
            {"type": "function_call_output", "call_id": "a", "output": "content"},
        ],
        "stream": True,
        "store": False,
        "tools": [
            {
                "type": "function",
                "name": "fs_read",
                "description": "Read a file.",
                "parameters": SCHEMA,
                "strict": False,
            }
        ],
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 9,
        "prompt_cache_key": "s_1",
    }


def test_golden_body_of_messages() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    assert body(AnthropicMessages(), prompt(*CONVERSATION, tools=TOOLS, temperature=1.5)) == {
        "model": "m",
        "max_tokens": 32_000,
        "tools": [
            {"name": "fs_read", "description": "Read a file.", "input_schema": SCHEMA},
            {"name": "git_status", "description": "", "input_schema": {"type": "object"}, **mark},
        ],
        "system": [{"type": "text", "text": "Be good.", **mark}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "text", "text": FRAMED_FILE},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT},
                        **mark,
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "text", "text": "Reading."},
                    {"type": "tool_use", "id": "a", "name": "fs_read", "input": {"path": "x"}},
                    {"type": "tool_use", "id": "b", "name": "git_status", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "content"},
                    {"type": "tool_result", "tool_use_id": "b", "content": "no repository", "is_error": True},
                    {"type": "text", "text": "And now?", **mark},
                ],
            },
        ],
        "stream": True,
        "temperature": 1.0,
    }


def test_golden_body_of_ollama() -> None:
    asked = prompt(*CONVERSATION, tools=TOOLS[:1], temperature=0.5)
    assert body(OllamaChat(), asked, max_output=9, context_window=16_384) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be good."},
            {"role": "user", "content": f"Look\n\n{FRAMED_FILE}", "images": [PNG_TEXT]},
            {
                "role": "assistant",
                "content": "Reading.",
                "thinking": "Hm",
                "tool_calls": [
                    {"id": "a", "function": {"name": "fs_read", "arguments": {"path": "x"}}},
                    {"id": "b", "function": {"name": "git_status", "arguments": {}}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "content"},
            {"role": "tool", "tool_call_id": "b", "content": "no repository"},
            {"role": "user", "content": "And now?"},
        ],
        "stream": True,
        "tools": [
            {"type": "function", "function": {"name": "fs_read", "description": "Read a file.", "parameters": SCHEMA}}
        ],
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 16_384, "num_predict": 9, "temperature": 0.5},
    }


@each_wire
def test_what_the_configuration_adds_to_a_body_is_sent_as_it_is(wire: Wire) -> None:
    assert body(wire, prompt(user("x")), body={"effort": {"level": 3}})["effort"] == {"level": 3}


@each_wire
def test_a_model_that_refuses_a_temperature_gets_none(wire: Wire) -> None:
    assert "temperature" not in body(wire, prompt(user("x"), temperature=0.2), sampling=False)


@each_wire
def test_an_image_is_named_in_words_to_a_model_without_eyes(wire: Wire) -> None:
    asked = prompt(FromUser(parts=(ImagePart(media_type="image/png", data=PNG, name="shot.png"),)))
    sent = wire.encode(asked, Options("p", images=False)).decode()
    assert PNG_TEXT not in sent
    assert "shot.png" in sent


@each_wire
def test_reasoning_goes_back_to_its_own_provider_only(wire: Wire) -> None:
    parts = [
        ReasoningPart(
            text="secret thought", opaque='{"type":"thinking","thinking":"sealed","signature":"s"}', provider="other"
        ),
        ReasoningPart(opaque='{"type":"reasoning","encrypted_content":"sealed"}', provider="other"),
        TextPart(text="Hi"),
    ]
    sent = wire.encode(
        prompt(user("x"), said(*parts), user("y")), Options("p", quirks=Quirks(reasoning_back=True))
    ).decode()
    assert "sealed" not in sent
    assert "secret thought" not in sent


def test_deepseek_gets_reasoning_back_and_an_empty_one_where_a_call_has_none() -> None:
    history = (
        user("x"),
        said(ReasoningPart(text="Hm", provider="p"), calling("a", path="1")),
        results(("a", "1")),
        said(calling("b", path="2")),
        results(("b", "2")),
        said(TextPart(text="Done")),
        user("y"),
    )
    quirks = Quirks(reasoning_back=True, reasoning_required=True)
    sent = [
        entry
        for entry in body(OpenAIChat(), prompt(*history), quirks=quirks)["messages"]
        if entry["role"] == "assistant"
    ]
    assert [entry.get("reasoning_content") for entry in sent] == ["Hm", "", None]


@each_wire
def test_a_missing_result_is_said_in_words(wire: Wire) -> None:
    history = (user("x"), said(calling("a", path="1"), calling("b", path="2")), results(("b", "two")), user("y"))
    sent = wire.encode(prompt(*history), Options("p")).decode()
    assert sent.index("There is no result") < sent.index('"two"')


@each_wire
def test_a_result_without_its_call_becomes_text(wire: Wire) -> None:
    sent = wire.encode(prompt(results(("lost", "found it")), user("y")), Options("p")).decode()
    assert "Result of an earlier call:\\nfound it" in sent
    assert "lost" not in sent


@each_wire
def test_nothing_empty_is_sent(wire: Wire) -> None:
    history = (
        user("x"),
        said(TextPart(text="")),
        user(""),
        said(calling("a")),
        results(("a", "")),
        said(ReasoningPart(text="h")),
        user("y"),
    )
    sent = wire.encode(prompt(*history, system=""), Options("p"))
    assert b"(no output)" in sent
    for empty in (b'"content":[]', b'"content":""', b'"text":""', b'"output":""', b'"system":""', b'"instructions"'):
        assert empty not in sent or (wire is WIRES[3] and empty == b'"content":""')


@each_wire
def test_malformed_arguments_go_back_as_an_object_that_holds_them(wire: Wire) -> None:
    broken = CallPart(call=Call(id="a", tool="fs.read", arguments={}, malformed='{"path": '))
    sent = wire.encode(prompt(user("x"), said(broken), results(("a", "no")), user("y")), Options("p")).decode()
    assert "malformed_arguments" in sent


@each_wire
def test_names_and_ids_of_other_providers_are_brought_into_a_form_all_take(wire: Wire) -> None:
    odd = CallPart(call=Call(id="functions.fs_read:0", tool="Make Coffee!", arguments={}))
    sent = wire.encode(
        prompt(user("x"), said(odd), results(("functions.fs_read:0", "ok")), user("y")), Options("p")
    ).decode()
    assert "Make_Coffee_" in sent
    assert "functions.fs_read:0" not in sent
    assert sent.count(allowed_id("functions.fs_read:0")) == 2


def test_tools_that_would_share_a_name_get_different_ones_and_come_back_right() -> None:
    names = ToolNames([OfferedTool("a.b_c", "", {}), OfferedTool("a.b.c", "", {}), OfferedTool("x" * 80, "", {})])
    assert [names.to_wire("a.b_c"), names.to_wire("a.b.c")] == ["a_b_c", "a_b_c_2"]
    assert [names.from_wire("a_b_c"), names.from_wire("a_b_c_2")] == ["a.b_c", "a.b.c"]
    assert len(names.to_wire("x" * 80)) == 64


def test_a_trailing_thought_is_left_out_where_the_provider_wants_something_after_it() -> None:
    thought = ReasoningPart(opaque='{"type":"thinking","thinking":"Hm","signature":"s"}', provider="p")
    sent = body(AnthropicMessages(), prompt(user("x"), said(TextPart(text="Hi"), thought), user("y")))["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["text"]
    sealed = ReasoningPart(opaque='{"type":"reasoning","encrypted_content":"e"}', provider="p")
    sent = body(OpenAIResponses(), prompt(user("x"), said(TextPart(text="Hi"), sealed), user("y")))["input"]
    assert [entry.get("type") for entry in sent] == [None, "message", None]


def test_a_conversation_for_anthropic_begins_and_ends_with_the_user() -> None:
    sent = body(AnthropicMessages(), prompt(said(TextPart(text="Hi")), user("x"), said(TextPart(text="Half"))))[
        "messages"
    ]
    assert [entry["role"] for entry in sent] == ["user", "assistant", "user", "assistant", "user"]


def test_the_cache_marks_of_anthropic_move_with_the_conversation_and_never_exceed_four() -> None:
    wire, history = AnthropicMessages(), [user("x")]
    for step in range(4):
        history += [said(calling(f"c{step}", path="1")), results((f"c{step}", "r"))]
        sent = wire.encode(prompt(*history, tools=TOOLS), Options("p"))
        assert sent.count(b"cache_control") == 4
        assert sent.endswith(b'"cache_control":{"type":"ephemeral"}}]}],"stream":true}')


def test_the_beginning_of_a_body_does_not_change_as_the_session_grows() -> None:
    history: list[Message] = [user("x"), said(calling("a", path="1")), results(("a", "r"))]
    longer = [*history, said(TextPart(text="Done")), user("y")]
    for wire in (OpenAIChat(), OpenAIResponses(), OllamaChat()):
        short, long_ = (wire.encode(prompt(*messages), Options("p")) for messages in (history, longer))
        end = short.index(b'],"stream"')
        assert long_[:end] == short[:end]


def test_a_message_seen_before_is_not_encoded_again() -> None:
    encoded: list[Message] = []

    def counting(message: Message, names: ToolNames, options: Options) -> Any:
        encoded.append(message)
        return _encoded(message, names, options)

    encoder = MessageEncoder(counting)
    history: list[Message] = [user("x")]
    for step in range(5):
        history += [said(calling(f"c{step}")), results((f"c{step}", "r"))]
        encoder.sequence(prompt(*history, tools=tuple(TOOLS)), Options("p"))
    assert len(encoded) == len(history)
    encoder.sequence(prompt(*history), Options("p", images=False))
    assert len(encoded) == 2 * len(history)


def test_what_is_remembered_of_messages_is_bounded_by_bytes() -> None:
    encoder = MessageEncoder(_encoded, cache_bytes=10_000)
    history = [user("x" * 1000) if step % 2 else said(TextPart(text="y" * 1000)) for step in range(100)]
    assert len(encoder.sequence(prompt(*history), Options("p"))) == 100
    assert encoder._size <= 10_000


texts = st.sampled_from(["", " ", "a", "line\nline"])
user_messages = st.builds(lambda words: user(*words), st.lists(texts, max_size=2))
call_ids = st.sampled_from(["a", "b", "odd id!", "x" * 60])
assistant_messages = st.builds(
    lambda words, ids: said(*(TextPart(text=text) for text in words), *(calling(call_id, path="p") for call_id in ids)),
    st.lists(texts, max_size=2),
    st.lists(call_ids, max_size=3, unique=True),
)
tool_messages = st.builds(
    lambda ids: results(*((call_id, "r") for call_id in ids)), st.lists(call_ids, max_size=3, unique=True)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(user_messages | assistant_messages | tool_messages, max_size=8))
def test_any_history_is_sent_in_an_order_every_provider_takes(history: list[Message]) -> None:
    chat = body(OpenAIChat(), prompt(*history))["messages"][1:]
    waiting: list[str] = []
    for entry in chat:
        if entry["role"] == "tool":
            assert entry["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting
        assert entry["content"] or entry.get("tool_calls")
        waiting = [call["id"] for call in entry.get("tool_calls", ())]
    assert not waiting
    turns = body(AnthropicMessages(), prompt(*history))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    for before, turn in zip([None, *turns], turns, strict=False):
        called = [block["id"] for block in before["content"] if block["type"] == "tool_use"] if before else []
        assert [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"] == called
        assert all(block.get("text", "x").strip() for block in turn["content"])

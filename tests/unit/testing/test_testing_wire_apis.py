"""Each API of the wire double answers in its provider's shape, streamed and whole."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from cherry.testing.replies import Part, Reason, Reply, Say, Tokens, ToolCall, answer, empty_answer
from cherry.testing.scripts import Script
from cherry.testing.wire import KEY, WireDouble

_HEADERS = {"authorization": f"Bearer {KEY}", "x-api-key": KEY, "anthropic-version": "2023-06-01"}
_USER = {"role": "user", "content": "hi"}
PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "ollama": "/api/chat",
}
_BODIES: dict[str, dict[str, Any]] = {
    "chat": {"model": "test", "messages": [_USER]},
    "responses": {"model": "test", "input": "hi"},
    "messages": {"model": "test", "max_tokens": 100, "messages": [_USER]},
    "ollama": {"model": "test", "messages": [_USER]},
}
_TOKENS = Tokens(10, 20, cache_read=30, cache_write=40, reasoning=5)
_EVERYTHING = answer(
    Reason("Let me think about it for a while."),
    "I shall read both files now, one after the other.",
    ToolCall("fs.read", {"path": "src/größe.py"}),
    ToolCall("fs.list"),
    tokens=_TOKENS,
)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(headers=_HEADERS, timeout=5, verify=False) as client:
        yield client


async def _ask(client: httpx2.AsyncClient, api: str, reply: Reply, **body: Any) -> httpx2.Response:
    async with WireDouble(reply) as double:
        response = await client.post(double.base_url + PATHS[api], json={**_BODIES[api], **body})
        assert double.complaints == []
        return response


def _events(response: httpx2.Response) -> list[dict[str, Any]]:
    """The JSON of each server-sent event; a name must agree with the type."""
    found = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if fields["data"] == "[DONE]":
            continue
        event = json.loads(fields["data"])
        assert fields.get("event", event.get("type")) == event.get("type")
        found.append(event)
    return found


async def test_chat_streams_deltas_a_finish_reason_the_usage_and_done(client: httpx2.AsyncClient) -> None:
    response = await _ask(client, "chat", _EVERYTHING, stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    *chunks, last = _events(response)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(d.get("content") or "" for d in deltas) == "I shall read both files now, one after the other."
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "Let me think about it for a while."
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    first = [call for call in calls if call["index"] == 0]
    assert first[0]["function"]["name"] == "fs_read"
    assert first[0]["id"] == "call_0001002"
    assert json.loads("".join(c["function"]["arguments"] for c in first)) == {"path": "src/größe.py"}
    assert {call["index"] for call in calls} == {0, 1}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "tool_calls"
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 80
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 30
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


async def test_chat_streams_no_usage_unless_it_is_asked_for(client: httpx2.AsyncClient) -> None:
    response = await _ask(client, "chat", answer("x"), stream=True)
    assert all("usage" not in event for event in _events(response))


async def test_chat_answers_whole(client: httpx2.AsyncClient) -> None:
    body = (await _ask(client, "chat", _EVERYTHING)).json()
    message = body["choices"][0]["message"]
    assert message["content"] == "I shall read both files now, one after the other."
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["fs_read", "fs_list"]
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert body["usage"]["total_tokens"] == 100


async def test_responses_streams_items_in_order_and_the_whole_response_last(client: httpx2.AsyncClient) -> None:
    response = await _ask(
        client, "responses", _EVERYTHING, stream=True, include=["reasoning.encrypted_content"], store=False
    )
    events = _events(response)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 4
    text = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    assert text == "I shall read both files now, one after the other."
    arguments = [e for e in events if e["type"] == "response.function_call_arguments.done"]
    assert [json.loads(event["arguments"]) for event in arguments] == [{"path": "src/größe.py"}, {}]
    whole = events[-1]["response"]
    assert kinds[-1] == "response.completed"
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert whole["output"][0]["encrypted_content"]
    assert whole["output"][2]["call_id"] == "call_0001002"
    assert whole["usage"]["input_tokens"] == 80
    assert whole["usage"]["input_tokens_details"] == {"cached_tokens": 30}


async def test_an_item_of_a_responses_stream_starts_empty(client: httpx2.AsyncClient) -> None:
    events = _events(await _ask(client, "responses", _EVERYTHING, stream=True))
    begun = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert begun[1]["content"] == []
    assert begun[2]["arguments"] == ""
    assert begun[2]["status"] == "in_progress"


async def test_responses_says_incomplete_when_the_answer_was_cut_short(client: httpx2.AsyncClient) -> None:
    body = (await _ask(client, "responses", answer("half", finish="length"))).json()
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    events = _events(await _ask(client, "responses", answer("half", finish="length"), stream=True))
    assert events[-1]["type"] == "response.incomplete"


async def test_messages_streams_blocks_pings_and_stops(client: httpx2.AsyncClient) -> None:
    events = _events(await _ask(client, "messages", _EVERYTHING, stream=True))
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 4
    usage = events[0]["message"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (
        10,
        30,
        40,
    )
    blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert blocks[2]["input"] == {}
    deltas = [(event["index"], event["delta"]) for event in events if event["type"] == "content_block_delta"]
    arguments = "".join(delta["partial_json"] for index, delta in deltas if index == 2)
    assert json.loads(arguments) == {"path": "src/größe.py"}
    assert "".join(delta["partial_json"] for index, delta in deltas if index == 3) == ""
    assert any(delta["type"] == "signature_delta" for _, delta in deltas)
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    assert events[-2]["usage"]["output_tokens"] == 20


async def test_messages_answers_whole(client: httpx2.AsyncClient) -> None:
    body = (await _ask(client, "messages", _EVERYTHING)).json()
    assert [block["type"] for block in body["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert body["content"][2]["input"] == {"path": "src/größe.py"}
    assert body["stop_reason"] == "tool_use"


async def test_ollama_streams_lines_and_counts_at_the_end(client: httpx2.AsyncClient) -> None:
    response = await _ask(client, "ollama", _EVERYTHING)
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "".join(line["message"]["content"] for line in lines) == _EVERYTHING.text
    assert "".join(line["message"].get("thinking", "") for line in lines) == "Let me think about it for a while."
    calls = [call["function"] for line in lines for call in line["message"].get("tool_calls", ())]
    assert [(call["name"], call["arguments"]) for call in calls] == [
        ("fs_read", {"path": "src/größe.py"}),
        ("fs_list", {}),
    ]
    assert lines[-1]["done_reason"] == "stop"
    assert (lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == (80, 20)


async def test_ollama_answers_whole_when_asked_not_to_stream(client: httpx2.AsyncClient) -> None:
    body = (await _ask(client, "ollama", _EVERYTHING, stream=False)).json()
    assert body["done"] is True
    assert body["message"]["content"] == _EVERYTHING.text
    assert len(body["message"]["tool_calls"]) == 2


@pytest.mark.parametrize(("api", "found"), [("chat", "stop"), ("messages", "end_turn"), ("ollama", "stop")])
async def test_the_empty_answer_is_finished_and_has_no_content(
    client: httpx2.AsyncClient, api: str, found: str
) -> None:
    assert f'"{found}"' in (await _ask(client, api, empty_answer(), stream=True)).text


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("part", [Say("x"), Reason("x"), ToolCall("a", {"b": 1})])
async def test_without_end_marker_a_stream_just_stops(client: httpx2.AsyncClient, api: str, part: Part) -> None:
    text = (await _ask(client, api, answer(part, end_marker=False), stream=True)).text
    for marker in ("[DONE]", '"stop"', 'tool_calls"}', "message_stop", "response.completed", '"done":true'):
        assert marker not in text
    assert text


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
async def test_broken_arguments_arrive_as_the_model_wrote_them(client: httpx2.AsyncClient, api: str) -> None:
    text = (await _ask(client, api, answer(ToolCall("fs.read", raw='{"path": ')), stream=True)).text
    assert r"{\"path\": " in text


async def test_ollama_fails_by_itself_at_broken_arguments(client: httpx2.AsyncClient) -> None:
    reply = answer(ToolCall("fs.read", raw='{"path": '))
    assert "error parsing tool call" in (await _ask(client, "ollama", reply)).text
    response = await _ask(client, "ollama", reply, stream=False)
    assert response.status_code == 500


@pytest.mark.parametrize("api", PATHS)
async def test_the_script_sees_the_same_request_through_every_api(client: httpx2.AsyncClient, api: str) -> None:
    async with WireDouble(Script.of(lambda request: f"{request.last_text}, {request.model}!")) as double:
        response = await client.post(double.base_url + PATHS[api], json={**_BODIES[api], "stream": False})
        assert "hi, test!" in response.text
        assert double.model_requests[0].api == api


async def test_lists_of_models_come_in_each_shape(client: httpx2.AsyncClient) -> None:
    async with WireDouble(models=("a", "b")) as double:
        plain = httpx2.AsyncClient(timeout=5)
        async with plain:
            openai = (await plain.get(double.base_url + "/v1/models")).json()
        anthropic = (await client.get(double.base_url + "/v1/models")).json()
        ollama = (await client.get(double.base_url + "/api/tags")).json()
        shown = await client.post(double.base_url + "/api/show", json={"model": "a"})
        unknown = await client.post(double.base_url + "/api/show", json={"model": "z"})
        counted = await client.post(double.base_url + "/v1/messages/count_tokens", json={"model": "a", "messages": []})
        root = await client.get(double.base_url)
        assert [model["id"] for model in openai["data"]] == ["a", "b"]
        assert anthropic["data"][0]["display_name"] == "a"
        assert anthropic["has_more"] is False
        assert [model["name"] for model in ollama["models"]] == ["a", "b"]
        assert shown.json()["model_info"]["llama.context_length"] == 131072
        assert unknown.status_code == 404
        assert counted.json()["input_tokens"] > 0
        assert root.text == "Ollama is running"
        assert double.model_requests == []

"""The wire double refuses what the real servers refuse, in their words."""

from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.testing.replies import Reason, Reply, ToolCall
from cherry.testing.scripts import SeenRequest
from cherry.testing.wire import KEY, WireDouble
from cherry.testing.wire.anthropic import Messages
from cherry.testing.wire.apis import Api, Complaint
from cherry.testing.wire.http import HttpRequest
from cherry.testing.wire.judging import Keys, judged
from cherry.testing.wire.ollama import OllamaChat
from cherry.testing.wire.openai_chat import ChatCompletions
from cherry.testing.wire.openai_responses import Responses

_USER = {"role": "user", "content": "hi"}
_CHAT = {"model": "test", "messages": [_USER]}
_RESPONSES = {"model": "test", "input": "hi"}
_MESSAGES = {"model": "test", "max_tokens": 10, "messages": [_USER]}
_OLLAMA = {"model": "test", "messages": [_USER]}


async def _post(path: str, body: Any, *, headers: dict[str, str] | None = None, **settings: Any) -> httpx2.Response:
    given = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"} if headers is None else headers
    async with WireDouble("ok", **settings) as double, httpx2.AsyncClient(timeout=5, verify=False) as client:
        return await client.post(double.base_url + path, json=body, headers=given)


def _said(call_id: str = "c1", name: str = "fs_read") -> dict[str, Any]:
    function = {"name": name, "arguments": "{}"}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def _result(call_id: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "done"}


def _given(*items: Any) -> dict[str, Any]:
    return {"model": "test", "input": list(items)}


_FUNCTION_CALL = {"type": "function_call", "call_id": "c1", "name": "a", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}


def _chat_tool(name: str, parameters: Any = None) -> dict[str, Any]:
    function = {"name": name, "parameters": parameters or {"type": "object"}}
    return {"type": "function", "function": function}


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"messages": [_USER]}, "you must provide a model parameter", None),
        ({"model": "test"}, "Missing required parameter: 'messages'.", "messages"),
        ({"model": "test", "messages": []}, "empty array", "messages"),
        ({"model": "test", "messages": "hi"}, "Invalid type for 'messages'", "messages"),
        ({"model": "test", "messages": [{"role": "robot", "content": "x"}]}, "'robot'. Supported values are", "messages[0].role"),
        ({"model": "test", "messages": [{"role": "user", "content": None}]}, "expected a string, got null", "messages.[0].content"),
        ({"model": "test", "messages": [{"role": "user", "content": []}]}, "empty array", "messages[0].content"),
        ({"model": "test", "messages": [{"role": "user", "content": [{"type": "film"}]}]}, "'film'", "messages[0].content[0].type"),
        ({"model": "test", "messages": [{"role": "assistant", "content": None}]}, "got null", "messages.[0].content"),
        ({"model": "test", "messages": [_USER, _result()]}, "must be a response to a preceeding message", "messages.[1].role"),
        ({"model": "test", "messages": [_USER, _said()]}, "did not have response messages: c1", "messages.[2].role"),
        ({"model": "test", "messages": [_USER, _said(), _USER]}, "did not have response messages: c1", "messages.[2].role"),
        ({"model": "test", "messages": [_USER, _said(), _result("c9")]}, "'c9' not found in 'tool_calls'", "messages.[2].tool_call_id"),
        ({"model": "test", "messages": [_USER, _said(name="."), _result()]}, "match pattern", "messages[1].tool_calls[0].function.name"),
        ({**_CHAT, "tools": [_chat_tool("fs.read")]}, "does not match pattern", "tools[0].function.name"),
        ({**_CHAT, "tools": [_chat_tool("x" * 65)]}, "maximum length 64", "tools[0].function.name"),
        ({**_CHAT, "tools": [_chat_tool("a", {"type": "string"})]}, "Invalid schema for function 'a'", "tools[0].function.parameters"),
        ({**_CHAT, "temperature": 3}, "<= 2", "temperature"),
        ({**_CHAT, "stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled", "stream_options"),
        ({**_CHAT, "max_tokens": 1, "max_completion_tokens": 1}, "at the same time", "max_tokens"),
    ],
)  # fmt: skip
async def test_chat_refuses(body: Any, message: str, param: str | None) -> None:
    response = await _post("/v1/chat/completions", body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param


async def test_chat_takes_a_correct_conversation_with_several_calls() -> None:
    two = _said("c1")
    two["tool_calls"].append(_said("c2", "fs_list")["tool_calls"][0])
    system = {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}
    messages = [system, _USER, two, _result("c2"), _result("c1"), {"role": "assistant", "content": "x"}, _USER]
    response = await _post(
        "/v1/chat/completions", {"model": "test", "messages": messages, "tools": [_chat_tool("fs_read")]}
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": "hi"}, "Missing required parameter: 'model'."),
        ({"model": "test"}, "Missing required parameter: 'input'."),
        ({**_RESPONSES, "previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        ({**_RESPONSES, "tools": [{"type": "function", "name": "fs.read", "parameters": {"type": "object"}}]}, "'tools[0].name'"),
        ({"model": "test", "input": [{"type": "dance"}]}, "'dance'"),
        ({"model": "test", "input": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'"),
        ({"model": "test", "input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "'input_text'"),
        (_given(_OUTPUT), "No tool call found for function call output with call_id c1."),
        (_given(_FUNCTION_CALL), "No tool output found for function call c1."),
        (_given({**_FUNCTION_CALL, "arguments": {}}), "Invalid type for 'input[0].arguments'"),
        (_given({"type": "reasoning", "id": "rs_1", "summary": []}, _USER), "without its required following item"),
    ],
)  # fmt: skip
async def test_responses_refuses(body: Any, message: str) -> None:
    response = await _post("/v1/responses", body)
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


async def test_responses_takes_a_correct_conversation() -> None:
    given = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "fs_read", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
    ]
    response = await _post("/v1/responses", {"model": "test", "input": given})
    assert response.status_code == 200, response.text


def _use(call_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": call_id, "name": "fs_read", "input": {}, **more}],
    }


def _used(*names: str, before: str = "") -> dict[str, Any]:
    said = [{"type": "text", "text": before}] if before else []
    return {
        "role": "user",
        "content": said + [{"type": "tool_result", "tool_use_id": name, "content": "x"} for name in names],
    }


def _asked(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "test", "max_tokens": 10, "messages": [_USER, *messages], **more}


_TOOL = {"name": "fs_read", "input_schema": {"type": "object"}}
_FORGED = {"type": "thinking", "thinking": "hm", "signature": "made up"}
_MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"max_tokens": 1, "messages": [_USER]}, "model: Field required"),
        ({"model": "test", "messages": [_USER]}, "max_tokens: Field required"),
        ({"model": "test", "max_tokens": 1}, "messages: Field required"),
        ({"model": "test", "max_tokens": 1, "messages": []}, "at least one message is required"),
        ({"model": "test", "max_tokens": 1, "messages": [{"role": "assistant", "content": "x"}]}, "first message must use the"),
        (_asked({"role": "system", "content": "x"}), 'Unexpected role "system"'),
        (_asked({"role": "assistant", "content": ""}, _USER), "messages.1: all messages must have non-empty content"),
        (_asked({"role": "assistant", "content": [{"type": "text", "text": ""}]}), "text content blocks must be non-empty"),
        (_asked({"role": "assistant", "content": [{"type": "text", "text": "  "}]}), "must contain non-whitespace text"),
        (_asked({"role": "user", "content": [{"type": "film"}]}), "Input tag 'film'"),
        (_asked(system=[{"type": "text", "text": ""}]), "system: text content blocks must be non-empty"),
        (_asked(_use(), _USER), "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: c1"),
        (_asked(_use()), "`tool_use` ids were found without"),
        (_asked(_use(), _used("c1", before="Note:")), "`tool_use` ids were found without"),
        (_asked(_use(), _used("c1", "c2")), "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: c2"),
        (_asked(_use("c 1"), _used("c 1")), "tool_use.id: String should match pattern"),
        (_asked(_use(name="fs.read"), _used("c1")), "tool_use.name: String should match pattern"),
        (_asked(_use(input="{}"), _used("c1")), "tool_use.input: Input should be a valid dictionary"),
        (_asked(tools=[{"name": "fs.read", "input_schema": {"type": "object"}}]), "tools.0.custom.name: String should match pattern"),
        (_asked(tools=[{"name": "a"}]), "tools.0.custom.input_schema: Field required"),
        (_asked(tools=[_TOOL, _TOOL]), "Tool names must be unique"),
        (_asked(tools=[{**_TOOL, "name": f"t{n}", **_MARK} for n in range(5)]), "A maximum of 4 blocks with cache_control"),
        (_asked(temperature=1.5), "temperature: range: 0..1"),
        (_asked(thinking={"type": "enabled", "budget_tokens": 2048}), "`max_tokens` must be greater than"),
        (_asked({"role": "assistant", "content": [_FORGED, {"type": "text", "text": "x"}]}), "Invalid `signature` in `thinking` block"),
    ],
)  # fmt: skip
async def test_messages_refuses(body: Any, message: str) -> None:
    response = await _post("/v1/messages", body)
    assert response.status_code == 400
    assert response.json()["type"] == "error"
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert message in response.json()["error"]["message"]


async def test_messages_takes_its_own_answer_back_with_the_results() -> None:
    reply = Reply((Reason("hm"), ToolCall("fs.read", {"path": "a"})))
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    async with WireDouble(reply) as double, httpx2.AsyncClient(headers=headers, timeout=5, verify=False) as client:
        url = double.base_url + "/v1/messages"
        first = (await client.post(url, json=_asked(tools=[_TOOL]))).json()
        said = {"role": "assistant", "content": first["content"]}
        body = _asked(said, _used(first["content"][1]["id"]), tools=[{**_TOOL, **_MARK}])
        assert (await client.post(url, json=body)).status_code == 200
        assert double.complaints == []
        assert double.model_requests[1].seen is not None
        assert double.model_requests[1].seen.results[0].text == "x"


async def test_messages_wants_a_version() -> None:
    response = await _post("/v1/messages", _MESSAGES, headers={"x-api-key": KEY})
    assert response.json()["error"]["message"] == "anthropic-version: header is required"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": [_USER]}, "model is required"),
        ({"model": "test", "messages": [{"role": "robot", "content": "x"}]}, "invalid role: robot"),
        ({"model": "test", "messages": [{"role": "user", "content": [{"type": "text"}]}]}, "cannot unmarshal array"),
        ({"model": "test", "messages": [_said()]}, "cannot unmarshal string into Go struct field"),
    ],
)
async def test_ollama_refuses(body: Any, message: str) -> None:
    response = await _post("/api/chat", body, headers={})
    assert response.status_code == 400
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/chat/completions", _CHAT, "You didn't provide an API key"),
        ("/v1/responses", _RESPONSES, "You didn't provide an API key"),
        ("/v1/messages", _MESSAGES, "x-api-key header is required"),
    ],
)
async def test_a_request_without_a_key_is_refused(path: str, body: Any, message: str) -> None:
    response = await _post(path, body, headers={"anthropic-version": "2023-06-01"})
    assert response.status_code == 401
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/chat/completions", _CHAT, "Incorrect API key provided"),
        ("/v1/messages", _MESSAGES, "invalid x-api-key"),
    ],
)
async def test_a_wrong_key_is_refused_when_keys_are_given(path: str, body: Any, message: str) -> None:
    response = await _post(path, body, keys={"another"})
    assert response.status_code == 401
    assert message in response.json()["error"]["message"]


async def test_a_local_server_needs_no_key() -> None:
    response = await _post("/v1/chat/completions", _CHAT, headers={}, require_key=False)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/chat/completions", _CHAT, "The model `test` does not exist"),
        ("/v1/messages", _MESSAGES, "model: test"),
        ("/api/chat", _OLLAMA, "model 'test' not found"),
    ],
)
async def test_an_unknown_model_is_not_found_when_models_are_strict(path: str, body: Any, message: str) -> None:
    response = await _post(path, body, models=("other",), strict_models=True)
    assert response.status_code == 404
    assert message in response.text


async def test_a_body_that_is_not_json_is_refused() -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    async with WireDouble() as double, httpx2.AsyncClient(headers=headers, timeout=5, verify=False) as client:
        response = await client.post(double.base_url + "/v1/chat/completions", content=b"{nope")
        assert response.status_code == 400
        assert "could not parse the JSON body" in response.text
        assert double.requests[0].body is None


async def test_a_refused_request_uses_up_no_answer_and_is_remembered() -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    async with WireDouble("ok") as double, httpx2.AsyncClient(headers=headers, timeout=5, verify=False) as client:
        await client.post(double.base_url + "/v1/chat/completions", json={"model": "test"})
        assert double.model_requests == []
        assert double.answers_left == 1
        assert double.complaints == ["Missing required parameter: 'messages'."]


async def test_an_address_that_is_no_route_is_not_found_as_the_real_server_says() -> None:
    response = await _post("/chat/completions", _CHAT)
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Invalid URL (POST /chat/completions)"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "tool", "test", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "id", "name", "function"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_KEYS = (
    "model",
    "messages",
    "input",
    "max_tokens",
    "tools",
    "stream",
    "system",
    "instructions",
    "thinking",
    "temperature",
)


@pytest.mark.parametrize("api", [ChatCompletions(), Responses(), Messages(), OllamaChat()], ids=lambda api: api.name)
@given(body=st.dictionaries(st.sampled_from(_KEYS), _JSON), data=st.data())
def test_no_body_whatever_breaks_the_double(api: Api, body: dict[str, Any], data: st.DataObject) -> None:
    messages = data.draw(
        st.none() | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": _JSON}), max_size=3)
    )
    body = {
        **body,
        "model": "test",
        "max_tokens": 9,
        **({} if messages is None else {"messages": messages, "input": messages}),
    }
    request = HttpRequest(
        "POST", "/", "", {"authorization": "Bearer x", "anthropic-version": "1"}, b"", keep_alive=True
    )
    verdict = judged(api, request, body, keys=Keys(required=True, accepted=None), number=1)
    assert isinstance(verdict, Complaint | SeenRequest)

"""The wire double fails in the ways providers fail."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, get_args

import httpx2
import pytest

from cherry.testing import faults
from cherry.testing.faults import RefusalKind, Refuse, Vendor
from cherry.testing.replies import answer, huge_text
from cherry.testing.scripts import Script, Step
from cherry.testing.wire import KEY, WireDouble, refused_address

_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "ollama": "/api/chat",
}
_HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}


def _body(stream: bool) -> dict[str, Any]:
    user = [{"role": "user", "content": "hi"}]
    return {"model": "test", "max_tokens": 9, "messages": user, "input": "hi", "stream": stream}


async def _ask(
    step: Step, *, api: str = "chat", stream: bool = True, timeout: float | httpx2.Timeout = 5
) -> httpx2.Response:
    async with (
        WireDouble(Script(step)) as double,
        httpx2.AsyncClient(headers=_HEADERS, timeout=timeout, verify=False) as client,
    ):
        return await client.post(double.base_url + _PATHS[api], json=_body(stream))


@pytest.mark.parametrize("api", ["chat", "messages", "ollama"])
@pytest.mark.parametrize("kind", get_args(RefusalKind))
async def test_every_refusal_has_a_status_and_an_error_in_every_api(api: str, kind: RefusalKind) -> None:
    response = await _ask(Refuse(kind), api=api)
    assert 400 <= response.status_code < 600
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("vendor", "kind", "status", "words"),
    [
        ("openai", "context_too_long", 400, "context_length_exceeded"),
        ("openai", "quota_used_up", 429, "insufficient_quota"),
        ("openai", "wrong_key", 401, "invalid_api_key"),
        ("anthropic", "context_too_long", 400, "prompt is too long"),
        ("anthropic", "overloaded", 529, "overloaded_error"),
        ("deepseek", "no_credit", 402, "Insufficient Balance"),
        ("deepseek", "context_too_long", 400, "maximum context length is 131072 tokens"),
        ("qwen", "context_too_long", 400, "Range of input length should be"),
        ("openrouter", "no_credit", 402, "Insufficient credits"),
        ("llama.cpp", "context_too_long", 400, "exceed_context_size_error"),
        ("llama.cpp", "unavailable", 503, "Loading model"),
        ("lmstudio", "context_too_long", 400, "greater than the context length"),
        ("vllm", "model_not_found", 404, "The model `test` does not exist."),
    ],
)
async def test_each_vendor_says_it_in_its_own_words(vendor: Vendor, kind: RefusalKind, status: int, words: str) -> None:
    response = await _ask(Refuse(kind, vendor))
    assert response.status_code == status
    assert words in response.text


async def test_retry_after_is_given_in_seconds_or_as_a_date() -> None:
    response = await _ask(Refuse("rate_limited", retry_after=2))
    assert response.headers["retry-after"] == "2"
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    response = await _ask(Refuse("rate_limited", retry_after=moment))
    assert parsedate_to_datetime(response.headers["retry-after"]) == moment


async def test_a_bare_status_is_sent_as_it_is() -> None:
    response = await _ask(faults.Status(418, "teapot", {"x-brew": "no"}))
    assert (response.status_code, response.text, response.headers["x-brew"]) == (418, "teapot", "no")


@pytest.mark.parametrize("api", _PATHS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("inside", [True, False])
async def test_a_cut_answer_ends_the_connection_in_the_middle(api: str, stream: bool, inside: bool) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match=r"incomplete|without"):
        await _ask(faults.CutMidStream(after=2, inside_event=inside), api=api, stream=stream)


async def test_a_cut_inside_an_event_leaves_half_of_it() -> None:
    async with WireDouble(Script(faults.CutMidStream(after=1, inside_event=True))) as double:
        reader, writer = await asyncio.open_connection("127.0.0.1", double.port)
        body = json.dumps(_body(stream=True)).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nx-api-key: {KEY}\r\nanthropic-version: 2023-06-01\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        received = await reader.read()
        writer.close()
        assert b"message_start" in received
        assert b"event: content_bl" in received
        assert not received.endswith(b"\n\n\r\n")
        await double.wait_until_settled()
        assert double.requests[0].state == "cut"


async def test_a_reset_breaks_the_connection_hard() -> None:
    with pytest.raises(httpx2.ReadError):
        await _ask(faults.Drop(reset=True))


async def test_a_dropped_connection_brings_no_answer() -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        await _ask(faults.Drop())


@pytest.mark.parametrize("fault", [faults.Hang(), faults.HangMidStream(after=1)])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_hanging_provider_is_waited_for_in_vain(fault: Step, stream: bool) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        await _ask(fault, stream=stream, timeout=httpx2.Timeout(5, read=0.05))


async def test_signs_of_life_keep_a_connection_busy_for_ever() -> None:
    async with WireDouble(faults.PingForever(0.001)) as double, httpx2.AsyncClient(headers=_HEADERS) as client:
        url = double.base_url + _PATHS["messages"]
        async with client.stream("POST", url, json=_body(stream=True), timeout=1) as response:
            pings = 0
            async for line in response.aiter_lines():
                pings += line == "event: ping"
                if pings == 5:
                    break
        await double.wait_until_settled()
        assert double.requests[0].state == "client_left"


@pytest.mark.parametrize("api", _PATHS)
async def test_an_error_can_come_inside_the_stream(api: str) -> None:
    response = await _ask(faults.ErrorInStream("overloaded", after=2), api=api)
    assert response.status_code == 200
    assert '"error"' in response.text
    for marker in ("[DONE]", "message_stop", "response.completed", '"done":true'):
        assert marker not in response.text


async def test_without_a_stream_an_error_inside_is_a_plain_refusal() -> None:
    assert (await _ask(faults.ErrorInStream("overloaded"), api="messages", stream=False)).status_code == 529


async def test_garbage_has_status_200_and_no_answer_in_it() -> None:
    assert "<html>" in (await _ask(faults.Garbage("html"))).text
    assert len((await _ask(faults.Garbage("bytes"))).content) == 2048
    assert (await _ask(faults.Garbage("empty_body"))).content == b""
    assert (await _ask(faults.Garbage("other_json"))).json()["status"] == "ok"


@pytest.mark.parametrize("api", _PATHS)
@pytest.mark.parametrize("stream", [True, False])
async def test_broken_json_comes_between_good_events(api: str, stream: bool) -> None:
    response = await _ask(faults.Garbage("broken_json"), api=api, stream=stream)
    assert response.status_code == 200
    broken = 0
    for line in response.text.splitlines():
        text = line.removeprefix("data: ")
        if not text or line.startswith(("event:", ":")) or text == "[DONE]":
            continue
        try:
            json.loads(text)
        except ValueError:
            broken += 1
    assert broken == 1


async def test_something_that_is_not_http_is_not_understood() -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        await _ask(faults.Garbage("not_http"))


@pytest.mark.parametrize("stream", [True, False])
async def test_a_slow_answer_comes_whole_in_the_end(stream: bool) -> None:
    response = await _ask(faults.SlowDrip(64, 0.0005, answer("drop by drop")), api="messages", stream=stream)
    assert "drop by drop" in response.text


async def test_ten_megabytes_of_text_come_through() -> None:
    response = await _ask(huge_text(10_000_000), stream=False)
    assert len(response.json()["choices"][0]["message"]["content"]) == 10_000_000
    streamed = await _ask(huge_text(10_000_000))
    assert len(streamed.content) > 10_000_000


async def test_a_refused_address_refuses() -> None:
    with refused_address() as url:
        async with httpx2.AsyncClient(timeout=5, verify=False) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)


async def test_a_fault_is_used_up_and_the_next_answer_follows() -> None:
    script = Script(Refuse("overloaded"), faults.Drop(), "at last")
    async with WireDouble(script) as double, httpx2.AsyncClient(headers=_HEADERS, timeout=5, verify=False) as client:
        url = double.base_url + _PATHS["chat"]
        assert (await client.post(url, json=_body(stream=False))).status_code == 503
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(url, json=_body(stream=False))
        assert "at last" in (await client.post(url, json=_body(stream=False))).text

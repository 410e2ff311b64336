"""OpenAI chat completions (`/v1/chat/completions`), as OpenAI, DeepSeek, Qwen, llama.cpp, vLLM and LM Studio speak it.

Thinking is written as `reasoning_content`, the field those servers agreed on; OpenAI itself sends none.
"""

from collections.abc import Iterator, Mapping

from cherry.testing.faults import RefusalKind, Vendor
from cherry.testing.replies import Reason, Say, Tokens, ToolCall, call_id, pieces
from cherry.testing.scripts import SeenCall, SeenMessage, SeenRequest
from cherry.testing.wire.apis import Complaint, Job, Json, bearer, data_event
from cherry.testing.wire.openai_checks import chat_complaint, keyless_complaint, text_of

_FINISH = {"stop": "stop", "calls": "tool_calls", "length": "length", "filtered": "content_filter"}


class ChatCompletions:
    name = "chat"
    vendor: Vendor = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def keyless(self) -> Complaint:
        return keyless_complaint()

    def complaint(self, body: Json, headers: Mapping[str, str]) -> Complaint | None:
        return chat_complaint(body)

    def complain(self, complaint: Complaint) -> Json:
        return openai_error(complaint)

    def wants_stream(self, body: Json) -> bool:
        return bool(body.get("stream"))

    def seen(self, number: int, body: Json) -> SeenRequest:
        messages = body["messages"]
        system = "\n\n".join(text_of(m.get("content")) for m in messages if m["role"] in ("system", "developer"))
        said = tuple(_seen_message(m) for m in messages if m["role"] not in ("system", "developer"))
        tools = tuple(tool["function"]["name"] for tool in body.get("tools") or ())
        return SeenRequest(number, body["model"], system, said, tools, self.wants_stream(body))

    def whole(self, job: Job) -> Json:
        message: Json = {"role": "assistant", "content": job.reply.text or None, "refusal": None, "annotations": []}
        if thought := "".join(part.text for part in job.reply.parts if isinstance(part, Reason)):
            message["reasoning_content"] = thought
        calls = [
            _call(part, job, place, part.argument_text)
            for place, part in enumerate(job.reply.parts)
            if isinstance(part, ToolCall)
        ]
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[job.reply.finished_as]}
        return {**_frame(job, "chat.completion"), "choices": [choice], "usage": _usage(job.tokens)}

    def events(self, job: Job) -> Iterator[bytes]:
        counted = bool((job.body.get("stream_options") or {}).get("include_usage"))
        frame = _frame(job, "chat.completion.chunk")

        def event(delta: Json, finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return data_event({**frame, "choices": [choice], **({"usage": None} if counted else {})})

        yield event({"role": "assistant", "content": "", "refusal": None})
        for delta in _deltas(job):
            yield event(delta)
        if not job.reply.end_marker:
            return
        yield event({}, _FINISH[job.reply.finished_as])
        if counted:
            yield data_event({**frame, "choices": [], "usage": _usage(job.tokens)})
        yield b"data: [DONE]\n\n"

    def error_events(self, job: Job, kind: RefusalKind, message: str) -> Iterator[bytes]:
        yield data_event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})

    def ping(self) -> bytes:
        return b": keep-alive\n\n"

    def broken_event(self) -> bytes:
        return b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"con\n\n'


def openai_error(complaint: Complaint) -> Json:
    return {
        "error": {
            "message": complaint.message,
            "type": complaint.type,
            "param": complaint.param,
            "code": complaint.code,
        }
    }


def _deltas(job: Job) -> Iterator[Json]:
    index = -1
    for place, part in enumerate(job.reply.parts):
        if isinstance(part, Say):
            yield from ({"content": piece} for piece in pieces(part.text))
        elif isinstance(part, Reason):
            yield from ({"reasoning_content": piece} for piece in pieces(part.text))
        else:
            index += 1
            yield {"tool_calls": [{"index": index, **_call(part, job, place, "")}]}
            for piece in pieces(part.argument_text):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _call(part: ToolCall, job: Job, place: int, arguments: str) -> Json:
    function = {"name": part.wire_name, "arguments": arguments}
    return {"id": call_id(part, job.number, place), "type": "function", "function": function}


def _frame(job: Job, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{job.number:08d}",
        "object": kind,
        "created": job.created,
        "model": job.model,
        "service_tier": "default",
        "system_fingerprint": "fp_double",
    }


def _usage(tokens: Tokens) -> Json:
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.prompt + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _seen_message(message: Json) -> SeenMessage:
    text = text_of(message.get("content"))
    if message["role"] == "tool":
        return SeenMessage("tool", text, call_id=message["tool_call_id"])
    if message["role"] == "user":
        return SeenMessage("user", text)
    calls = tuple(
        SeenCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    return SeenMessage("assistant", text, calls)

"""Ollama's own chat API (`/api/chat`): lines of JSON instead of server-sent events, no keys."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cherry.testing.faults import RefusalKind, Vendor
from cherry.testing.replies import Reason, Say, ToolCall, call_id, pieces
from cherry.testing.scripts import SeenCall, SeenMessage, SeenRequest
from cherry.testing.wire.apis import Complaint, Job, Json

_GO_ARGUMENTS = "messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments"


class OllamaChat:
    name = "ollama"
    vendor: Vendor = "ollama"
    stream_type = "application/x-ndjson"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return ""

    def keyless(self) -> Complaint:
        return Complaint("unauthorized", status=401)

    def complain(self, complaint: Complaint) -> Json:
        return {"error": complaint.message}

    def wants_stream(self, body: Json) -> bool:
        return bool(body.get("stream", True))

    def complaint(self, body: Json, headers: Mapping[str, str]) -> Complaint | None:
        if not body.get("model"):
            return Complaint("model is required")
        for message in body.get("messages") or ():
            if complaint := _message_complaint(message):
                return complaint
        for tool in body.get("tools") or ():
            if not (tool.get("function") or {}).get("name"):
                return Complaint("tool name is required")
        return None

    def seen(self, number: int, body: Json) -> SeenRequest:
        messages = body.get("messages") or []
        system = "\n\n".join(m.get("content") or "" for m in messages if m["role"] == "system")
        said = tuple(_seen_message(m) for m in messages if m["role"] != "system")
        tools = tuple(tool["function"]["name"] for tool in body.get("tools") or ())
        return SeenRequest(number, body["model"], system, said, tools, self.wants_stream(body))

    def whole(self, job: Job) -> Json:
        if broken := _unreadable_call(job):
            return {"error": broken}
        message: Json = {"role": "assistant", "content": job.reply.text}
        if thought := "".join(part.text for part in job.reply.parts if isinstance(part, Reason)):
            message["thinking"] = thought
        if calls := [call for place, part in enumerate(job.reply.parts) if (call := _call(part, job, place))]:
            message["tool_calls"] = calls
        return {**_frame(job), "message": message, **_end(job)}

    def events(self, job: Job) -> Iterator[bytes]:
        for place, part in enumerate(job.reply.parts):
            if isinstance(part, Say):
                yield from (_line(job, {"content": piece}) for piece in pieces(part.text))
            elif isinstance(part, Reason):
                yield from (_line(job, {"content": "", "thinking": piece}) for piece in pieces(part.text))
            elif part.argument_object() is None:
                yield orjson.dumps({"error": _unreadable_call(job)}) + b"\n"
                return
            else:
                yield _line(job, {"content": "", "tool_calls": [_call(part, job, place)]})
        if job.reply.end_marker:
            message = {"role": "assistant", "content": ""}
            yield orjson.dumps({**_frame(job), "message": message, **_end(job)}) + b"\n"

    def error_events(self, job: Job, kind: RefusalKind, message: str) -> Iterator[bytes]:
        yield orjson.dumps({"error": message}) + b"\n"

    def ping(self) -> bytes:
        return b"\n"

    def broken_event(self) -> bytes:
        return b'{"model":"test","created_at":"2025-01-01T00:00:00Z","message":{"role":"assis\n'


def _message_complaint(message: Json) -> Complaint | None:
    if message.get("role") not in ("system", "user", "assistant", "tool"):
        return Complaint(f"invalid role: {message.get('role')}")
    if not isinstance(message.get("content") or "", str):
        return _unmarshal("array", "messages.content of type string")
    for call in message.get("tool_calls") or ():
        if not isinstance((call.get("function") or {}).get("arguments"), dict):
            return _unmarshal("string", _GO_ARGUMENTS)
    return None


def _unmarshal(got: str, wanted: str) -> Complaint:
    return Complaint(f"json: cannot unmarshal {got} into Go struct field ChatRequest.{wanted}")


def _unreadable_call(job: Job) -> str:
    """Ollama reads the arguments itself and fails when it cannot."""
    for part in job.reply.parts:
        if isinstance(part, ToolCall) and part.argument_object() is None:
            return f"error parsing tool call: raw='{part.argument_text}', err=unexpected end of JSON input"
    return ""


def _call(part: Any, job: Job, place: int) -> Json | None:
    if not isinstance(part, ToolCall):
        return None
    index = sum(isinstance(other, ToolCall) for other in job.reply.parts[:place])
    function = {"index": index, "name": part.wire_name, "arguments": part.argument_object() or {}}
    return {"id": call_id(part, job.number, place), "function": function}


def _frame(job: Job) -> Json:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(job.created))
    return {"model": job.model, "created_at": moment}


def _line(job: Job, message: Json) -> bytes:
    return orjson.dumps({**_frame(job), "message": {"role": "assistant", **message}, "done": False}) + b"\n"


def _end(job: Job) -> Json:
    return {
        "done": True,
        "done_reason": "length" if job.reply.finished_as == "length" else "stop",
        "total_duration": 5_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": job.tokens.prompt,
        "prompt_eval_duration": 1_000_000,
        "eval_count": job.tokens.output,
        "eval_duration": 3_000_000,
    }


def _seen_message(message: Json) -> SeenMessage:
    text = message.get("content") or ""
    if message["role"] == "tool":
        return SeenMessage("tool", text, call_id=message.get("tool_call_id", ""))
    if message["role"] == "user":
        return SeenMessage("user", text)
    calls = tuple(
        SeenCall(call.get("id", ""), call["function"]["name"], json.dumps(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    )
    return SeenMessage("assistant", text, calls)

"""Anthropic messages (`/v1/messages`)."""

import hashlib
import json
from collections.abc import Iterator, Mapping

from cherry.testing.faults import RefusalKind, Vendor
from cherry.testing.replies import Part, Reason, Say, Tokens, ToolCall, call_id, pieces
from cherry.testing.scripts import SeenCall, SeenMessage, SeenRequest
from cherry.testing.wire.anthropic_checks import blocks_of, messages_complaint, text_of
from cherry.testing.wire.apis import Complaint, Job, Json, bearer, named_event

_STOP = {"stop": "end_turn", "calls": "tool_use", "length": "max_tokens", "filtered": "refusal"}
_STREAM_ERRORS = {"overloaded": "overloaded_error", "rate_limited": "rate_limit_error"}


class Messages:
    name = "messages"
    vendor: Vendor = "anthropic"
    stream_type = "text/event-stream; charset=utf-8"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key") or bearer(headers)

    def keyless(self) -> Complaint:
        return Complaint("x-api-key header is required", status=401, type="authentication_error")

    def complain(self, complaint: Complaint) -> Json:
        return anthropic_error(complaint.type, complaint.message)

    def wants_stream(self, body: Json) -> bool:
        return bool(body.get("stream"))

    def complaint(self, body: Json, headers: Mapping[str, str]) -> Complaint | None:
        if "anthropic-version" not in headers:
            return Complaint("anthropic-version: header is required")
        return messages_complaint(body, signature)

    def seen(self, number: int, body: Json) -> SeenRequest:
        said = tuple(seen for message in body["messages"] for seen in _seen_messages(message))
        tools = tuple(tool["name"] for tool in body.get("tools") or ())
        return SeenRequest(number, body["model"], text_of(body.get("system")), said, tools, self.wants_stream(body))

    def whole(self, job: Job) -> Json:
        content = [_block(part, job, place) for place, part in enumerate(job.reply.parts)]
        stop = _STOP[job.reply.finished_as]
        return {**_message(job), "content": content, "stop_reason": stop, "usage": _usage(job.tokens)}

    def events(self, job: Job) -> Iterator[bytes]:
        begun = {**_message(job), "usage": {**_usage(job.tokens), "output_tokens": 1}}
        yield named_event({"type": "message_start", "message": begun})
        if not job.reply.parts:
            yield self.ping()
        for place, part in enumerate(job.reply.parts):
            opening = _empty(_block(part, job, place))
            yield named_event({"type": "content_block_start", "index": place, "content_block": opening})
            if place == 0:
                yield self.ping()
            for delta in _deltas(part):
                yield named_event({"type": "content_block_delta", "index": place, "delta": delta})
            yield named_event({"type": "content_block_stop", "index": place})
        if not job.reply.end_marker:
            return
        end = {"stop_reason": _STOP[job.reply.finished_as], "stop_sequence": None}
        yield named_event({"type": "message_delta", "delta": end, "usage": _counts(job.tokens)})
        yield named_event({"type": "message_stop"})

    def error_events(self, job: Job, kind: RefusalKind, message: str) -> Iterator[bytes]:
        yield named_event(anthropic_error(_STREAM_ERRORS.get(kind, "api_error"), message))

    def ping(self) -> bytes:
        return named_event({"type": "ping"})

    def broken_event(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"ty\n\n'


def anthropic_error(kind: str, message: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_double"}


def signature(thought: str) -> str:
    """What the server signs a thought with; it must come back unchanged."""
    return "Ed" + hashlib.blake2b(thought.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


def _message(job: Job) -> Json:
    return {
        "id": f"msg_{job.number:08d}",
        "type": "message",
        "role": "assistant",
        "model": job.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _block(part: Part, job: Job, place: int) -> Json:
    if isinstance(part, Say):
        return {"type": "text", "text": part.text}
    if isinstance(part, Reason):
        return {"type": "thinking", "thinking": part.text, "signature": signature(part.text)}
    # In one piece the API has no way to give arguments that are not an object.
    arguments = part.argument_object() or {}
    return {"type": "tool_use", "id": call_id(part, job.number, place), "name": part.wire_name, "input": arguments}


def _empty(block: Json) -> Json:
    empty: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) if key != "type" else value for key, value in block.items()}


def _deltas(part: Part) -> Iterator[Json]:
    if isinstance(part, Say):
        yield from ({"type": "text_delta", "text": piece} for piece in pieces(part.text))
    elif isinstance(part, Reason):
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(part.text))
        yield {"type": "signature_delta", "signature": signature(part.text)}
    elif isinstance(part, ToolCall):
        yield {"type": "input_json_delta", "partial_json": ""}
        # Without arguments the real stream brings nothing but the empty piece.
        if part.raw is not None or part.arguments:
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(part.argument_text))


def _counts(tokens: Tokens) -> Json:
    return {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "output_tokens": tokens.output,
    }


def _usage(tokens: Tokens) -> Json:
    made = {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0}
    return {**_counts(tokens), "cache_creation": made, "service_tier": "standard"}


def _seen_messages(message: Json) -> Iterator[SeenMessage]:
    blocks = blocks_of(message["content"])
    for block in blocks:
        if block["type"] == "tool_result":
            yield SeenMessage("tool", text_of(block.get("content")), call_id=block["tool_use_id"])
    calls = tuple(
        SeenCall(block["id"], block["name"], json.dumps(block["input"]))
        for block in blocks
        if block["type"] == "tool_use"
    )
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    if message["role"] == "assistant":
        yield SeenMessage("assistant", text, calls)
    elif text:
        yield SeenMessage("user", text)

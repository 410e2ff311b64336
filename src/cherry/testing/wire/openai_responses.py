"""OpenAI responses (`/v1/responses`), stateless: nothing is stored, so `previous_response_id` finds nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from cherry.testing.faults import RefusalKind, Vendor
from cherry.testing.replies import Part, Reason, Say, Tokens, ToolCall, call_id, pieces
from cherry.testing.scripts import SeenCall, SeenMessage, SeenRequest
from cherry.testing.wire.apis import Complaint, Job, Json, bearer, named_event
from cherry.testing.wire.openai_chat import openai_error
from cherry.testing.wire.openai_checks import (
    keyless_complaint,
    missing,
    name_complaint,
    text_of,
    tools_complaint,
    unsupported,
    wrong_type,
)

_ROLES = ("assistant", "system", "developer", "user")


class Responses:
    name = "responses"
    vendor: Vendor = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    def key(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def keyless(self) -> Complaint:
        return keyless_complaint()

    def complain(self, complaint: Complaint) -> Json:
        return openai_error(complaint)

    def wants_stream(self, body: Json) -> bool:
        return bool(body.get("stream"))

    def complaint(self, body: Json, headers: Mapping[str, str]) -> Complaint | None:
        if not body.get("model"):
            return missing("model")
        if previous := body.get("previous_response_id"):
            return Complaint(
                f"Previous response with id '{previous}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        given = body.get("input")
        if given is None:
            return missing("input")
        if not isinstance(body.get("include") or [], list):
            return wrong_type("include", "an array of strings", body["include"])
        tools = [tool for tool in body.get("tools") or () if tool.get("type", "function") == "function"]
        if complaint := tools_complaint(tools, ""):
            return complaint
        if isinstance(given, str):
            return None
        if not isinstance(given, list):
            return wrong_type("input", "one of an array of input items or a string", given)
        return _shapes_complaint(given) or _pairs_complaint(given) or _reasoning_complaint(given)

    def seen(self, number: int, body: Json) -> SeenRequest:
        given = body["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        system = [body.get("instructions") or ""]
        system += [text_of(i.get("content")) for i in items if i.get("role") in ("system", "developer")]
        said = tuple(message for item in items if (message := _seen_item(item)))
        tools = tuple(tool["name"] for tool in body.get("tools") or () if "name" in tool)
        spoken = "\n\n".join(text for text in system if text)
        return SeenRequest(number, body["model"], spoken, said, tools, self.wants_stream(body))

    def whole(self, job: Job) -> Json:
        output = [_done_item(part, job, place) for place, part in enumerate(job.reply.parts)]
        return _response(job, output, done=True)

    def events(self, job: Job) -> Iterator[bytes]:
        number = -1
        for payload in _payloads(job):
            number += 1
            yield named_event({**payload, "sequence_number": number})

    def error_events(self, job: Job, kind: RefusalKind, message: str) -> Iterator[bytes]:
        error = {"code": "server_error", "message": message}
        yield named_event({"type": "error", **error, "param": None, "sequence_number": 99})
        failed = {**_response(job, [], done=False), "status": "failed", "error": error}
        yield named_event({"type": "response.failed", "response": failed, "sequence_number": 100})

    def ping(self) -> bytes:
        return b": keep-alive\n\n"

    def broken_event(self) -> bytes:
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'


def _payloads(job: Job) -> Iterator[Json]:
    yield {"type": "response.created", "response": _response(job, [], done=False)}
    yield {"type": "response.in_progress", "response": _response(job, [], done=False)}
    output = []
    for place, part in enumerate(job.reply.parts):
        done = _done_item(part, job, place)
        output.append(done)
        yield {"type": "response.output_item.added", "output_index": place, "item": _begun_item(done)}
        at = {"item_id": done["id"], "output_index": place}
        if isinstance(part, Say):
            yield from _text_payloads(part.text, {**at, "content_index": 0})
        elif isinstance(part, Reason):
            yield from _summary_payloads(part.text, {**at, "summary_index": 0})
        else:
            for piece in pieces(part.argument_text):
                yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
            yield {"type": "response.function_call_arguments.done", **at, "arguments": part.argument_text}
        yield {"type": "response.output_item.done", "output_index": place, "item": done}
    if job.reply.end_marker:
        response = _response(job, output, done=True)
        yield {"type": f"response.{response['status']}", "response": response}


def _text_payloads(text: str, at: Json) -> Iterator[Json]:
    yield {"type": "response.content_part.added", **at, "part": _output_text("")}
    for piece in pieces(text):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": _output_text(text)}


def _summary_payloads(text: str, at: Json) -> Iterator[Json]:
    part = {"type": "summary_text", "text": ""}
    yield {"type": "response.reasoning_summary_part.added", **at, "part": part}
    for piece in pieces(text):
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": text}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": {**part, "text": text}}


def _output_text(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _done_item(part: Part, job: Job, place: int) -> Json:
    tail = f"{job.number:05d}{place:03d}"
    if isinstance(part, Say):
        said = {"id": f"msg_{tail}", "type": "message", "status": "completed", "role": "assistant"}
        return {**said, "content": [_output_text(part.text)]}
    if isinstance(part, ToolCall):
        return {
            "id": f"fc_{tail}",
            "type": "function_call",
            "status": "completed",
            "call_id": call_id(part, job.number, place),
            "name": part.wire_name,
            "arguments": part.argument_text,
        }
    summary = [{"type": "summary_text", "text": part.text}]
    item: Json = {"id": f"rs_{tail}", "type": "reasoning", "summary": summary}
    if "reasoning.encrypted_content" in (job.body.get("include") or ()):
        item["encrypted_content"] = f"gAAAA-double-{tail}"
    return item


def _begun_item(done: Json) -> Json:
    """The item as it is announced, before its content has come."""
    empty: Json = {"content": [], "arguments": "", "summary": []}
    begun = {key: empty.get(key, value) for key, value in done.items()}
    return {**begun, "status": "in_progress"} if "status" in done else begun


def _response(job: Job, output: list[Json], *, done: bool) -> Json:
    reasons = {"length": "max_output_tokens", "filtered": "content_filter"}
    cut = reasons.get(job.reply.finished_as) if done else None
    status = "in_progress" if not done else "incomplete" if cut else "completed"
    return {
        "id": f"resp_{job.number:08d}",
        "object": "response",
        "created_at": job.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": job.body.get("instructions"),
        "max_output_tokens": job.body.get("max_output_tokens"),
        "model": job.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": bool(job.body.get("store", True)),
        "temperature": job.body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": job.body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(job.tokens) if done else None,
        "user": None,
        "metadata": {},
    }


def _usage(tokens: Tokens) -> Json:
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cache_read},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.output,
    }


def _shapes_complaint(items: list[Any]) -> Complaint | None:
    kinds = ("message", "function_call", "function_call_output", "reasoning", "item_reference")
    for place, item in enumerate(items):
        where = f"input[{place}]"
        if not isinstance(item, dict):
            return wrong_type(where, "an input item", item)
        kind = item.get("type", "message")
        if kind not in kinds:
            return unsupported(where, kind, kinds)
        complaint = _message_complaint(item, where) if kind == "message" else _call_complaint(item, kind, where)
        if complaint:
            return complaint
    return None


def _message_complaint(item: Json, where: str) -> Complaint | None:
    role = item.get("role")
    if role not in _ROLES:
        return unsupported(f"{where}.role", role, _ROLES) if role else missing(f"{where}.role")
    content = item.get("content")
    if content is None:
        return missing(f"{where}.content")
    if isinstance(content, str):
        return None
    kinds = ("output_text", "refusal") if role == "assistant" else ("input_text", "input_image", "input_file")
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in kinds:
            return unsupported(f"{where}.content[{place}]", kind, kinds)
    return None


def _call_complaint(item: Json, kind: str, where: str) -> Complaint | None:
    if kind not in ("function_call", "function_call_output"):
        return None
    if not item.get("call_id"):
        return missing(f"{where}.call_id")
    if kind == "function_call_output":
        return None if "output" in item else missing(f"{where}.output")
    if not isinstance(item.get("arguments"), str):
        return wrong_type(f"{where}.arguments", "a string", item.get("arguments"))
    return name_complaint(item.get("name"), f"{where}.name")


def _pairs_complaint(items: list[Json]) -> Complaint | None:
    called = {item["call_id"]: None for item in items if item.get("type") == "function_call"}
    answered = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    for name in answered:
        if name not in called:
            return Complaint(f"No tool call found for function call output with call_id {name}.", param="input")
    for name in called:
        if name not in answered:
            return Complaint(f"No tool output found for function call {name}.", param="input")
    return None


def _reasoning_complaint(items: list[Json]) -> Complaint | None:
    for item, following in zip(items, [*items[1:], None], strict=True):
        if item.get("type") == "reasoning" and (following is None or following.get("role") == "user"):
            return Complaint(
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item.",
                param="input",
            )
    return None


def _seen_item(item: Json) -> SeenMessage | None:
    kind = item.get("type", "message")
    if kind == "function_call":
        return SeenMessage("assistant", calls=(SeenCall(item["call_id"], item["name"], item["arguments"]),))
    if kind == "function_call_output":
        return SeenMessage("tool", text_of(item["output"]), call_id=item["call_id"])
    if kind != "message" or item["role"] in ("system", "developer"):
        return None
    return SeenMessage("assistant" if item["role"] == "assistant" else "user", text_of(item["content"]))

"""What Anthropic's servers refuse a request for, in their words."""

import re
from collections.abc import Callable
from typing import Any

from cherry.testing.wire.apis import TOOL_NAME, Complaint, Json

_BLOCKS = ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")
_MOST_MARKS = 4


def messages_complaint(body: Json, signature: Callable[[str], str]) -> Complaint | None:
    """`signature` makes the signature a thought of this server has."""
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) is None:
            return Complaint(f"{name}: Field required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        return Complaint("max_tokens: Input should be greater than or equal to 1")
    return (
        _settings_complaint(body)
        or _tools_complaint(body.get("tools") or [])
        or _system_complaint(body.get("system"))
        or _shapes_complaint(body["messages"])
        or _pairs_complaint(body["messages"])
        or _marks_complaint(body)
        or _thoughts_complaint(body["messages"], signature)
    )


def blocks_of(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def text_of(content: Any) -> str:
    return "".join(block.get("text", "") for block in blocks_of(content) if isinstance(block, dict))


def _settings_complaint(body: Json) -> Complaint | None:
    temperature = body.get("temperature")
    if isinstance(temperature, (int, float)) and not 0 <= temperature <= 1:
        return Complaint("temperature: range: 0..1")
    thinking = body.get("thinking") or {}
    if thinking.get("type") != "enabled":
        return None
    if thinking.get("budget_tokens", 0) < 1024:
        return Complaint("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if thinking["budget_tokens"] >= body["max_tokens"]:
        return Complaint(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
            "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
        )
    return None


def _tools_complaint(tools: list[Json]) -> Complaint | None:
    names = []
    for place, tool in enumerate(tools):
        path = f"tools.{place}.custom"
        for name in ("name", "input_schema"):
            if tool.get(name) is None:
                return Complaint(f"{path}.{name}: Field required")
        if not re.match(TOOL_NAME, str(tool["name"])):
            return Complaint(f"{path}.name: String should match pattern '{TOOL_NAME}'")
        if tool["input_schema"].get("type") != "object":
            return Complaint(f"{path}.input_schema.type: Field required")
        names.append(tool["name"])
    return Complaint("tools: Tool names must be unique.") if len(set(names)) != len(names) else None


def _system_complaint(system: Any) -> Complaint | None:
    if isinstance(system, list) and any(not block.get("text") for block in system):
        return Complaint("system: text content blocks must be non-empty")
    return None


def _shapes_complaint(messages: Any) -> Complaint | None:
    if not isinstance(messages, list):
        return Complaint("messages: Input should be a valid list")
    if not messages:
        return Complaint("messages: at least one message is required")
    for place, message in enumerate(messages):
        role = message.get("role")
        if role not in ("user", "assistant"):
            return Complaint(
                f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` parameter, '
                'not "system" as an input message role.'
            )
        if complaint := _content_complaint(message, place, last=place == len(messages) - 1):
            return complaint
    if messages[0]["role"] != "user":
        return Complaint('messages: first message must use the "user" role')
    return None


def _content_complaint(message: Json, place: int, *, last: bool) -> Complaint | None:
    content = message.get("content")
    if content is None:
        return Complaint(f"messages.{place}.content: Field required")
    if not content and not (last and message["role"] == "assistant"):
        return Complaint(
            f"messages.{place}: all messages must have non-empty content except for the optional final assistant message"
        )
    if isinstance(content, str):
        return None
    for index, block in enumerate(content):
        if complaint := _block_complaint(block, f"messages.{place}.content.{index}"):
            return complaint
    return None


def _block_complaint(block: Json, path: str) -> Complaint | None:
    kind = block.get("type")
    if kind not in _BLOCKS:
        listed = ", ".join(f"'{name}'" for name in _BLOCKS)
        return Complaint(
            f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {listed}"
        )
    if kind == "text":
        if not block.get("text"):
            return Complaint("messages: text content blocks must be non-empty")
        if not block["text"].strip():
            return Complaint("messages: text content blocks must contain non-whitespace text")
    if kind == "tool_use":
        if not re.match(r"^[a-zA-Z0-9_-]+$", str(block.get("id", ""))):
            return Complaint(f"{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if not re.match(TOOL_NAME, str(block.get("name", ""))):
            return Complaint(f"{path}.tool_use.name: String should match pattern '{TOOL_NAME}'")
        if not isinstance(block.get("input"), dict):
            return Complaint(f"{path}.tool_use.input: Input should be a valid dictionary")
    if kind == "tool_result" and not block.get("tool_use_id"):
        return Complaint(f"{path}.tool_result.tool_use_id: Field required")
    return None


def _pairs_complaint(messages: list[Json]) -> Complaint | None:
    """Each call must be answered at the start of the next message, and only calls may be."""
    for place, message in enumerate(messages):
        before = messages[place - 1] if place else {"role": "user", "content": ""}
        called = [b["id"] for b in blocks_of(before["content"]) if b["type"] == "tool_use"]
        answered = _leading_results(message)
        for index, block in enumerate(blocks_of(message["content"])):
            if block["type"] == "tool_result" and block["tool_use_id"] not in called:
                return Complaint(
                    f"messages.{place}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block['tool_use_id']}. Each `tool_result` block must have a corresponding `tool_use` block in "
                    "the previous message."
                )
        if unanswered := [name for name in called if name not in answered]:
            return _unanswered(place - 1, unanswered)
    last = [b["id"] for b in blocks_of(messages[-1]["content"]) if b["type"] == "tool_use"]
    return _unanswered(len(messages) - 1, last) if last else None


def _leading_results(message: Json) -> list[str]:
    found = []
    for block in blocks_of(message["content"]):
        if block["type"] != "tool_result":
            break
        found.append(block["tool_use_id"])
    return found


def _unanswered(place: int, names: list[str]) -> Complaint:
    return Complaint(
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(names)}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _marks_complaint(body: Json) -> Complaint | None:
    """Cache marks: at most four, and none on an empty text."""
    blocks = [*(body.get("tools") or ()), *blocks_of(body.get("system") or [])]
    for message in body["messages"]:
        blocks += blocks_of(message["content"])
    marks = sum("cache_control" in block for block in blocks)
    if marks > _MOST_MARKS:
        return Complaint(f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {marks}.")
    return None


def _thoughts_complaint(messages: list[Json], signature: Callable[[str], str]) -> Complaint | None:
    for place, message in enumerate(messages):
        for index, block in enumerate(blocks_of(message["content"])):
            if block["type"] == "thinking" and block.get("signature") != signature(block.get("thinking", "")):
                return Complaint(f"messages.{place}.content.{index}: Invalid `signature` in `thinking` block")
    return None

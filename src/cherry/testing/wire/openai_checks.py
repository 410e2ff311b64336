"""What OpenAI's servers refuse a request for, in their words. Both of its APIs share most of it."""

import re
from typing import Any

from cherry.testing.wire.apis import TOOL_NAME, Complaint, Json

_CHAT_ROLES = ("system", "developer", "user", "assistant", "tool")
_NAME_HINT = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."


def keyless_complaint() -> Complaint:
    return Complaint(
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
        "API from your browser and are prompted for a username and password. You can obtain an API key from "
        "https://platform.openai.com/account/api-keys.",
        status=401,
    )


def chat_complaint(body: Json) -> Complaint | None:
    if not _is_name(body.get("model")):
        return Complaint("you must provide a model parameter")
    messages = body.get("messages")
    if messages is None:
        return missing("messages")
    if not isinstance(messages, list):
        return wrong_type("messages", "an array of objects", messages)
    if not messages:
        return Complaint(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    return (
        _settings_complaint(body)
        or tools_complaint([_chat_tool(tool) for tool in body.get("tools") or ()], ".function")
        or _shapes_complaint(messages)
        or _pairs_complaint(messages)
    )


def tools_complaint(tools: list[Json], inside: str) -> Complaint | None:
    """`tools` as flat objects with name and parameters; `inside` is where the real path has them."""
    for place, tool in enumerate(tools):
        path = f"tools[{place}]{inside}"
        name = tool.get("name")
        if name is None:
            return missing(f"{path}.name")
        if complaint := name_complaint(name, f"{path}.name"):
            return complaint
        parameters = tool.get("parameters")
        kind = parameters.get("type") if isinstance(parameters, dict) else None
        if parameters is not None and kind != "object":
            return Complaint(
                f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', "
                f"got 'type: \"{kind}\"'.",
                param=f"{path}.parameters",
                code="invalid_function_parameters",
            )
    return None


def name_complaint(name: Any, path: str) -> Complaint | None:
    if not isinstance(name, str):
        return wrong_type(path, "a string", name)
    if len(name) > 64:
        return Complaint(
            f"Invalid '{path}': string too long. Expected a string with maximum length 64, "
            f"but got a string with length {len(name)} instead.",
            param=path,
            code="string_above_max_length",
        )
    if not re.match(TOOL_NAME, name):
        return Complaint(
            f"Invalid '{path}': string does not match pattern. {_NAME_HINT}", param=path, code="invalid_value"
        )
    return None


def missing(param: str) -> Complaint:
    return Complaint(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong_type(param: str, expected: str, value: Any) -> Complaint:
    names = {str: "a string", list: "an array", dict: "an object", bool: "a boolean", type(None): "null"}
    got = names.get(type(value), "a number")
    return Complaint(
        f"Invalid type for '{param}': expected {expected}, but got {got} instead.", param=param, code="invalid_type"
    )


def unsupported(param: str, value: Any, supported: tuple[str, ...]) -> Complaint:
    listed = ", ".join(f"'{name}'" for name in supported[:-1]) + f", and '{supported[-1]}'"
    return Complaint(f"Invalid value: '{value}'. Supported values are: {listed}.", param=param, code="invalid_value")


def text_of(content: Any) -> str:
    """The text of a message's content, be it a string or parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def _settings_complaint(body: Json) -> Complaint | None:
    temperature = body.get("temperature")
    if isinstance(temperature, (int, float)) and temperature > 2:
        return Complaint(
            f"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got {temperature} instead.",
            param="temperature",
            code="decimal_above_max_value",
        )
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        return wrong_type("stream_options", "an object", options)
    if options is not None and not body.get("stream"):
        return Complaint(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if "max_tokens" in body and "max_completion_tokens" in body:
        return Complaint(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    return None


def _chat_tool(tool: Any) -> Json:
    function = tool.get("function") if isinstance(tool, dict) else None
    return function if isinstance(function, dict) else {}


def _shapes_complaint(messages: list[Any]) -> Complaint | None:
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            return wrong_type(where, "an object", message)
        role = message.get("role")
        if role not in _CHAT_ROLES:
            return missing(f"{where}.role") if role is None else unsupported(f"{where}.role", role, _CHAT_ROLES)
        complaint = _content_complaint(message, where) or _calls_complaint(message, where)
        if complaint:
            return complaint
    return None


def _content_complaint(message: Json, where: str) -> Complaint | None:
    content = message.get("content")
    if content is None:
        if message["role"] == "assistant" and message.get("tool_calls"):
            return None
        return Complaint(
            "Invalid value for 'content': expected a string, got null.", param=f"messages.{where[8:]}.content"
        )
    if isinstance(content, str):
        return None
    if not isinstance(content, list):
        return wrong_type(f"{where}.content", "one of an array of objects or string", content)
    if not content:
        return Complaint(
            f"Invalid '{where}.content': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param=f"{where}.content",
            code="empty_array",
        )
    kinds = ("text", "image_url", "input_audio", "refusal", "audio", "file")
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in kinds:
            return unsupported(f"{where}.content[{place}].type", kind, kinds)
    return None


def _calls_complaint(message: Json, where: str) -> Complaint | None:
    calls = message.get("tool_calls")
    if calls is None:
        return None
    if calls == []:
        return Complaint(
            f"Invalid '{where}.tool_calls': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param=f"{where}.tool_calls",
            code="empty_array",
        )
    for place, call in enumerate(calls):
        path = f"{where}.tool_calls[{place}]"
        function = call.get("function") or {}
        if not _is_name(call.get("id")):
            return missing(f"{path}.id")
        if call.get("type") != "function":
            return missing(f"{path}.type")
        if complaint := name_complaint(function.get("name"), f"{path}.function.name"):
            return complaint
        if not isinstance(function.get("arguments"), str):
            return wrong_type(f"{path}.function.arguments", "a string", function.get("arguments"))
    return None


def _pairs_complaint(messages: list[Json]) -> Complaint | None:
    """Each call must be answered right after it, and only calls may be."""
    open_calls: dict[str, None] = {}
    answered: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if not open_calls and not answered:
                return Complaint(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    param=f"messages.[{place}].role",
                )
            wanted = message.get("tool_call_id")
            if wanted is None:
                return missing(f"messages[{place}].tool_call_id")
            if wanted not in open_calls and wanted not in answered:
                return Complaint(
                    f"Invalid parameter: 'tool_call_id' of '{wanted}' not found in 'tool_calls' of previous message.",
                    param=f"messages.[{place}].tool_call_id",
                )
            open_calls.pop(wanted, None)
            answered.add(wanted)
            continue
        if open_calls:
            return _unanswered(open_calls, place)
        open_calls = dict.fromkeys(call["id"] for call in message.get("tool_calls") or ())
        answered = set()
    return _unanswered(open_calls, len(messages)) if open_calls else None


def _unanswered(open_calls: dict[str, None], place: int) -> Complaint:
    return Complaint(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(open_calls)}",
        param=f"messages.[{place}].role",
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)

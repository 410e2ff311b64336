"""Checks the arguments against the tool's model before anything happens.

What has one reading is read so: `"5"` for a number, `"true"` for a flag, null for an argument left out, a list written as JSON in a
string, one text where a list of texts is wanted. Everything else is refused, with what was given and what was expected.
"""

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cherry.domain.calls import MAX_ARGUMENT_LEVELS, Call, Result
from cherry.domain.errors import CherryError, tools
from cherry.kernel.text import one_line, visible
from cherry.tools.invocation import Invocation, Proceed
from cherry.tools.tool import Tool

_MAX_FAULTS = 5
_LOOKED_AT = 400


async def validate(invocation: Invocation, proceed: Proceed) -> Result:
    call, tool = invocation.call, invocation.tool
    if call.malformed:
        raise _malformed(call, tool)
    return await proceed(invocation._replace(arguments=typed_arguments(tool, call.arguments)))


def typed_arguments(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the function takes them, defaults filled in. Raises CherryError(tools.BAD_ARGUMENTS)."""
    model = tool.arguments_model
    given = _without_empty_options(model, arguments)
    try:
        values = model.model_validate(given)
    except ValidationError as first:
        values = _second_reading(tool, given, first)
    return {name: getattr(values, name) for name in model.model_fields}


def _without_empty_options(model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """Many models write null for an argument they leave out."""
    return {
        name: value
        for name, value in arguments.items()
        if not (value is None and (field := model.model_fields.get(name)) and not field.is_required())
    }


def _second_reading(tool: Tool, given: dict[str, Any], first: ValidationError) -> BaseModel:
    again = dict(given)
    for fault in first.errors(include_url=False):
        name = str(fault["loc"][0]) if fault["loc"] else ""
        if isinstance(given.get(name), str) and fault["type"] in ("list_type", "tuple_type"):
            again[name] = _as_list(given[name])
    try:
        return tool.arguments_model.model_validate(again)
    except ValidationError as error:
        raise _refusal(tool, error) from None


def _as_list(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return value if isinstance(value, list) else [text]


def _refusal(tool: Tool, error: ValidationError) -> CherryError:
    faults = error.errors(include_url=False)
    shown = "; ".join(_sentence(tool, fault) for fault in faults[:_MAX_FAULTS])
    more = f"; and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
    return CherryError(tools.BAD_ARGUMENTS, f"{tool.name}: {shown}{more}", next_step=_expected(tool))


def _sentence(tool: Tool, fault: ErrorDetails) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"`{where}` is missing"
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where[:100], tool.arguments_model.model_fields, n=1, cutoff=0.5)
        return f"there is no argument `{_plain(where)}`" + (f", perhaps `{near[0]}` is meant" if near else "")
    expected = (
        fault["msg"].replace("Input should be", "should be").removeprefix("Value error, ").split(", unable to parse")[0]
    )
    return f"`{_plain(where)}` {_lower(expected)}, given was {_shown(fault['input'])}"


def _expected(tool: Tool) -> str:
    schema = tool.definition.input_schema
    required = schema.get("required", ())
    parts = [
        f"{name} ({_kind(entry)}{', required' if name in required else ''})"
        for name, entry in schema.get("properties", {}).items()
    ]
    return f"Arguments: {', '.join(parts)}." if parts else "It takes no arguments: give {}."


def _kind(schema: dict[str, Any]) -> str:
    if "type" in schema:
        return str(schema["type"])
    return " or ".join(_kind(option) for option in schema.get("anyOf", ())) or "object"


def _malformed(call: Call, tool: Tool) -> CherryError:
    return CherryError(
        tools.BAD_ARGUMENTS,
        f"{tool.name}: the arguments cannot be taken as a JSON object",
        why=_json_fault(call.malformed),
        next_step=f"Write them again as one JSON object. {_expected(tool)}",
    )


def _json_fault(raw: str) -> str:
    try:
        value = json.loads(raw)
    except json.JSONDecodeError as error:
        near = raw[max(0, error.pos - 20) : error.pos + 20]
        if error.pos >= len(raw.rstrip()):
            return f"they end too early, after {_shown(raw[-40:])}"
        return f"{_lower(error.msg)} at line {error.lineno}, column {error.colno}, near {_shown(near)}"
    except (ValueError, RecursionError):
        return "they are nested too deeply or hold a number too long"
    if isinstance(value, dict):
        return f"they are nested more than {MAX_ARGUMENT_LEVELS} levels deep"
    return f"they are {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        value = value[:_LOOKED_AT]
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return _plain(text)


def _plain(text: str) -> str:
    return visible(one_line(text[:_LOOKED_AT], 80))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]

"""Prompts for models that cannot call tools: the tools told in the system prompt, calls and results as text.

The system prompt's addition depends on the tools alone and every message is rewritten the same way each time, so the beginning of a
prompt stays the same as it grows. Calls are written in the form the model is told to write them; edits as the plain text they are.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from cherry.domain.calls import Call, Result
from cherry.domain.content import AssistantPart, CallPart, FromAssistant, FromTools, FromUser, Message, TextPart
from cherry.domain.prompts import OfferedTool, Prompt
from cherry.kernel.text import one_line
from cherry.toon.definition import wire_name

APPLY = "fs.apply"
"""Its argument is what the model may write as plain text."""
_MOST_REMEMBERED = 4_096
_HOW = """\
You act by writing, there are no other function calls. To call a tool, write a line like this and end your answer after the last one:
{"type": "tool_call", "tool": "fs_read", "arguments": {"path": "src/app.py"}}
The results come in the next message. An answer without a call or an edit is your last word.

Edits are plain text, not JSON. The file's path on a line of its own, then the exact old lines and the new ones:
src/app.py
<<<<<<< SEARCH
    return 1
=======
    return 2
>>>>>>> REPLACE
New, deleted and moved files:
*** Begin Patch
*** Add File: src/new.py
+print("each line starts with a plus")
*** Delete File: src/old.py
*** End Patch
All edits of an answer are made together or not at all. If you only show something, say that it is an example.

Tools (? marks what may be left out):"""


class InWords:
    """Remembers what it rewrote, so a longer conversation costs what is new in it. For one session."""

    def __init__(self) -> None:
        self._done: OrderedDict[tuple[int, ...], tuple[tuple[Message, ...], Message]] = OrderedDict()
        """By identity of the messages, which are kept alive so that no other takes their place; the newest last."""
        self._told: tuple[tuple[OfferedTool, ...], str] = ((), "")

    def rewrite(self, prompt: Prompt) -> Prompt:
        """The same objects for the same messages: who counts their tokens counts them once."""
        messages = tuple(self._rewritten(group) for group in _groups(prompt.messages))
        if self._told[0] is not prompt.tools:
            self._told = (prompt.tools, told(prompt.tools))
        system = "\n\n".join(part for part in (prompt.system, self._told[1]) if part)
        return prompt._replace(system=system, messages=messages, tools=())

    def _rewritten(self, group: tuple[Message, ...]) -> Message:
        key = tuple(map(id, group))
        if key not in self._done:
            self._done[key] = (group, _rewritten(group))
        self._done.move_to_end(key)
        while len(self._done) > _MOST_REMEMBERED:
            self._done.popitem(last=False)
        return self._done[key][1]


def told(tools: Sequence[OfferedTool]) -> str:
    """The tools and how to use them, for a system prompt. Empty without tools."""
    if not tools:
        return ""
    return "\n".join([_HOW, *(f"- {_signature(tool)}: {one_line(tool.description, 400)}" for tool in tools)])


def _groups(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """What becomes one message: an answer by itself, and all that is said to the model between two answers. The answer before comes
    along at its beginning, because results are told by their calls."""
    groups: list[tuple[Message, ...]] = []
    before: tuple[Message, ...] = ()
    said: list[Message] = []
    for message in messages:
        if isinstance(message, FromAssistant):
            groups += [(*before, *said)] if said else []
            groups.append((message,))
            before, said = (message,), []
        else:
            said.append(message)
    return [*groups, (*before, *said)] if said else groups


def _rewritten(group: tuple[Message, ...]) -> Message:
    if len(group) == 1 and isinstance(group[0], FromAssistant):
        return _answer(group[0])
    calls: dict[str, Call] = {}
    parts: list[Any] = []
    for message in group:
        match message:
            case FromAssistant():
                calls = {call.id: call for call in message.calls}
            case FromTools(results=results):
                text = "\n\n".join(_result(result, calls.get(result.call_id)) for result in results)
                parts.append(TextPart(text=text))
            case FromUser():
                parts.extend(message.parts)
    return FromUser(parts=tuple(parts))


def _answer(message: FromAssistant) -> FromAssistant:
    if not message.calls:
        return message
    others: list[AssistantPart] = [part for part in message.parts if not isinstance(part, CallPart | TextPart)]
    text = "\n\n".join(part for part in (message.text.strip(), *map(_call, message.calls)) if part)
    return FromAssistant(parts=(*others, TextPart(text=text)))


def _call(call: Call) -> str:
    patch = call.arguments.get("patch")
    if call.tool == APPLY and isinstance(patch, str):
        return patch.strip("\n")
    written = {"type": "tool_call", "tool": wire_name(call.tool), "arguments": call.arguments}
    return json.dumps(written, ensure_ascii=False)


def _result(result: Result, call: Call | None) -> str:
    tool = wire_name(call.tool) if call else "a call"
    about = "" if call is None or call.tool == APPLY else one_line(json.dumps(call.arguments, ensure_ascii=False), 120)
    head = f"[Result of {tool}{' ' if about else ''}{about}: {result.status.value}]"
    return f"{head}\n{result.text}" if result.text else f"{head}\n(nothing)"


def _signature(tool: OfferedTool) -> str:
    required = tool.parameters.get("required", ())
    definitions = tool.parameters.get("$defs", {})
    given = [
        f"{name}{'' if name in required else '?'}: {_type(schema, definitions)}"
        for name, schema in tool.parameters.get("properties", {}).items()
    ]
    return f"{wire_name(tool.name)}({', '.join(given)})"


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON Schema in few characters: `string`, `[string]`, `"a"|"b"`, `{text: string}`."""
    if reference := schema.get("$ref"):
        return _type(definitions.get(str(reference).rpartition("/")[2], {}), definitions)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(_type(option, definitions) for option in options if option.get("type") != "null")
    if values := schema.get("enum"):
        return "|".join(json.dumps(value) for value in values)
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}), definitions)}]"
    if schema.get("type") == "object" and (properties := schema.get("properties")):
        required = schema.get("required", ())
        inner = (
            f"{name}{'' if name in required else '?'}: {_type(value, definitions)}"
            for name, value in properties.items()
        )
        return f"{{{', '.join(inner)}}}"
    return str(schema.get("type", "any"))

"""Between the words of a script and the values of the domain: answers one way, prompts the other."""

import json
from collections.abc import Iterator
from typing import assert_never

from cherry.domain.calls import Call
from cherry.domain.content import (
    CallPart,
    FilePart,
    FromAssistant,
    FromTools,
    FromUser,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import CallDelta, Delta, Prompt, ReasoningDelta, TextDelta
from cherry.domain.usage import Usage
from cherry.testing.replies import Reason, Reply, Say, Tokens, call_id, pieces
from cherry.testing.scripts import SeenCall, SeenMessage, SeenRequest
from cherry.toon.definition import wire_name


def deltas_of(prompt: Prompt, reply: Reply) -> Iterator[Delta]:
    dotted = _dotted_names(prompt)
    for part in reply.parts:
        if isinstance(part, Say):
            yield from map(TextDelta, pieces(part.text))
        elif isinstance(part, Reason):
            yield from map(ReasoningDelta, pieces(part.text))
        else:
            size = 0
            for piece in pieces(part.argument_text):
                size += len(piece.encode("utf-8", "surrogatepass"))
                yield CallDelta(dotted.get(part.wire_name, part.tool), size)


def message_of(prompt: Prompt, reply: Reply, number: int) -> FromAssistant:
    dotted = _dotted_names(prompt)
    parts: list[TextPart | ReasoningPart | CallPart] = []
    for place, part in enumerate(reply.parts):
        if isinstance(part, Say):
            parts.append(TextPart(text=part.text))
        elif isinstance(part, Reason):
            opaque = f'{{"signature":"{number}.{place}"}}'
            parts.append(ReasoningPart(text=part.text, opaque=opaque, provider=prompt.model.provider))
        else:
            arguments = part.argument_object()
            call = Call(
                id=call_id(part, number, place),
                tool=dotted.get(part.wire_name, part.tool),
                arguments=arguments or {},
                malformed=part.argument_text if arguments is None else "",
            )
            parts.append(CallPart(call=call))
    return FromAssistant(parts=tuple(parts))


def usage_of(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        reasoning_tokens=tokens.reasoning,
    )


def seen_request(prompt: Prompt, number: int) -> SeenRequest:
    messages = tuple(seen for message in prompt.messages for seen in _seen_messages(message))
    tools = tuple(wire_name(tool.name) for tool in prompt.tools)
    return SeenRequest(number, prompt.model.model, prompt.system, messages, tools, stream=True)


def _seen_messages(message: Message) -> Iterator[SeenMessage]:
    if isinstance(message, FromUser):
        yield SeenMessage("user", "".join(p.text for p in message.parts if isinstance(p, TextPart | FilePart)))
    elif isinstance(message, FromAssistant):
        calls = tuple(
            SeenCall(call.id, wire_name(call.tool), call.malformed or json.dumps(call.arguments))
            for call in message.calls
        )
        yield SeenMessage("assistant", message.text, calls)
    elif isinstance(message, FromTools):
        for result in message.results:
            yield SeenMessage("tool", result.text, call_id=result.call_id)
    else:
        assert_never(message)


def _dotted_names(prompt: Prompt) -> dict[str, str]:
    return {wire_name(tool.name): tool.name for tool in prompt.tools}

"""Recordings: the answers of a session as a file a person can read and edit, and playing them back without a network.

The file is JSON lines. The first says what it is; each other one is an answer:

    {"cherry_recording": 1, "made": "2026-11-20", "note": "…"}
    {"purpose": "turn", "after": 0, "request": "Add a --json flag", "answer": {"parts": [...], "finish": "calls", "usage": {...}}}

`after` counts the model's messages in the conversation before this answer: a session that is taken up again in another process
goes on where it was. Secrets are taken out before a line is written, the sealed thoughts of providers left out altogether.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from cherry.domain.content import CallPart, FromAssistant, FromUser, ReasoningPart, TextPart
from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError
from cherry.domain.prompts import Answer, CallDelta, Prompt, ReasoningDelta, StreamItem, TextDelta
from cherry.gateway.layers.stream import Stream
from cherry.kernel.clock import Clock
from cherry.kernel.text import one_line

VERSION: Final = 1
_EXCERPT: Final = 120
_CHUNK_CHARS: Final = 24


class _Take(NamedTuple):
    """One answer of a recording."""

    line: int
    purpose: str
    after: int | None
    answer: Answer


def recording(inner: Stream, path: Path, *, clock: Clock, redact: Callable[[str], str]) -> Stream:
    """Appends every whole answer. An existing file is continued, so that one recording can span several commands."""

    async def stream(prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        async with aclosing(inner(prompt)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    _append(path, _line(prompt, item, redact), clock)
                yield item

    return stream


def replaying(path: Path, *, clock: Clock, pace: float = 0.0) -> Stream:
    """Answers from a recording: for each purpose in the order of the file. `pace`: characters a second, 0 as fast as it goes.

    Raises NO_RECORDING when the file has no further answer, or cannot be read.
    """
    waiting: list[_Take] | None = None
    begun: set[str] = set()

    async def stream(prompt: Prompt) -> AsyncGenerator[StreamItem, None]:
        nonlocal waiting
        started = clock.monotonic()
        if waiting is None:
            waiting = _load(path)
        if prompt.purpose not in begun:
            begun.add(prompt.purpose)
            waiting = [take for take in waiting if not _is_past(take, prompt)]
        take = next((take for take in waiting if take.purpose == prompt.purpose), None)
        if take is None:
            raise _ran_out(path, prompt)
        waiting.remove(take)
        for item in _deltas(take.answer.message):
            if pace:
                await clock.sleep(_length(item) / pace)
            yield item
        yield take.answer.model_copy(update={"seconds": clock.monotonic() - started})

    return stream


def _is_past(take: _Take, prompt: Prompt) -> bool:
    return take.purpose == prompt.purpose and take.after is not None and take.after < _answers_in(prompt)


def _answers_in(prompt: Prompt) -> int:
    return sum(message.role == "assistant" for message in prompt.messages)


def _line(prompt: Prompt, answer: Answer, redact: Callable[[str], str]) -> bytes:
    asked = next((message for message in reversed(prompt.messages) if isinstance(message, FromUser)), None)
    words = " ".join(part.text for part in asked.parts if isinstance(part, TextPart)) if asked else ""
    parts = tuple(
        part.model_copy(update={"opaque": ""}) if isinstance(part, ReasoningPart) else part
        for part in answer.message.parts
        if not isinstance(part, ReasoningPart) or part.text
    )
    entry = {
        "purpose": prompt.purpose,
        "after": _answers_in(prompt),
        "request": one_line(words, _EXCERPT),
        "answer": {
            "parts": [part.model_dump(mode="json", exclude_defaults=True) | {"type": part.type} for part in parts],
            "finish": answer.finish,
            "model": answer.model,
            "usage": answer.usage.model_dump(mode="json", exclude_defaults=True),
            "cost": answer.cost.model_dump(mode="json"),
        },
    }
    return orjson.dumps(_redacted(entry, redact))


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(inner, redact) for key, inner in value.items()}
    return [_redacted(inner, redact) for inner in value] if isinstance(value, list) else value


def _append(path: Path, line: bytes, clock: Clock) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if file.tell() == 0:
                made = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d")
                file.write(orjson.dumps({"cherry_recording": VERSION, "made": made}) + b"\n")
            file.write(line + b"\n")
    except OSError as error:
        what = "The recording cannot be written"
        raise CherryError(rows.NO_RECORDING, what, where=str(path), why=str(error.strerror)) from None


def _load(path: Path) -> list[_Take]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None
    if not lines:
        raise _unreadable(path, "it is empty")
    _check_head(path, lines[0])
    return [_take(path, number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]


def _check_head(path: Path, line: bytes) -> None:
    try:
        version = orjson.loads(line)["cherry_recording"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise _unreadable(path, "its first line does not say that it is a recording") from None
    if version != VERSION:
        raise _unreadable(path, f"it is of version {version}; this Cherry reads version {VERSION}")


def _take(path: Path, number: int, line: bytes) -> _Take:
    try:
        entry = orjson.loads(line)
        told = entry["answer"]
        answer = Answer.model_validate(
            {
                "message": {"parts": told["parts"]},
                "finish": told["finish"],
                "usage": told.get("usage", {}),
                "cost": told.get("cost", {"known": False}),
                "model": told.get("model", ""),
            }
        )
        return _Take(number, entry.get("purpose", "turn"), entry.get("after"), answer)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"line {number}: {type(error).__name__}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _unreadable(path, f"line {number}: {place}: {first['msg']}") from None


def _unreadable(path: Path, why: str) -> CherryError:
    return CherryError(rows.NO_RECORDING, "The recording cannot be read", where=str(path), why=why)


def _ran_out(path: Path, prompt: Prompt) -> CherryError:
    what = f"The recording has no further answer for a {prompt.purpose}"
    return CherryError(rows.NO_RECORDING, what, where=str(path), why=f"answer {_answers_in(prompt) + 1} was asked for")


def _deltas(message: FromAssistant) -> Iterator[TextDelta | ReasoningDelta | CallDelta]:
    for part in message.parts:
        if isinstance(part, CallPart):
            size = len(orjson.dumps(part.call.arguments, default=str))
            yield from (CallDelta(part.call.tool, done) for done in (0, size // 2, size))
        else:
            make = TextDelta if isinstance(part, TextPart) else ReasoningDelta
            yield from map(make, _pieces(part.text))


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces of a few words, as a model brings it."""
    start = 0
    while start < len(text):
        end = start + _CHUNK_CHARS
        space = text.find(" ", end, end + _CHUNK_CHARS)
        end = min(len(text), end if space == -1 else space + 1)
        yield text[start:end]
        start = end


def _length(item: TextDelta | ReasoningDelta | CallDelta) -> int:
    return _CHUNK_CHARS if isinstance(item, CallDelta) else len(item.text)

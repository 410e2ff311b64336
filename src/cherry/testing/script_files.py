"""Scripts as JSON, for doubles that run as a program of their own. The form is described in `docs/guides/testing.md`.

{"answers": [{"say": "Let me see."},
             {"parts": [{"reason": "hm"}, {"call": "fs.read", "arguments": {"path": "a.py"}}]},
             {"fault": "refuse", "kind": "rate_limited", "retry_after": 1},
             {"fault": "cut_mid_stream", "after": 2, "reply": {"say": "half of this"}}],
 "then": "repeat_last", "aside": {"say": "A title"}}
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from cherry.testing.faults import (
    CutMidStream,
    Drop,
    ErrorInStream,
    Fault,
    Garbage,
    Hang,
    HangMidStream,
    PingForever,
    Refuse,
    SlowDrip,
    Status,
)
from cherry.testing.replies import Part, Reason, Reply, Say, Tokens, ToolCall, huge_text
from cherry.testing.scripts import Script, Step, Then

Json = Mapping[str, Any]

FAULTS: Mapping[str, Callable[..., Fault]] = {
    "refuse": Refuse,
    "status": Status,
    "error_in_stream": ErrorInStream,
    "hang": Hang,
    "hang_mid_stream": HangMidStream,
    "ping_forever": PingForever,
    "cut_mid_stream": CutMidStream,
    "drop": Drop,
    "garbage": Garbage,
    "slow_drip": SlowDrip,
}
"""The names of faults in a script file. Their settings have the names of the fields of the classes."""

_REPLY_SETTINGS = {field.name for field in fields(Reply)} - {"parts", "tokens"}


class BadScript(ValueError):
    """A script file that cannot be used; the message names the place."""


def load_script(path: Path) -> Script:
    """Raises OSError and BadScript."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadScript(f"{path}: not JSON: {error}") from None
    return read_script(data)


def read_script(data: Any) -> Script:
    """A script from parsed JSON: an object as above, or just the list of answers. Raises BadScript."""
    whole: dict[str, Any] = {"answers": data} if isinstance(data, list) else _object(data, "script")
    _known(whole, {"answers", "then", "aside"}, "script")
    answers = whole.get("answers", [])
    if not isinstance(answers, list):
        raise BadScript("answers: expected a list")
    then = whole.get("then", "fail")
    if then not in get_args(Then):
        raise BadScript(f"then: expected one of {', '.join(get_args(Then))}")
    steps = [_step(answer, f"answers[{place}]") for place, answer in enumerate(answers)]
    aside = whole.get("aside")
    return Script(*steps, then=then, aside=None if aside is None else _step(aside, "aside"))


def _step(data: Any, where: str) -> Step:
    if isinstance(data, str):
        return Reply((Say(data),))
    answer = _object(data, where)
    return _fault(answer, where) if "fault" in answer else _reply(answer, where)


def _fault(data: Json, where: str) -> Step:
    name = data["fault"]
    if name not in FAULTS:
        raise BadScript(f"{where}.fault: expected one of {', '.join(FAULTS)}")
    settings = {key: value for key, value in data.items() if key != "fault"}
    if "reply" in settings:
        settings["reply"] = _reply(_object(settings["reply"], f"{where}.reply"), f"{where}.reply")
    try:
        return FAULTS[name](**settings)
    except TypeError as error:
        raise BadScript(f"{where}: {error}") from None


def _reply(data: Json, where: str) -> Reply:
    if "huge_text" in data:
        return huge_text(int(data["huge_text"]))
    single = {"say", "reason", "call", "arguments", "raw", "id"} & data.keys()
    _known(data, {"parts", "tokens"} | _REPLY_SETTINGS | single, where)
    given = data.get("parts", [{key: data[key] for key in single}] if single else [])
    parts = tuple(_part(_object(part, f"{where}.parts"), f"{where}.parts[{at}]") for at, part in enumerate(given))
    tokens = data.get("tokens")
    settings = {key: data[key] for key in _REPLY_SETTINGS & data.keys()}
    try:
        return Reply(parts, None if tokens is None else Tokens(**tokens), **settings)
    except TypeError as error:
        raise BadScript(f"{where}: {error}") from None


def _part(data: Json, where: str) -> Part:
    if "say" in data:
        return Say(data["say"])
    if "reason" in data:
        return Reason(data["reason"])
    if "call" in data:
        _known(data, {"call", "arguments", "raw", "id"}, where)
        return ToolCall(data["call"], data.get("arguments", {}), data.get("raw"), data.get("id", ""))
    raise BadScript(f"{where}: expected say, reason or call")


def _object(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadScript(f"{where}: expected an object")
    return data


def _known(data: Json, names: set[str], where: str) -> None:
    if unknown := data.keys() - names:
        raise BadScript(f"{where}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(names))}")

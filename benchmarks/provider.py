"""The instant model the agents are measured with: a wire double in a process of its own.

`python -m benchmarks.provider --log FILE [--steps N | --edit]` prints its address as JSON and serves until its standard
input closes. It answers at once: N shell calls and then text, one edit and then text, or just text. Agents name their tools
differently; the call made is the first of a table that the request offers. What it saw is logged as one line a request.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from cherry.testing.replies import Reply, ToolCall, answer
from cherry.testing.scripts import Script, SeenRequest
from cherry.testing.wire import RecordedRequest, WireDouble

ANSWER = "The answer is forty-two."
EDITED = ("greeting.py", "Hello", "Good morning")

_SHELL: dict[str, Callable[[str], dict[str, Any]]] = {
    "shell_run": lambda command: {"command": command},
    "exec_command": lambda command: {"cmd": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
    "Bash": lambda command: {"command": command, "description": "Echo"},
    "bash": lambda command: {"command": command, "description": "Echo"},
    "developer__shell": lambda command: {"command": command},
    "run_shell_command": lambda command: {"command": command, "description": "Echo", "is_background": False},
}
"""How the shell tools of agents are called, by name."""

_EDIT: dict[str, Callable[[str, str, str], dict[str, Any]]] = {
    "fs_edit": lambda path, old, new: {"path": path, "old": old, "new": new},
}


def shell_script(steps: int) -> Script:
    """`steps` shell calls, each another command, then the answer."""

    def reply(request: SeenRequest) -> Reply:
        made = sum(len(message.calls) for message in request.messages)
        if made >= steps or not request.tools:
            return answer(ANSWER)
        tool = _first(_SHELL, request.tools)
        return answer(ToolCall(tool, _SHELL[tool](f"echo step {made + 1}")))

    return Script.of(reply)


def edit_script() -> Script:
    """One edit, then the answer."""

    def reply(request: SeenRequest) -> Reply:
        if not request.tools or any(message.calls for message in request.messages):
            return answer(ANSWER)
        tool = _first(_EDIT, request.tools)
        return answer(ToolCall(tool, _EDIT[tool](*EDITED)))

    return Script.of(reply)


def stable_bytes(body: dict[str, Any]) -> int:
    """Size of the system prompt and the tools of a request, in any of the APIs."""
    parts = [body.get("instructions") or "", body.get("system") or "", body.get("tools") or []]
    messages = body.get("messages") or body.get("input") or []
    if isinstance(messages, list):
        parts += [m.get("content") for m in messages if m.get("role") in ("system", "developer")]
    return sum(_size(part) for part in parts)


def _size(part: Any) -> int:
    text = (
        part if isinstance(part, str) else json.dumps(part, separators=(",", ":"), ensure_ascii=False) if part else ""
    )
    return len(text.encode())


def _first(table: Iterable[str], offered: tuple[str, ...]) -> str:
    for name in table:
        if name in offered:
            return name
    raise LookupError(f"none of the tools offered is known here: {', '.join(offered)}")


def _log(record: RecordedRequest, log: TextIO) -> None:
    body = record.body if isinstance(record.body, dict) else {}
    line = {
        "at": record.at,
        "ended": record.ended,
        "status": record.status,
        "complaint": record.complaint,
        "tools": len(record.seen.tools) if record.seen else 0,
        "stable_bytes": stable_bytes(body),
        "bytes": len(record.raw),
    }
    log.write(json.dumps(line) + "\n")
    log.flush()
    # A long session sends its whole history each time; keeping every copy would slow the later steps down.
    record.raw, record.body, record.seen = b"", None, None


async def _serve(script: Script, log: Path) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            done.set()

    loop.add_reader(0, readable)
    with log.open("a", encoding="utf-8") as lines:
        async with WireDouble(script, observe=lambda record: _log(record, lines)) as double:
            print(json.dumps({"base_url": double.base_url}), flush=True)
            await done.wait()


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.provider", description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--edit", action="store_true")
    options = parser.parse_args()
    asyncio.run(_serve(edit_script() if options.edit else shell_script(options.steps), options.log))
    return 0


if __name__ == "__main__":
    sys.exit(main())

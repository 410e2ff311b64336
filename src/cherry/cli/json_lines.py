"""`--json`: what happens, as one JSON object per line, for programs.

Version 1, documented in `docs/guides/json-output.md`. The first line is `start`, the last one `end`, on interrupts and errors too.
Lines are pure ASCII whatever the locale, each is written with one write and flushed, and fields are only ever added within a version.
"""

import json
from typing import Any, assert_never

from cherry.cli.render.output import Output
from cherry.cli.turn import TurnEnd
from cherry.client.port import Seen
from cherry.domain.calls import Fault
from cherry.domain.events import Recorded
from cherry.domain.live import (
    CallStreamed,
    Live,
    OutputStreamed,
    ReasoningStreamed,
    StreamReset,
    TextStreamed,
    Working,
)
from cherry.domain.sessions import SessionInfo
from cherry.domain.usage import Cost, Usage

VERSION = 1


class JsonLines:
    """A sink for `TurnWatch`, with the lines around it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._ended = False

    def start(self, session: SessionInfo, *, resumed: bool) -> None:
        self._line(
            "start",
            session=session.id,
            workspace=session.workspace,
            model=session.model,
            resumed=resumed,
            log=session.last_seq,
        )

    def draw(self, seen: Seen) -> None:
        if isinstance(seen, Recorded):
            self._line("event", **seen.model_dump(mode="json"))
        else:
            self._line("live", **live_fields(seen))

    def notice(self, text: str) -> None:
        self._line("notice", text=text)

    def error(self, fault: Fault) -> None:
        self._line("error", **fault.model_dump(mode="json"))

    def end(self, exit_code: int, end: TurnEnd | None = None) -> None:
        """The last line; a second call writes nothing."""
        if self._ended:
            return
        self._ended = True
        finished = end.finished if end else None
        usage, cost = (finished.usage, finished.cost) if finished else (Usage(), Cost())
        self._line(
            "end",
            outcome=finished.outcome if finished else "interrupted" if exit_code > 128 else "failed",
            exit_code=exit_code,
            answer=end.answer if end else "",
            steps=finished.steps if finished else 0,
            seconds=finished.seconds if finished else 0.0,
            usage=usage.model_dump(mode="json"),
            tokens=usage.total_tokens,
            cost_usd=str(cost.usd) if cost.known else None,
        )

    def _line(self, type_: str, **fields: Any) -> None:
        self._output.write(json.dumps({"v": VERSION, "type": type_, **fields}) + "\n")


def live_fields(live: Live) -> dict[str, Any]:
    match live:
        case TextStreamed():
            return {"kind": "text", **live._asdict()}
        case ReasoningStreamed():
            return {"kind": "reasoning", **live._asdict()}
        case CallStreamed():
            return {"kind": "call", **live._asdict()}
        case StreamReset():
            return {"kind": "reset", **live._asdict()}
        case OutputStreamed():
            return {"kind": "output", **live._asdict()}
        case Working():
            return {"kind": "working", **live._asdict()}
        case _:
            assert_never(live)

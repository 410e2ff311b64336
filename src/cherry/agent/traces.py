"""What a turn did lately, for seeing loops: worked out when somebody looks.

Comparing results means reading all of their text. A long log that is folded anew holds thousands of results nobody compares any more,
so a trace is kept as what it will be made from, and made once.
"""

from collections import deque
from collections.abc import Callable, Iterator

import orjson

from cherry.agent.progress import WINDOW, Trace, comparable, digest
from cherry.domain.calls import Call
from cherry.domain.events import ToolFinished
from cherry.domain.views import CommandView


class Traces:
    """The last `WINDOW` of them, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Trace | Callable[[], Trace]] = deque(maxlen=WINDOW)

    def __iter__(self) -> Iterator[Trace]:
        for place, kept in enumerate(self._kept):
            if not isinstance(kept, Trace):
                self._kept[place] = kept()
        return iter([kept for kept in self._kept if isinstance(kept, Trace)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traces) and list(self) == list(other)

    def add_call(self, call: Call, finished: ToolFinished, step: int) -> None:
        self._kept.append(lambda: _trace_of(call, finished, step))

    def add_file(self, path: str, content: str, step: int) -> None:
        """`content` is its hash after the change."""
        self._kept.append(Trace(step, path, content, title=path, changed_file=True))

    def clear(self) -> None:
        self._kept.clear()


def _trace_of(call: Call, event: ToolFinished, step: int) -> Trace:
    arguments = orjson.dumps(call.arguments, option=orjson.OPT_SORT_KEYS).decode()
    signature = f"{call.tool} {arguments}{call.malformed}"
    result = event.result
    view = result.view
    running = isinstance(view, CommandView) and view.background and view.exit_code is None
    failure = ""
    if result.fault is not None:
        failure = f"{result.fault.code}: {comparable(result.fault.message)}"
    elif isinstance(view, CommandView) and view.exit_code:
        failure = f"command {view.command!r} fails with exit code {view.exit_code} and the same output ({digest(result.text)})"
    return Trace(
        step, signature, digest(result.text), title=event.title or event.tool, failure=failure, waiting=running
    )

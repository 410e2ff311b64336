"""What belongs to one call: how it asks leave, tells what happens, and writes to the record.

The agent makes one per call. A tool never sees the log, the gateway or other calls.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cherry.domain.calls import Call
from cherry.domain.events import Event
from cherry.domain.live import Live
from cherry.domain.views import View
from cherry.kernel.ids import derived_id
from cherry.security.egress import Grant
from cherry.toon.definition import Effect


class Intent(NamedTuple):
    """What is about to happen: the policy decides on it, a person is shown it, the log records it before it happens."""

    title: str
    effect: Effect
    view: View | None = None
    command: str = ""
    """The shell command, when it is one."""
    reads: tuple[str, ...] = ()
    """Workspace-relative paths."""
    writes: tuple[str, ...] = ()
    network: tuple[Grant, ...] = ()
    """What it may reach, `asked` included."""
    asked: tuple[Grant, ...] = ()
    """What nobody has granted yet."""
    expects: Mapping[str, tuple[str, str]] = {}
    """Path → (content hash before, after), for reconciling after a crash."""


class Passage(NamedTuple):
    """A piece of the session's past."""

    turn: int
    who: str
    text: str


class Found(NamedTuple):
    passages: tuple[Passage, ...] = ()
    """The newest, oldest first."""
    total: int = 0
    """Of all there are."""


async def _nothing(_text: str) -> Found:
    return Found()


@dataclass(frozen=True)
class ToolContext:
    call: Call
    proceed: Callable[[Intent], Awaitable[None]]
    """Policy, then a person if the policy says so, then `tool.started` in the log; only then may the effect happen.
    Raises CherryError(tools.DENIED, REJECTED or NOBODY_TO_ASK). Called by the wrappers before the function, unless the tool asks itself."""
    record: Callable[[Event], Awaitable[None]]
    """Append an event of this call (`changes.applied`, `todo.written`) to the log; durable when it returns."""
    ask: Callable[[str, tuple[str, ...]], Awaitable[str]]
    """Ask the user a question with options; waits for the answer. Raises CherryError(tools.NOBODY_TO_ASK)."""
    emit: Callable[[Live], None]
    """Tell watchers; may be lost."""
    seen: dict[str, str] = field(default_factory=dict)
    """Path → content hash the model last saw in this session; shared by all calls, kept by the file tools, drawn from the log on resume."""

    search_history: Callable[[str], Awaitable[Found]] = _nothing
    """Look up words in the whole of the session. Raises CherryError(storage.*)."""

    @property
    def change_id(self) -> str:
        """The id of the change set this call makes."""
        return change_id_of(self.call)


def change_id_of(call: Call) -> str:
    """The same however often the call is tried, so a change set is recorded once."""
    return derived_id("c", call.id)

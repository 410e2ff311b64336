"""Scripts: what a model answers, request by request, in no provider's shape.

    Script("Hello")                                              one answer, then the script is used up
    Script(ToolCall("fs.read", {"path": "a.py"}), "Done")        a call, then an answer
    Script([Reason("hm"), ToolCall("a"), ToolCall("b")], "Done") several parts in one answer
    Script(Refuse("rate_limited", retry_after=1), "Done")        a fault, then an answer
    Script("Hello", then="repeat_last")                          the last one for ever
    Script.forever(ToolCall("shell.run", {...}))                 a loop
    Script.of(lambda request: "Hello " + request.last_text)      whatever the request deserves

The same script drives `cherry.testing.wire.WireDouble` (HTTP) and `cherry.testing.model.ScriptedGateway` (in-process).
A `Script` never changes; each double takes its own `Player` of it.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

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
from cherry.testing.replies import Part, Reason, Reply, Say, Tokens, ToolCall, answer, as_reply, empty_answer, huge_text

__all__ = [
    "CutMidStream",
    "Drop",
    "ErrorInStream",
    "Fault",
    "Garbage",
    "Hang",
    "HangMidStream",
    "Part",
    "PingForever",
    "Player",
    "Reason",
    "Refuse",
    "Reply",
    "Say",
    "Script",
    "ScriptUsedUp",
    "SeenCall",
    "SeenMessage",
    "SeenRequest",
    "SlowDrip",
    "Status",
    "Step",
    "Then",
    "Tokens",
    "ToolCall",
    "answer",
    "empty_answer",
    "huge_text",
]

Step = Reply | Fault
"""What a script holds once read."""

Words = str | Part | Sequence[Part] | Step
"""What a script may be written with."""

Then = Literal["fail", "repeat_last", "restart"]


class SeenCall(NamedTuple):
    id: str
    tool: str
    """As on the wire: `fs_read`."""
    arguments: str
    """JSON text."""


class SeenMessage(NamedTuple):
    """A message of a request, in no provider's shape."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    calls: tuple[SeenCall, ...] = ()
    call_id: str = ""
    """For role `tool`: the call this is the result of."""


class SeenRequest(NamedTuple):
    """What a scripted model sees of a request."""

    number: int
    """From 1, counting the requests that reached the script."""
    model: str
    system: str
    messages: tuple[SeenMessage, ...]
    tools: tuple[str, ...]
    """Names as on the wire: `fs_read`."""
    stream: bool

    @property
    def last_text(self) -> str:
        """The text of the last message, whoever said it."""
        return self.messages[-1].text if self.messages else ""

    @property
    def results(self) -> tuple[SeenMessage, ...]:
        """The tool results at the end of the conversation, in order."""
        found: list[SeenMessage] = []
        for message in reversed(self.messages):
            if message.role != "tool":
                break
            found.append(message)
        return tuple(reversed(found))

    def offers(self, tool: str) -> bool:
        return tool.replace(".", "_") in self.tools


class ScriptUsedUp(AssertionError):
    """A request came after the last answer of a script that ends."""


class Script:
    """Answers in order.

    `then` says what comes after the last: an error, the last again, or the first again. `aside`, when given, answers
    requests that offer no tools (titles, summaries) without using up an answer.
    """

    def __init__(self, *steps: Words, then: Then = "fail", aside: Words | None = None) -> None:
        self.steps: tuple[Step, ...] = tuple(as_step(step) for step in steps)
        self.then: Then = then
        self.aside: Step | None = None if aside is None else as_step(aside)
        self.function: Callable[[SeenRequest], Words] | None = None

    @classmethod
    def forever(cls, *steps: Words) -> "Script":
        """These answers over and over."""
        return cls(*steps, then="restart")

    @classmethod
    def of(cls, function: Callable[[SeenRequest], Words]) -> "Script":
        """Ask `function` for each answer."""
        script = cls()
        script.function = function
        return script

    def play(self) -> "Player":
        return Player(self)


class Player:
    """Where one double stands in a script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._used = 0

    @property
    def used(self) -> int:
        """Answers given, asides not counted."""
        return self._used

    @property
    def left(self) -> int:
        """Answers of the list not yet given."""
        return max(0, len(self._script.steps) - self._used)

    def next(self, request: SeenRequest) -> Step:
        """The answer to this request. Raises ScriptUsedUp."""
        script = self._script
        if script.aside is not None and not request.tools:
            return script.aside
        if script.function is not None:
            step = as_step(script.function(request))
            self._used += 1
            return step
        step = self._listed()
        self._used += 1
        return step

    def _listed(self) -> Step:
        steps, then = self._script.steps, self._script.then
        if self._used < len(steps):
            return steps[self._used]
        if then == "fail" or not steps:
            raise ScriptUsedUp(f"The script has {len(steps)} answers and all were given; one more was asked for.")
        return steps[-1] if then == "repeat_last" else steps[self._used % len(steps)]


def as_step(words: Words) -> Step:
    if isinstance(words, (str, Say, Reason, ToolCall, Sequence)):
        return as_reply(words)
    return words


def as_script(source: "Script | Words") -> Script:
    """A script is taken as it is; anything else is the one answer of a script that repeats it."""
    return source if isinstance(source, Script) else Script(source, then="repeat_last")

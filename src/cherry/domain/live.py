"""What watchers see while something happens and the log does not keep: it can be lost without losing anything."""

from typing import NamedTuple


class TextStreamed(NamedTuple):
    step: int
    text: str


class ReasoningStreamed(NamedTuple):
    step: int
    text: str


class CallStreamed(NamedTuple):
    step: int
    tool: str
    bytes_so_far: int


class StreamReset(NamedTuple):
    """What was streamed for this step is void; the call is made again after `wait_seconds`."""

    step: int
    attempt: int
    wait_seconds: float
    reason: str


class OutputStreamed(NamedTuple):
    """Output of a running command."""

    call_id: str
    text: str


class Working(NamedTuple):
    """What is happening now. A face shows it with the time since it came, until another event comes."""

    what: str
    """`Waiting for openai/gpt-5`, `Running pytest -q`."""


Live = TextStreamed | ReasoningStreamed | CallStreamed | StreamReset | OutputStreamed | Working

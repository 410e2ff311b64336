"""Marks what files, programs and the web said as data, so that a model does not take it for instructions."""

from collections.abc import Callable

from cherry.domain.calls import Fault, Result
from cherry.domain.errors import tools
from cherry.tools.invocation import Invocation, Proceed, Wrapper

OWN_WORDS = frozenset(
    kind.code
    for kind in (
        *(tools.UNKNOWN_TOOL, tools.BAD_ARGUMENTS, tools.DENIED, tools.REJECTED, tools.NOBODY_TO_ASK, tools.TIMEOUT),
        *(tools.TOO_MANY_CALLS, tools.CRASHED, tools.INTERRUPTED, tools.UNKNOWN_PROCESS),
    )
)
"""Errors that hold nothing but Cherry's words, the user's and the model's own. Others may quote a file, its name or a program."""


def frame_untrusted(framed: Callable[[str, str], str]) -> Wrapper:
    """`framed(text, source)` wraps the text."""

    async def frame(invocation: Invocation, proceed: Proceed) -> Result:
        result = await proceed(invocation)
        source = invocation.tool.name
        if result.fault is not None and result.fault.code not in OWN_WORDS:
            text = _error_text(result.fault, framed(result.fault.message, source))
            return result.model_copy(update={"text": text, "untrusted": True})
        if not result.untrusted:
            return result
        return result.model_copy(update={"text": framed(result.text, source)})

    return frame


def _error_text(fault: Fault, message: str) -> str:
    """What is to be done about it is said outside the frame: that is not quoted from anywhere."""
    return f"Error ({fault.code}):\n{message}\n{fault.next_step}".rstrip()

"""Marks what files, programs and the web said as data, so that a model does not take it for instructions."""

from collections.abc import Callable

from cherry.domain.calls import Result
from cherry.tools.invocation import Invocation, Proceed, Wrapper


def frame_untrusted(framed: Callable[[str, str], str]) -> Wrapper:
    """`framed(text, source)` wraps the text."""

    async def frame(invocation: Invocation, proceed: Proceed) -> Result:
        result = await proceed(invocation)
        if not result.untrusted:
            return result
        return result.model_copy(update={"text": framed(result.text, invocation.tool.name)})

    return frame

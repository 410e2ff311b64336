"""One call on its way through the wrappers, and the one shape every wrapper has.

A wrapper may change the invocation it hands on, the result it hands back, raise a `CherryError`, or not call `proceed` at all.
Whatever it does, it lets `CancelledError` pass.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from cherry.domain.calls import Call, Result
from cherry.tools.context import ToolContext
from cherry.tools.tool import Tool


class Invocation(NamedTuple):
    call: Call
    tool: Tool
    arguments: dict[str, Any]
    """As the model gave them; behind `validate` the typed values, defaults filled in."""
    ctx: ToolContext


Proceed = Callable[[Invocation], Awaitable[Result]]
Wrapper = Callable[[Invocation, Proceed], Awaitable[Result]]

"""Asks leave and has the start recorded before the function runs, for tools that do not ask by themselves."""

from cherry.domain.calls import Result
from cherry.tools.invocation import Invocation, Proceed


async def ask_leave(invocation: Invocation, proceed: Proceed) -> Result:
    if not invocation.tool.asks_itself:
        await invocation.ctx.proceed(invocation.tool.intent(invocation.arguments))
    return await proceed(invocation)

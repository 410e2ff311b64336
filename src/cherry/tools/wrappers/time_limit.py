"""Ends a call that takes longer than its tool may. The time a person takes to answer does not count."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Self

from cherry.domain.calls import Result
from cherry.domain.errors import CherryError, tools
from cherry.kernel.text import human_seconds
from cherry.kernel.waits import waiting
from cherry.tools.context import Intent, ToolContext
from cherry.tools.invocation import Invocation, Proceed


async def limit_time(invocation: Invocation, proceed: Proceed) -> Result:
    seconds = invocation.tool.metadata.timeout / 1000
    name = f"tools.{invocation.tool.name}"
    try:
        async with asyncio.timeout(seconds) as scope:
            with _Waiting(scope, name, seconds) as wait:
                return await proceed(invocation._replace(ctx=wait.context(invocation.ctx)))
    except TimeoutError as error:
        if not scope.expired():
            raise
        what = f"{invocation.tool.name} was ended after {human_seconds(seconds)} (deadline {name})"
        raise CherryError(tools.TIMEOUT, what) from error


class _Waiting:
    """Stops the deadline's clock while a person is asked; overlapping questions stop it once."""

    def __init__(self, scope: asyncio.Timeout, name: str, seconds: float) -> None:
        self._scope = scope
        self._name = name
        self._asked = 0
        self._left = seconds
        self._declared = ExitStack()

    def __enter__(self) -> Self:
        self._declare()
        return self

    def __exit__(self, *_: object) -> None:
        self._declared.close()

    def _declare(self) -> None:
        self._declared.enter_context(waiting(self._name, self._left))

    def context(self, ctx: ToolContext) -> ToolContext:
        async def proceed(intent: Intent) -> None:
            with self._paused():
                await ctx.proceed(intent)

        async def ask(question: str, options: tuple[str, ...]) -> str:
            with self._paused():
                return await ctx.ask(question, options)

        return replace(ctx, proceed=proceed, ask=ask)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        now = asyncio.get_running_loop().time
        if self._asked == 0:
            self._left = (self._scope.when() or now()) - now()
            self._scope.reschedule(None)
            self._declared.close()
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1
            if self._asked == 0 and not self._scope.expired():
                self._scope.reschedule(now() + self._left)
                self._declare()

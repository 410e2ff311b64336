"""All tools of a workspace and the one way to run them.

`execute` gives a Result whatever happens: bad names, bad arguments, refusals, timeouts and crashes come back as errors for the
model. Only cancellation passes through, after the tool has cleaned up.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial

from cherry.domain.calls import Call, Result
from cherry.domain.errors import CherryError, tools
from cherry.domain.prompts import OfferedTool
from cherry.kernel.clock import Clock, SystemClock
from cherry.kernel.text import one_line, visible
from cherry.observability.log import Log
from cherry.tools.context import Intent, ToolContext
from cherry.tools.invocation import Invocation, Proceed, Wrapper
from cherry.tools.results import failed, succeeded
from cherry.tools.tool import Tool
from cherry.toon.definition import Effect, ToolDefinition, wire_name

_TITLE_CHARACTERS = 120


class Toolbox:
    def __init__(
        self,
        tools: Sequence[Tool],
        wrappers: Sequence[Wrapper] = (),
        *,
        clock: Clock | None = None,
        log: Log | None = None,
    ) -> None:
        """Of wrappers the first is the outermost. Tools keep the order given: it is part of the stable prompt."""
        self._tools = {tool.name: tool for tool in tools}
        if len(self._tools) != len(tools):
            raise ValueError("two tools of one name")
        self._by_wire_name = {wire_name(name): tool for name, tool in self._tools.items()}
        self._clock = clock or SystemClock()
        self._log = log or Log()
        self._chain = _compose(wrappers)

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    def offered(self) -> tuple[OfferedTool, ...]:
        """What a model is told; the same object every time."""
        return self._offered

    def definitions(self) -> tuple[ToolDefinition, ...]:
        return tuple(tool.definition for tool in self.tools)

    def find(self, name: str) -> Tool:
        """By dotted or wire name. Raises CherryError(tools.UNKNOWN_TOOL), which names the nearest ones."""
        tool = self._tools.get(name) or self._by_wire_name.get(name)
        if tool is None:
            raise self._unknown(name)
        return tool

    def title(self, call: Call) -> str:
        """For people, on one line with nothing hidden in it: `Edit src/app.py`."""
        tool = self._known(call.tool)
        title = call.tool if tool is None else _title(tool, call)
        return one_line(visible(title[: 4 * _TITLE_CHARACTERS]), _TITLE_CHARACTERS) or "Unnamed tool"

    def effect(self, call: Call) -> Effect:
        """An unknown tool does nothing but be refused."""
        tool = self._known(call.tool)
        return tool.effect if tool else "read"

    def resources(self, call: Call) -> tuple[str, ...]:
        """What the call touches; `workspace` where its arguments do not tell."""
        tool = self._known(call.tool)
        if tool is None:
            return ()
        try:
            return tool.resources(call.arguments)
        except Exception:  # a tool's own function on arguments nobody has checked yet
            return ("workspace",)

    async def execute(self, call: Call, ctx: ToolContext) -> Result:
        started = self._clock.monotonic()
        asking = _Asking(self._clock)
        try:
            invocation = Invocation(call, self.find(call.tool), call.arguments, asking.context(ctx))
            result = await self._chain(invocation)
        except CherryError as error:
            result = failed(call, error)
        except Exception as error:  # a wrapper broke: the turn must not
            self._log.error("tools.wrapper_crashed", error=error, tool=call.tool, call=call.id)
            result = failed(call, CherryError(tools.CRASHED, f"{call.tool} failed inside"))
        seconds = self._clock.monotonic() - started - asking.seconds
        return result.model_copy(update={"seconds": max(0.0, seconds)})

    @cached_property
    def _offered(self) -> tuple[OfferedTool, ...]:
        return tuple(
            OfferedTool(tool.name, tool.definition.description, tool.definition.input_schema) for tool in self.tools
        )

    def _known(self, name: str) -> Tool | None:
        return self._tools.get(name) or self._by_wire_name.get(name)

    def _unknown(self, name: str) -> CherryError:
        shown = one_line(visible(name[:200]), 60)
        near = difflib.get_close_matches(wire_name(name[:60].lower()), self._by_wire_name, n=3, cutoff=0.5)
        offer = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(self._by_wire_name)}."
        return CherryError(tools.UNKNOWN_TOOL, f"There is no tool named {shown!r}", next_step=offer)


class _Asking:
    """How long a call waited for leave and answers: that is not how long it took."""

    def __init__(self, clock: Clock) -> None:
        self.seconds = 0.0
        self._clock = clock

    def context(self, ctx: ToolContext) -> ToolContext:
        async def proceed(intent: Intent) -> None:
            with self._counted():
                await ctx.proceed(intent)

        async def ask(question: str, options: tuple[str, ...]) -> str:
            with self._counted():
                return await ctx.ask(question, options)

        return replace(ctx, proceed=proceed, ask=ask)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        since = self._clock.monotonic()
        try:
            yield
        finally:
            self.seconds += self._clock.monotonic() - since


def _title(tool: Tool, call: Call) -> str:
    try:
        return tool.title(call.arguments)
    except Exception:  # a tool's own function on arguments nobody has checked yet
        return tool.name


def _compose(wrappers: Sequence[Wrapper]) -> Proceed:
    chain: Proceed = _run_function
    for wrapper in reversed(wrappers):
        chain = partial(_step, wrapper, chain)
    return chain


async def _step(wrapper: Wrapper, proceed: Proceed, invocation: Invocation) -> Result:
    return await wrapper(invocation, proceed)


async def _run_function(invocation: Invocation) -> Result:
    return succeeded(invocation.call, await invocation.tool.call(invocation.ctx, invocation.arguments))

"""What a tool is in code: one decorated function, typed arguments in, `Output` out.

    class ShellTools:
        def __init__(self, sandbox: Sandbox) -> None: ...

        @tool("shell.run", effect="run", category="shell")
        async def run(self, ctx: ToolContext, command: Annotated[str, Field(description="…")], timeout: float = 120) -> Output:
            '''First paragraph: what the model is told.'''

A plain function works the same, and so does one that is not async: it runs in a thread. The arguments' JSON Schema is made from the
signature. What a tool needs arrives by constructor; what belongs to one call arrives in the parameter annotated `ToolContext`, if
there is one.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, create_model

from cherry.domain.calls import Status
from cherry.domain.views import View
from cherry.tools.context import Intent, ToolContext
from cherry.toon.definition import Effect, ErrorCode, ToolDefinition, ToolExample, ToolMetadata


class Output(NamedTuple):
    """What a tool gives back. Failure is a CherryError, not an Output."""

    text: str
    """For the model, uncut: the wrappers cut, keep and redact."""
    view: View | None = None
    untrusted: bool = False
    """The text holds content from files, programs or the web."""
    status: Status = Status.SUCCESS


ToolFunction = Callable[..., Awaitable[Output | str] | Output | str]


@dataclass(frozen=True)
class Tool:
    """A tool ready to be called: its definition and its function, bound to what it needs."""

    name: str
    function: ToolFunction
    effect: Effect
    metadata: ToolMetadata
    title: Callable[[dict[str, Any]], str]
    """For people, from the arguments: `Edit src/app.py`. Must not raise on odd arguments."""
    resources: Callable[[dict[str, Any]], tuple[str, ...]]
    """What a call touches: `path:src/a.py`, or `workspace` for anything in it. Of the calls of one answer, those that
    touch the same thing run in order unless all of them only read."""
    asks_itself: bool = False
    """True when the function calls `ctx.proceed` by itself, once it knows what exactly will happen (edits show their diff)."""
    bounds_itself: bool = False
    """True when the function keeps its text to a size that makes sense and says how to read on: it is cut only far beyond."""
    examples: tuple[ToolExample, ...] = ()
    error_codes: dict[str, ErrorCode] = field(default_factory=dict)

    @cached_property
    def arguments_model(self) -> type[BaseModel]:
        return _arguments_model(self.name, self.function)

    async def call(self, ctx: ToolContext, arguments: dict[str, Any]) -> Output | str:
        """Run the function. One that is not async cannot be stopped: it ends by itself, its result unheard."""
        given = {**arguments, self._context_parameter: ctx} if self._context_parameter else arguments
        function: Callable[..., Any] = self.function
        is_async = inspect.iscoroutinefunction(function)
        output = function(**given) if is_async else await asyncio.to_thread(function, **given)
        result: Output | str = await output if isinstance(output, Awaitable) else output
        return result

    @cached_property
    def _context_parameter(self) -> str:
        parameters = inspect.signature(self.function, eval_str=True).parameters.values()
        return next((parameter.name for parameter in parameters if parameter.annotation is ToolContext), "")

    @cached_property
    def definition(self) -> ToolDefinition:
        return ToolDefinition(
            name=self.name,
            description=inspect.cleandoc(self.function.__doc__ or ""),
            input_schema=_without_titles(self.arguments_model.model_json_schema()),
            metadata=self.metadata,
            examples=self.examples,
            error_codes=self.error_codes,
        )

    def intent(self, arguments: dict[str, Any]) -> Intent:
        """What is known before the function runs; `asks_itself` tools give a more exact one."""
        return Intent(title=self.title(arguments), effect=self.effect)


@dataclass(frozen=True)
class _Marked:
    name: str
    effect: Effect
    metadata: ToolMetadata
    title: Callable[[dict[str, Any]], str]
    resources: Callable[[dict[str, Any]], tuple[str, ...]]
    asks_itself: bool
    bounds_itself: bool
    examples: tuple[ToolExample, ...]
    error_codes: dict[str, ErrorCode]


_MARK = "__cherry_tool__"


def tool(
    name: str,
    *,
    effect: Effect,
    title: Callable[[dict[str, Any]], str] | None = None,
    resources: Callable[[dict[str, Any]], tuple[str, ...]] | None = None,
    asks_itself: bool = False,
    bounds_itself: bool = False,
    category: str = "general",
    tags: tuple[str, ...] = (),
    timeout_seconds: float = 120.0,
    requires_approval: bool = False,
    security_level: str = "low",
    examples: tuple[ToolExample, ...] = (),
    error_codes: dict[str, ErrorCode] | None = None,
) -> Callable[[ToolFunction], ToolFunction]:
    """Mark a function as a tool; `tools_of` turns marked functions into `Tool`s.

    `timeout_seconds` bounds the function's own work; waiting for a person does not count.
    """
    metadata = ToolMetadata.model_validate(
        {
            "category": category,
            "tags": tags,
            "timeout": round(timeout_seconds * 1000),
            "requires_approval": requires_approval,
            "side_effects": effect in ("edit", "run"),
            "security_level": security_level,
        }
    )
    marked = _Marked(
        name,
        effect,
        metadata,
        title or (lambda _arguments: name),
        resources or ((lambda _arguments: ()) if effect in ("read", "ask") else (lambda _arguments: ("workspace",))),
        asks_itself,
        bounds_itself,
        examples,
        error_codes or {},
    )

    def mark(function: ToolFunction) -> ToolFunction:
        setattr(function, _MARK, marked)
        return function

    return mark


def tools_of(*sources: object) -> Iterator[Tool]:
    """The tools among the given decorated functions, and the decorated methods of the given objects, in order of definition."""
    for source in sources:
        if callable(source) and (marked := getattr(source, _MARK, None)):
            yield _bound(source, marked)
            continue
        for attribute in vars(type(source)):
            member = getattr(source, attribute)
            if marked := getattr(member, _MARK, None):
                yield _bound(member, marked)


def _bound(function: ToolFunction, marked: _Marked) -> Tool:
    return Tool(
        name=marked.name,
        function=function,
        effect=marked.effect,
        metadata=marked.metadata,
        title=marked.title,
        resources=marked.resources,
        asks_itself=marked.asks_itself,
        bounds_itself=marked.bounds_itself,
        examples=marked.examples,
        error_codes=marked.error_codes,
    )


def _arguments_model(name: str, function: ToolFunction) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.annotation is ToolContext or parameter.name == "self":
            continue
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (parameter.annotation, default)
    return create_model(name.replace(".", "_"), __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def _without_titles(schema: Any) -> Any:
    """Pydantic's `title`s repeat the property names: a quarter of the bytes sent with every request for nothing."""
    if isinstance(schema, dict):
        return {
            key: _without_titles(value)
            for key, value in schema.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    return schema

"""`todo.write`: the plan the model keeps and the user sees. Each call replaces the whole list; the newest stands in the log."""

from typing import Annotated

from pydantic import Field

from cherry.domain.errors import CherryError, tools
from cherry.domain.events import TodoWritten
from cherry.domain.views import TodoItem, TodoView
from cherry.kernel.text import one_line, plural
from cherry.tools.context import ToolContext
from cherry.tools.tool import Output, tool

_MAX_ITEMS = 50
_MAX_TEXT = 300
_MARKS = {"open": "[ ]", "active": "[>]", "done": "[x]", "dropped": "[-]"}


@tool(
    "todo.write",
    effect="read",
    category="planning",
    title=lambda _given: "Update the to-do list",
    resources=lambda _given: ("todo",),
)
async def write_todo(ctx: ToolContext, items: Annotated[list[TodoItem | str], Field(max_length=_MAX_ITEMS)]) -> Output:
    """Replace your to-do list, which the user sees. Use it for work of three steps or more; keep exactly one item active and mark
    items done as soon as they are."""
    written = tuple(_item(item) for item in items)
    if len([item for item in written if item.status == "active"]) > 1:
        raise CherryError(
            tools.BAD_ARGUMENTS, "More than one item is active", next_step="Mark one as active, the others as open."
        )
    await ctx.record(TodoWritten(call_id=ctx.call.id, items=written))
    return Output(_text(written), TodoView(items=written))


def _item(given: TodoItem | str) -> TodoItem:
    item = TodoItem(text=given) if isinstance(given, str) else given
    return item.model_copy(update={"text": one_line(item.text, _MAX_TEXT)})


def _text(items: tuple[TodoItem, ...]) -> str:
    if not items:
        return "The list is empty."
    open_count = sum(1 for item in items if item.status in ("open", "active"))
    return "\n".join(
        [*(f"{_MARKS[item.status]} {item.text}" for item in items), f"{plural(open_count, 'item')} to do."]
    )

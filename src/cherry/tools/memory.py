"""`memory.note`: something the user wants remembered beyond this session. A person allows each note, whatever rules say."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from cherry.domain.views import TextView
from cherry.kernel.text import one_line
from cherry.tools.context import Intent, ToolContext
from cherry.tools.tool import Output, tool

Remember = Callable[[str], str]
"""Keeps a note and says so in a sentence. Raises CherryError."""


class MemoryTools:
    def __init__(self, remember: Remember) -> None:
        self._remember = remember

    @tool(
        "memory.note",
        effect="edit",
        category="memory",
        title=lambda given: f"Remember: {one_line(str(given.get('text', '')), 100)}",
        resources=lambda _given: ("memory",),
        asks_itself=True,
        security_level="medium",
    )
    async def note(self, ctx: ToolContext, text: Annotated[str, Field(min_length=1, max_length=1000)]) -> Output:
        """Keep one short fact for later sessions in this project: what the user asks you to remember, or corrects you on for good."""
        title = f"Remember: {one_line(text, 100)}"
        await ctx.proceed(Intent(title, "edit", TextView(text=text)))
        return Output(self._remember(text))

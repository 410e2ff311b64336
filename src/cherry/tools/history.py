"""`history.search`: the session's whole past, also what was compacted away.

Offered always, for the list of tools never changes within a session; so it is kept to less than 250 bytes of a request.
"""

from cherry.domain.views import TextView
from cherry.kernel.text import one_line, plural
from cherry.tools.context import ToolContext
from cherry.tools.tool import Output, tool


@tool(
    "history.search",
    effect="read",
    category="conversation",
    title=lambda given: f"Search the history for {one_line(str(given.get('text', '')), 60)!r}",
)
async def search_history(ctx: ToolContext, text: str) -> Output:
    """Search this session's whole past for words."""
    found = await ctx.search_history(text)
    title = f"{plural(found.total, 'passage')} found"
    if not found.passages:
        return Output("Nothing in this session holds all of these words.", TextView(text=title))
    shown = f"{title}, the newest {len(found.passages)}:" if found.total > len(found.passages) else f"{title}:"
    lines = [f"[turn {passage.turn}, {passage.who}] {passage.text}" for passage in found.passages]
    return Output("\n".join([shown, *lines]), TextView(text=title), untrusted=True)

"""What a session has read that the user did not write: folded from the log, never unread again.

A compaction, a restart, a fork or an import changes nothing about it: whatever of it is left in a summary or in the model's own words
is still somebody else's. What is decided on it is for `cherry.security.outside`.
"""

from collections.abc import Iterator

from cherry.domain.content import FilePart, ImagePart, TextPart
from cherry.domain.events import ContextPrepared, Event, HistoryCompacted, ToolFinished, UserMessage
from cherry.domain.views import CommandView, FileView
from cherry.kernel.text import one_line, plural, visible
from cherry.security.framing import holds_frame

MAX_NAMED = 500
"""Sources told apart; further ones only count."""
_NAME_CHARACTERS = 60


class Foreign:
    """Feed it every event in order with `apply`; the cost of one does not depend on how many there were."""

    def __init__(self) -> None:
        self._sources: dict[str, None] = {}
        self._more = 0

    @property
    def sources(self) -> tuple[str, ...]:
        """In the order of their first reading."""
        return tuple(self._sources)

    @property
    def words(self) -> str:
        """`README.md and 3 other sources`; empty while nothing foreign was read."""
        if not self._sources:
            return ""
        others = len(self._sources) - 1 + self._more
        last = next(reversed(self._sources))
        return f"{last} and {plural(others, 'other source')}" if others else last

    def apply(self, event: Event) -> None:
        for source in _sources_of(event):
            name = one_line(visible(source), _NAME_CHARACTERS)
            if name not in self._sources and len(self._sources) >= MAX_NAMED:
                self._more += 1
            else:
                self._sources[name] = None


def _sources_of(event: Event) -> Iterator[str]:
    match event:
        case ContextPrepared(text=text) if holds_frame(text) or "Workspace map (" in text:
            yield "the names of the workspace's files"
        case ToolFinished(result=result) if result.untrusted:
            if isinstance(result.view, FileView):
                yield result.view.path
            elif isinstance(result.view, CommandView):
                yield f"the output of `{one_line(result.view.command, 40)}`"
            else:
                yield f"`{event.title or event.tool}`"
        case UserMessage(parts=parts):
            yield from (part.name for part in parts if isinstance(part, FilePart | ImagePart))
            if event.author == "cherry" and any(
                isinstance(part, TextPart) and holds_frame(part.text) for part in parts
            ):
                yield "what checks and tests printed"
        case HistoryCompacted(summary=summary) if holds_frame(summary):
            yield "the summary of what was read earlier"
        case _:
            pass

"""What files held before the turn, from the contents kept for undo."""

from collections.abc import Sequence

from cherry.agent.validation.port import Contents
from cherry.domain.errors import CherryError
from cherry.domain.events import FileChange
from cherry.edits.textfile import decode


async def text_of(name: str, contents: Contents) -> str | None:
    """None when that version is not kept (too large) or is no text: nothing can be said about it then."""
    try:
        return decode(await contents.get(name)).text
    except CherryError:
        return None


async def lines_before(changes: Sequence[FileChange], contents: Contents) -> dict[str, frozenset[str]]:
    """Path now → its lines before, without space at their ends; none for a new file. Files whose earlier text is not kept are missing."""
    lines: dict[str, frozenset[str]] = {}
    for change in changes:
        text = await text_of(change.before, contents) if change.before else ""
        if text is not None:
            lines[change.path] = frozenset(line.strip() for line in text.splitlines())
    return lines

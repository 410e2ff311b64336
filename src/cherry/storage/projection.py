"""What a listing and a search know of a session, drawn from its events one after the other.

Pure: the same events give the same `SessionInfo`, whether folded while they are appended or all at once when an index is rebuilt.
"""

from typing import assert_never

from cherry.domain.content import FilePart, ImagePart, TextPart, UserPart
from cherry.domain.events import (
    AssistantMessage,
    Event,
    HistoryCompacted,
    ModelChosen,
    Recorded,
    SessionRenamed,
    SessionStarted,
    StepFailed,
    ToolStarted,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UserMessage,
)
from cherry.domain.sessions import SessionInfo
from cherry.kernel.text import one_line, visible

_TITLE_CHARS = 100
_TITLE_SOURCE_CHARS = 1000


def unknown(session: str) -> SessionInfo:
    """A session of which nothing has been read yet."""
    return SessionInfo(
        id=session, workspace="", title="", model="", created_at=0.0, updated_at=0.0, turns=0, last_seq=0
    )


def fold(info: SessionInfo, record: Recorded) -> SessionInfo:
    """The session after one more event."""
    update: dict[str, object] = {"last_seq": record.seq, "updated_at": record.at}
    if record.seq == 1:
        update["created_at"] = record.at
    return info.model_copy(update=update | _changes(info, record.turn, record.event))


def searchable(event: Event) -> str:
    """The words a search over sessions finds this event by; empty for events that say nothing to people."""
    match event:
        case UserMessage():
            return "\n".join(part.text for part in event.parts if isinstance(part, TextPart))
        case AssistantMessage():
            return event.message.text
        case ToolStarted() | SessionStarted() | SessionRenamed():
            return event.title
        case _:
            return ""


def _changes(info: SessionInfo, turn: int, event: Event) -> dict[str, object]:
    match event:
        case SessionStarted():
            return {"workspace": event.workspace, "title": _title(event.title), "model": event.model}
        case SessionRenamed():
            return {"title": _title(event.title)}
        case ModelChosen():
            return {"model": event.model}
        case TurnStarted():
            return {"turns": max(info.turns, turn), "open_turn": turn, "model": event.model or info.model}
        case TurnResumed():
            return {"open_turn": turn, "model": event.model or info.model}
        case TurnFinished():
            return {"open_turn": 0} if event.outcome == "done" and turn == info.open_turn else {}
        case UserMessage():
            return {} if info.title else {"title": _title_of(event.parts)}
        case AssistantMessage() | StepFailed() | HistoryCompacted():
            return {"usage": info.usage + event.usage, "cost": info.cost + event.cost}
        case _:
            return {}


def _title_of(parts: tuple[UserPart, ...]) -> str:
    names = (_named(part) for part in parts)
    return _title(next((name for name in names if name.strip()), ""))


def _named(part: UserPart) -> str:
    match part:
        case TextPart():
            return part.text
        case FilePart() | ImagePart():
            return part.name
    assert_never(part)


def _title(text: str) -> str:
    return one_line(visible(text.strip()[:_TITLE_SOURCE_CHARS]), _TITLE_CHARS)

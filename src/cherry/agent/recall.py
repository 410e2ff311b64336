"""Looking things up in the whole of a session, also in what the prompt no longer holds.

Reads the log from its beginning and keeps nothing: the cost is that of the log, paid when somebody asks. What is found is a piece
around each place, with its turn; texts of tools are among it, so it is data like any tool's text.
"""

from collections import deque
from collections.abc import Iterator

from cherry.domain.calls import Call
from cherry.domain.content import FilePart, FromAssistant, TextPart
from cherry.domain.events import (
    AssistantMessage,
    Event,
    QuestionAnswered,
    QuestionAsked,
    ToolFinished,
    UserMessage,
)
from cherry.kernel.text import one_line
from cherry.storage.ports import EventLog
from cherry.storage.searching import Wanted, fold_text
from cherry.tools.context import Found, Passage
from cherry.toon.definition import wire_name

MAX_PASSAGES = 20
PASSAGE_CHARS = 600
_BEFORE = 200


async def search_history(log: EventLog, session: str, text: str) -> Found:
    """The newest passages that hold every word of `text`, oldest first. Raises CherryError(storage.*)."""
    wanted = Wanted.parse(text)
    passages: deque[Passage] = deque(maxlen=MAX_PASSAGES)
    total = 0
    if wanted.words:
        async for recorded in log.read(session):
            for who, said in _texts(recorded.event):
                if wanted.found_in(said):
                    total += 1
                    passages.append(Passage(recorded.turn, who, _around(said, wanted)))
    return Found(tuple(passages), total)


def _texts(event: Event) -> Iterator[tuple[str, str]]:
    match event:
        case UserMessage(parts=parts, author=author):
            who = "user" if author == "user" else "note"
            yield from ((who, part.text) for part in parts if isinstance(part, TextPart | FilePart))
        case AssistantMessage(message=message):
            yield from _answered(message)
        case ToolFinished(tool=tool, title=title, result=result) if not _is_search(tool):
            yield f"result of {title}", result.text
        case QuestionAsked(question=question):
            yield "you asked", question
        case QuestionAnswered(answer=answer):
            yield "user", answer


def _answered(message: FromAssistant) -> Iterator[tuple[str, str]]:
    if message.text:
        yield "you", message.text
    yield from (("your call", _call_text(call)) for call in message.calls if not _is_search(call.tool))


def _is_search(tool: str) -> bool:
    """Searches would find themselves."""
    return wire_name(tool) == "history_search"


def _call_text(call: Call) -> str:
    return f"{call.tool} {call.arguments or call.malformed}"


def _around(text: str, wanted: Wanted) -> str:
    """The piece of the text around the first of the words, on one line where it is cut off anyway."""
    if len(text) <= PASSAGE_CHARS:
        return text
    folded = fold_text(text)
    start = max(0, min((place for word in wanted.words if (place := folded.find(word)) >= 0), default=0) - _BEFORE)
    return one_line(("…" if start else "") + text[start : start + 2 * PASSAGE_CHARS], PASSAGE_CHARS)

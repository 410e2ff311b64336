"""A session as Markdown, to read or to hand on: what was asked, answered and done. Not complete; the JSON export is."""

from cherry.cli.render.painter import request_text
from cherry.cli.render.summary import money, tokens
from cherry.domain.events import (
    AssistantMessage,
    Event,
    Recorded,
    SessionStarted,
    StepFailed,
    ToolFinished,
    TurnFinished,
    UserMessage,
)
from cherry.domain.views import CommandView, DiffView
from cherry.kernel.text import one_line, visible


def markdown(recorded: Recorded) -> str:
    """What this event adds to the transcript; empty for events that are not for readers."""
    text = _text(recorded.event)
    return f"{text}\n\n" if text else ""


def _text(event: Event) -> str:
    match event:
        case SessionStarted():
            return f"# {visible(event.title) or 'Session'}\n\n{visible(event.model)} in `{visible(event.workspace)}`"
        case UserMessage():
            return f"## {request_text(event.parts)}"
        case AssistantMessage():
            return visible(event.message.text.strip())
        case StepFailed() if event.partial.strip():
            return f"{visible(event.partial.strip())}\n\n*(broke off)*"
        case ToolFinished():
            return _tool(event)
        case TurnFinished():
            return f"*{event.outcome} · {tokens(event.usage)} · {money(event.cost)}*"
        case _:
            return ""


def _tool(event: ToolFinished) -> str:
    lines = [f"- {one_line(visible(event.title or event.tool), 200)} ({event.result.status})"]
    match event.result.view:
        case DiffView(files=files):
            lines += [_fenced("diff", "".join(f"--- {file.path}\n{file.unified}" for file in files))]
        case CommandView(command=command, output=output):
            lines += [_fenced("", f"$ {command}\n{output}")]
        case _:
            pass
    return "\n\n".join(lines)


def _fenced(language: str, text: str) -> str:
    """A fence longer than any in the text: what is quoted cannot end the quote."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{visible(text).rstrip()}\n{fence}"

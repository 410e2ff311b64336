"""Asking a person at a plain terminal. What may be answered, and how it is read, is shared with the chat."""

from typing import NamedTuple

from cherry.cli.line_reader import LineReader
from cherry.cli.render.output import Output
from cherry.cli.render.style import Style
from cherry.cli.render.views import whole
from cherry.cli.turn import Decision
from cherry.domain.events import ApprovalRequested, QuestionAsked
from cherry.kernel.text import visible


class Show(NamedTuple):
    """The person wants to see all of it before deciding."""


def approval_prompt(request: ApprovalRequested) -> str:
    if request.confirm:
        return f"This is dangerous. Type {visible(request.confirm)!r} to allow it; anything else refuses: "
    remembered = f" · s for this session · a always ({visible(request.rule)})" if request.rule else ""
    return f"Allow? y once{remembered} · n no · or say what to do instead: "


def read_decision(request: ApprovalRequested, typed: str) -> Decision | Show | None:
    """None: nothing was said, ask again. Words that are no answer are a refusal with a comment."""
    text = typed.strip()
    if not text:
        return None
    if request.confirm:
        return Decision(allowed=text == request.confirm.strip())
    match text.lower():
        case "y" | "yes":
            return Decision(allowed=True)
        case "s" | "session" if request.rule:
            return Decision(allowed=True, remember="session")
        case "a" | "always" if request.rule:
            return Decision(allowed=True, remember="always")
        case "n" | "no":
            return Decision(allowed=False)
        case "v" | "view":
            return Show()
        case "s" | "session" | "a" | "always":
            return None  # offered only where it can be remembered
        case _:
            return Decision(allowed=False, comment=text)


def question_prompt(question: QuestionAsked) -> str:
    return f"1–{len(question.options)} or your own words: " if question.options else "Answer: "


def read_answer(question: QuestionAsked, typed: str) -> str | None:
    """A number stands for the option. None: nothing was said, ask again."""
    text = typed.strip()
    if text.isdecimal() and 1 <= int(text) <= len(question.options):
        return question.options[int(text) - 1]
    return text or None


class TerminalAsker:
    """Prompts on the terminal that the rest is drawn on."""

    holds_output = True

    def __init__(self, output: Output, style: Style, reader: LineReader) -> None:
        self._output = output
        self._style = style
        self._reader = reader

    async def decide(self, request: ApprovalRequested) -> Decision | None:
        while (typed := await self._prompted(approval_prompt(request))) is not None:
            decision = read_decision(request, typed)
            if isinstance(decision, Show):
                self._show(request)
            elif decision is not None:
                return decision
        return None

    async def answer(self, question: QuestionAsked) -> str | None:
        while (typed := await self._prompted(question_prompt(question))) is not None:
            if (answer := read_answer(question, typed)) is not None:
                return answer
        return None

    async def _prompted(self, prompt: str) -> str | None:
        self._reader.forget_typed()
        self._output.write(self._style("accent", prompt))
        line = await self._reader.line()
        if line is None:
            self._output.write("\n")
        return line

    def _show(self, request: ApprovalRequested) -> None:
        if request.view:
            self._output.write("\n".join(whole(request.view, self._style, self._output.columns)) + "\n")

"""Asking a person who types at the prompt: what is submitted while a question stands is its answer."""

import asyncio
from collections.abc import Callable

from cherry.cli.asker import Show, approval_prompt, question_prompt, read_answer, read_decision
from cherry.cli.render.surface import Surface
from cherry.cli.render.views import whole
from cherry.cli.turn import Decision
from cherry.domain.events import ApprovalRequested, QuestionAsked


class ChatAsker:
    """Implements `Asker`. `about_to_ask` and `answered` let the prompt put a half-typed text aside meanwhile."""

    holds_output = False

    def __init__(self, surface: Surface, *, about_to_ask: Callable[[], None], answered: Callable[[], None]) -> None:
        self._surface = surface
        self._about_to_ask = about_to_ask
        self._answered = answered
        self._waiting: asyncio.Future[str] | None = None
        self.label = ""
        """What is asked for, in a word; empty when nothing is."""

    @property
    def asks(self) -> bool:
        return self._waiting is not None

    def take(self, typed: str) -> None:
        """A submitted text; the question decides whether it is an answer."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(typed)

    async def decide(self, request: ApprovalRequested) -> Decision | None:
        self._surface.lines(self._surface.style("accent", approval_prompt(request).rstrip(": ")))
        while True:  # ends with an answer, or with the turn
            decision = read_decision(request, await self._typed("allow"))
            if isinstance(decision, Decision):
                return decision
            if isinstance(decision, Show) and request.view:
                self._surface.lines("\n".join(whole(request.view, self._surface.style, self._surface.columns)))

    async def answer(self, question: QuestionAsked) -> str | None:
        self._surface.lines(self._surface.style("accent", question_prompt(question).rstrip(": ")))
        while True:  # ends with an answer, or with the turn
            if (answer := read_answer(question, await self._typed("answer"))) is not None:
                return answer

    async def confirm(self, question: str) -> bool:
        """Yes or no; everything that is not yes is no."""
        self._surface.lines(self._surface.style("accent", f"{question} y/n"))
        return (await self._typed("y/n")).strip().lower() in ("y", "yes")

    async def _typed(self, label: str) -> str:
        self.label = label
        self._waiting = asyncio.get_running_loop().create_future()
        self._about_to_ask()
        try:
            return await self._waiting
        finally:
            self._waiting = None
            self.label = ""
            self._answered()

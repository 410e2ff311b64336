"""`ask.user`: a question only a person can answer."""

from typing import Annotated

from pydantic import Field

from cherry.domain.views import QuestionView
from cherry.kernel.text import one_line
from cherry.tools.context import ToolContext
from cherry.tools.tool import Output, tool


@tool(
    "ask.user",
    effect="ask",
    category="conversation",
    title=lambda given: f"Ask: {one_line(str(given.get('question', '')), 100)}",
    resources=lambda _given: ("user",),
    asks_itself=True,
)
async def ask_user(
    ctx: ToolContext,
    question: Annotated[str, Field(min_length=1, max_length=4000)],
    options: Annotated[tuple[str, ...], Field(max_length=10)] = (),
) -> Output:
    """Ask the user and wait. Only for decisions that are theirs and that nothing here can tell you; options are suggested answers."""
    answer = await ctx.ask(question, options)
    return Output(f"The user answered: {answer}", QuestionView(question=question, options=options))

"""Keeps the window within the model's limit: recent exchanges whole, older ones as a summary, the log untouched.

Decisions, constraints and open to-dos are not left to prose: what the user said and the to-do list are carried over word for word
(within a bound), the model only tells the rest.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cherry.agent.state import SessionState
from cherry.domain.content import FromAssistant, FromTools, FromUser, Message, TextPart
from cherry.domain.errors import CherryError
from cherry.domain.events import HistoryCompacted
from cherry.domain.prompts import Answer, ModelRef, Prompt
from cherry.gateway.port import Gateway
from cherry.kernel.text import cut_middle, one_line

KEEP_RECENT = 0.3
"""Share of the window that recent exchanges may keep."""
SUMMARY_CHARS = 6_000
SOURCE_CHARS = 60_000
"""What a summary is made from, per call; the middle is left out beyond it."""

SUMMARY_SYSTEM = (
    "You summarise a coding session so that it can go on without the original. Write what was asked, what was decided and why, "
    "which files were changed and how, what was tried and failed, and what is still open. Facts only, no preamble, at most 500 words."
)


class Split(NamedTuple):
    older: tuple[Message, ...]
    upto_seq: int


def split(history: Sequence[tuple[int, Message]], keep: int) -> Split | None:
    """Everything but about the last `keep` messages, cut where no call is parted from its result. None when nothing is old."""
    for index in range(max(0, len(history) - keep), 0, -1):
        seq, message = history[index - 1]
        ends_exchange = not (isinstance(message, FromAssistant) and message.calls)
        next_is_later = index == len(history) or history[index][0] > seq
        if ends_exchange and next_is_later:
            return Split(tuple(message for _, message in history[:index]), seq)
    return None


async def compact(state: SessionState, gateway: Gateway, *, model: ModelRef, keep: int) -> HistoryCompacted | None:
    """The event that replaces older messages by a summary; None when there is nothing to replace.

    Summarised by the model; extracted without it when the call fails, so that a full window never ends a session.
    """
    parts = split(state.history, keep)
    if parts is None:
        return None
    source = _transcript(state.summary, parts.older)
    kept = _what_the_user_said(state.summary, parts.older)
    prompt = Prompt(
        model=model,
        system=SUMMARY_SYSTEM,
        messages=(FromUser(parts=(TextPart(text=cut_middle(source, SOURCE_CHARS).text),)),),
        max_output_tokens=1_500,
        purpose="summary",
    )
    try:
        answer = await _answer(gateway, prompt)
    except CherryError:
        return HistoryCompacted(upto_seq=parts.upto_seq, summary=f"{kept}\n\n{_extract(parts.older)}", by="extract")
    told = cut_middle(answer.message.text, SUMMARY_CHARS).text
    return HistoryCompacted(
        upto_seq=parts.upto_seq, summary=f"{kept}\n\n{told}", by="model", usage=answer.usage, cost=answer.cost
    )


def summary_message(summary: str) -> FromUser:
    text = f"[Earlier part of this session, summarised. The full text is kept on disk.]\n{summary}"
    return FromUser(parts=(TextPart(text=text),))


async def _answer(gateway: Gateway, prompt: Prompt) -> Answer:
    async for item in gateway.stream(prompt):
        if isinstance(item, Answer):
            return item
    raise AssertionError("a gateway stream ends with an Answer or an error")


USER_WORDS = "What the user said, word for word:"


def _what_the_user_said(earlier_summary: str, messages: Sequence[Message]) -> str:
    """Word for word, oldest first: a rule given in the first turn must still be there in the last."""
    lines = [line for line in earlier_summary.splitlines() if line.startswith("> ")]
    for message in messages:
        if isinstance(message, FromUser):
            lines.extend("> " + one_line(part.text, 2_000) for part in message.parts if isinstance(part, TextPart))
    return cut_middle("\n".join([USER_WORDS, *dict.fromkeys(lines)]), 2 * SUMMARY_CHARS).text


def _transcript(earlier: str, messages: Sequence[Message]) -> str:
    lines = [f"Summary so far: {earlier}"] if earlier else []
    for message in messages:
        match message:
            case FromUser(parts=parts):
                lines.extend(f"User: {part.text}" for part in parts if isinstance(part, TextPart))
            case FromAssistant() as said:
                lines.append(f"Assistant: {said.text}")
                lines.extend(f"  calls {call.tool} {one_line(str(call.arguments), 300)}" for call in said.calls)
            case FromTools(results=results):
                lines.extend(f"  → {result.status}: {one_line(result.text, 300)}" for result in results)
    return "\n".join(lines)


def _extract(messages: Sequence[Message]) -> str:
    """Without a model: what was done, one line each."""
    lines = []
    for message in messages:
        if isinstance(message, FromAssistant):
            if message.text:
                lines.append("Assistant: " + one_line(message.text, 300))
            lines.extend(f"did {call.tool} {one_line(str(call.arguments), 160)}" for call in message.calls)
    return cut_middle("\n".join(lines), SUMMARY_CHARS).text

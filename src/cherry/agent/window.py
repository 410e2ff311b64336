"""The prompt of the next step, within the model's window whatever happens.

    system and tools │ what is carried over, after a compaction │ recent messages │ room for the answer
    never changes      frozen until the next compaction            whole, or cut in   a quarter of the window
                                                                   the prompt only    at most

The window is compacted rarely and much: when four fifths of the room for the conversation are used, down to about two fifths, so that
the beginning of the prompt stays the same for long and providers' caches hit. What one message may take at most depends on the window
alone, so the same message is always shown the same. A provider that refuses a prompt as too long teaches a smaller window, by an event,
so a resumed session knows it too.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from cherry.agent.compaction import Narrator, last_request, split, tell
from cherry.agent.journal import Journal
from cherry.agent.spending import Spending
from cherry.agent.workbench import Workbench
from cherry.context.carried import Carried, ChangesOfTurn
from cherry.context.shortening import Shortener
from cherry.domain.content import FromUser, Message, TextPart
from cherry.domain.errors import CherryError, gateway
from cherry.domain.events import HistoryCompacted
from cherry.domain.live import Working
from cherry.domain.prompts import ModelRef, Prompt
from cherry.gateway.port import Gateway

DEFAULT_OUTPUT_TOKENS = 16_000
ASSUMED_WINDOW = 128_000
"""Tokens, for models whose window is not known."""
OUTPUT_SHARES = (4, 8, 16)
"""The answer gets the first of these parts of the window that leaves enough for the conversation."""
LEAST_CONVERSATION = 1_500
"""Tokens that are enough."""
AFTER = 0.44
"""Of what it takes when it is full, what it takes after that; less is kept only where a message cannot be parted from the next."""
CARRIED_SHARE = 0.25
MAX_CARRIED = 10_000
"""Tokens."""
RECENT_SHARE = 0.25
"""Of that, for recent messages, at least."""
MESSAGE_SHARE = 0.3
"""Of the room, for one message at most."""
WORTH_IT = 0.15
"""A compaction that would free less of the room is put off until there is no other way."""
SQUEEZES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03)
"""How much of `MESSAGE_SHARE` each message gets when even the last exchange is too much."""
_FITTING_TRIES = 8
_CHARS_PER_TOKEN = 3


class Room(NamedTuple):
    """How the tokens of a model's window are divided."""

    window: int
    output: int
    fixed: int
    """System prompt and tools."""
    fullness: float = 0.8
    """The share of the room for the conversation from which on it is compacted."""

    @property
    def prompt(self) -> int:
        return self.window - self.output

    @property
    def conversation(self) -> int:
        return max(0, self.prompt - self.fixed)

    @property
    def full(self) -> int:
        """A prompt of more tokens is compacted."""
        return self.fixed + int(self.conversation * self.fullness)

    @property
    def carried(self) -> int:
        return min(int(self.conversation * CARRIED_SHARE), MAX_CARRIED)

    @property
    def recent(self) -> int:
        after = int(self.conversation * self.fullness * AFTER)
        return max(after - self.carried, int(self.conversation * self.fullness * RECENT_SHARE))


class Window:
    def __init__(self, journal: Journal, *, bench: Workbench, gateway: Gateway, spending: Spending) -> None:
        self._journal = journal
        self._state = journal.state
        self._bench = bench
        self._gateway = gateway
        self._spending = spending
        self._model = ModelRef("", "")
        self._shortener = Shortener(self._measure)
        self._summary: FromUser | None = None

    async def prompt(self, model: ModelRef, *, refused: bool = False) -> tuple[Prompt, int]:
        """The prompt and its tokens: with the answer it asks for, never more than the window. After a refusal it is a shorter one,
        if there is one.

        Raises CherryError(gateway.CONTEXT_TOO_LONG) when the window cannot hold even the shortest conversation.
        """
        self._model = model
        room = self._room()
        prompt = self._prompt(room)
        tokens = self._gateway.count_tokens(prompt)
        must = refused or tokens > room.prompt
        keep = min(room.recent, (tokens - room.fixed) // 2) if refused else room.recent
        if (must or tokens > room.full) and await self._compact(room, keep=keep, at_any_price=must):
            prompt = self._prompt(room)
            tokens = self._gateway.count_tokens(prompt)
        for squeeze in SQUEEZES:
            if tokens <= room.prompt:
                return prompt, tokens
            prompt = self._prompt(room, squeeze)
            tokens = self._gateway.count_tokens(prompt)
        if tokens <= room.prompt:
            return prompt, tokens
        raise self._too_small(room)

    async def compact_now(self, model: ModelRef) -> str:
        """Tell all but the last exchange in short, outside a turn; the summary, empty when there was nothing to tell."""
        self._model = model
        room = self._room()
        history, sizes = self._state.history, self._sizes(room)
        start = last_request(history)
        if start is None or sum(sizes[start:]) > room.recent:
            start = split(history, sizes, 0)
        event = await self._compacted(start, room, in_turn=False)
        return event.summary if event else ""

    def _prompt(self, room: Room, squeeze: float = 1.0) -> Prompt:
        cap = int(room.conversation * MESSAGE_SHARE * squeeze)
        messages = self._shortener.all_shown(self._state.messages, cap)
        if summary := self._summary_message():
            messages = (summary, *messages)
        return self._fixed_part()._replace(
            messages=messages, max_output_tokens=room.output, cache_key=self._state.session
        )

    def _fixed_part(self) -> Prompt:
        system = self._bench.prompts.system(self._state.context or "")
        return Prompt(model=self._model, system=system, messages=(), tools=self._bench.toolbox.offered())

    def _summary_message(self) -> FromUser | None:
        """The same object as long as the summary is the same: it is counted and encoded once."""
        summary = self._state.summary
        if not summary:
            return None
        if self._summary is None or _text_of(self._summary) != summary:
            self._summary = _user(summary)
        return self._summary

    def _room(self) -> Room:
        facts = self._gateway.facts(self._model)
        limits = self._bench.compaction
        known = facts.context_window or ASSUMED_WINDOW
        window = min(known, self._state.windows.get(str(self._model), known), limits.max_tokens or known)
        most = min(facts.max_output or DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS)
        fixed = self._gateway.count_tokens(self._fixed_part())
        for share in OUTPUT_SHARES:
            room = Room(window, min(most, window // share), fixed, limits.full)
            if room.conversation >= LEAST_CONVERSATION:
                break
        return room

    async def _compact(self, room: Room, *, keep: int, at_any_price: bool) -> bool:
        """Whether the prompt is another one now."""
        sizes = self._sizes(room)
        start = split(self._state.history, sizes, keep)
        if not at_any_price and self._would_free(sizes[: start or 0], room) < room.conversation * WORTH_IT:
            return False
        return await self._compacted(start, room, in_turn=True) is not None

    def _would_free(self, older: Sequence[int], room: Room) -> int:
        summary = self._summary_message()
        return sum(older) - max(0, room.carried - (self._measure(summary) if summary else 0))

    async def _compacted(self, start: int | None, room: Room, *, in_turn: bool) -> HistoryCompacted | None:
        """Part off what lies before `start`; the event, or None when there is nothing that could be shorter."""
        state = self._state
        if start is None and not self._summary_is_too_long(room):
            return None
        older = state.history[: start or 0]
        self._journal.emit(Working("Summarising the earlier part of the session"))
        async with AsyncExitStack() as stack:
            told = await tell(state.told, [message for _, message in older], self._narrator(in_turn), stack)
            event = HistoryCompacted(
                upto_seq=older[-1][0] if older else state.compacted_upto,
                summary=self._carried(told.text, room),
                told=told.text,
                by="model" if told.by_model else "extract",
                fitted_to=room.carried,
                usage=told.usage,
                cost=told.cost,
            )
            await self._journal.append(event)
        return event

    def _summary_is_too_long(self, room: Room) -> bool:
        summary = self._summary_message()
        return summary is not None and self._measure(summary) > room.carried

    def _carried(self, told: str, room: Room) -> str:
        """As much as fits the room it may take, measured."""
        state = self._state
        changes = [ChangesOfTurn(change.turn, change.files) for change in state.changes if not change.undone]
        carried = Carried(state.said, changes, state.todo, told)
        limit = room.carried * _CHARS_PER_TOKEN
        text = carried.text(limit)
        for _ in range(_FITTING_TRIES):
            tokens = self._measure(_user(text))
            if tokens <= room.carried:
                break
            limit = int(limit * min(0.9, room.carried / tokens))
            text = carried.text(limit)
        return text

    def _narrator(self, in_turn: bool) -> Narrator:
        model = ModelRef.parse(self._bench.summary_model) or self._model
        known = self._gateway.facts(model).context_window or ASSUMED_WINDOW
        window = min(known, self._state.windows.get(str(model), known))
        return Narrator(self._gateway, model, window, self._spending, in_turn)

    def _sizes(self, room: Room) -> list[int]:
        cap = int(room.conversation * MESSAGE_SHARE)
        return [self._measure(message) for message in self._shortener.all_shown(self._state.messages, cap)]

    def _measure(self, message: Message) -> int:
        return self._gateway.count_tokens(Prompt(model=self._model, system="", messages=(message,)))

    def _too_small(self, room: Room) -> CherryError:
        return CherryError(
            gateway.CONTEXT_TOO_LONG,
            f"The window of {self._model} is too small for this session",
            why=f"it holds {room.window:,} tokens, {room.fixed:,} of which the instructions and tools take",
            next_step="Choose a model with a larger window, or give the server a larger one.",
        )


def _user(text: str) -> FromUser:
    return FromUser(parts=(TextPart(text=text),))


def _text_of(message: FromUser) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))

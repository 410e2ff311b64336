"""Why a turn goes on by itself after an answer without calls: the model is told, a bounded number of times in a row.

    empty       it said nothing
    cut         it was cut off at the output limit
    unreadable  an action was begun in its text and cannot be read
    promise     it ends by saying what it will do; told once a turn
    endless     it repeated itself until it was stopped; told once a turn

What is due is judged from the logged answer and what was told already is seen in the log, so a resumed turn tells nothing twice.
"""

from typing import NamedTuple

from cherry.agent.actions import Actions
from cherry.agent.journal import Journal
from cherry.agent.listening import Listening
from cherry.agent.promises import announces_action
from cherry.domain.content import FromAssistant, TextPart
from cherry.domain.errors import CherryError, ErrorKind, gateway, run
from cherry.domain.events import AssistantMessage, UserMessage
from cherry.domain.prompts import ModelRef
from cherry.kernel.ids import derived_id

MAX_NUDGES = 3
"""In a row, of those that are not told once only."""


class Nudge(NamedTuple):
    text: str
    kind: ErrorKind
    """What ends the turn when it does not help."""
    what: str = ""
    why: str = ""
    once: str = ""
    """Names what is told once a turn; the turn goes on without it after that."""


_EMPTY = Nudge("Your answer was empty. Go on with the task, or say that it is done.", gateway.EMPTY_ANSWER)
_CUT = Nudge(
    "Your answer was cut off at the output limit. Go on from where it stopped; write less at once.",
    gateway.ANSWER_TOO_LONG,
)
_CUT_ACTION = Nudge(
    "Your answer was cut off at the output limit, and nothing of what it was to do was done. Do it again in smaller parts, each whole.",
    gateway.ANSWER_TOO_LONG,
)
_PROMISE = Nudge(
    "You said what you would do but called no tool: do it now, or say that you are done.",
    run.NO_PROGRESS,
    once="promise",
)
_ENDLESS = "Your answer repeated itself without end and was stopped; nothing of it was used. Go on in another way, and be brief."


class Nudging:
    def __init__(self, journal: Journal, listening: Listening, *, has_tools: bool) -> None:
        self._journal = journal
        self._state = journal.state
        self._listening = listening
        self._has_tools = has_tools
        self._judged: tuple[AssistantMessage, Nudge | None] | None = None
        self._in_a_row = 0

    async def due(self) -> Nudge | None:
        """What the model must be told before the turn can end with its last answer."""
        answer, turn = self._state.turn.last_answer, self._state.turn
        if answer is None or answer.message.calls:
            return None
        if self._judged is None or self._judged[0] is not answer:
            self._judged = (answer, await self._judge(answer))
        nudge = self._judged[1]
        if nudge is None or not nudge.once:
            return nudge
        messages = self._state.messages
        spoken_since = not messages or not isinstance(messages[-1], FromAssistant)
        return None if spoken_since or self._id(nudge.once) in turn.told else nudge

    async def tell(self) -> None:
        """Tell what is due. Raises CherryError when it was told too often in a row."""
        nudge = await self.due()
        if nudge is None:
            self._in_a_row = 0
        elif nudge.once:
            await self._say(nudge.text, self._id(nudge.once))
        elif (message_id := self._id("nudge", self._state.turn.steps)) not in self._state.turn.told:
            self._in_a_row += 1
            if self._in_a_row > MAX_NUDGES:
                what = nudge.what or nudge.kind.title
                raise CherryError(nudge.kind, f"{what}, {self._in_a_row} times in a row", why=nudge.why)
            await self._say(nudge.text, message_id)

    async def tell_of_failure(self, error: CherryError) -> None:
        """After a model call that failed: tell the model once a turn when it can do something about it. Raises the error otherwise."""
        message_id = self._id("endless")
        if error.kind is not run.NO_PROGRESS or message_id in self._state.turn.told:
            raise error
        await self._say(_ENDLESS, message_id)

    async def _judge(self, answer: AssistantMessage) -> Nudge | None:
        text = answer.message.text
        if not text.strip():
            return _EMPTY
        actions = await self._actions(answer)
        if answer.finish == "length":
            return _CUT_ACTION if actions.faults or actions.message.calls else _CUT
        if actions.faults:
            return _unreadable(actions.faults)
        return _PROMISE if self._has_tools and announces_action(text) else None

    async def _actions(self, answer: AssistantMessage) -> Actions:
        model = ModelRef.parse(self._state.turn.model) or ModelRef("", "")
        return await self._listening.actions(answer.message, model, self._state.messages)

    async def _say(self, text: str, message_id: str) -> None:
        message = UserMessage(message_id=message_id, parts=(TextPart(text=text),), steering=True, author="cherry")
        await self._journal.append(message)

    def _id(self, *about: str | int) -> str:
        return derived_id("m", self._state.session, self._state.turn.number, *about)


def _unreadable(faults: tuple[str, ...]) -> Nudge:
    listed = "\n".join(f"- {fault}" for fault in faults)
    return Nudge(
        f"Nothing of your last answer was done, because an action in it could not be read:\n{listed}\nGive it again, whole and corrected.",
        run.NO_PROGRESS,
        what="The model's actions could not be read",
        why=faults[0],
    )

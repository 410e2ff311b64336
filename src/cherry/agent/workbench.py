"""What a turn works with: everything that belongs to one workspace and is not the log.

Built by the composition root, one per session; closing it ends what still runs in the background.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, Protocol

from cherry.agent.spending import Accounts
from cherry.agent.validation.port import Policy, Validator
from cherry.edits.editor import Editor
from cherry.security.policy import Action, Decision
from cherry.tools.toolbox import Toolbox


class Prompts(Protocol):
    """Assembles what the model gets to see."""

    async def prepare(self) -> str:
        """The session's fixed context: environment, project map, instructions. Called once per session."""
        ...

    def system(self, context: str) -> str:
        """The stable beginning of every prompt of the session."""
        ...


class Approvals(Protocol):
    """Decides what may happen, and keeps what a person decided for next time."""

    def decide(self, action: Action) -> Decision: ...
    def suggestion(self, action: Action) -> str:
        """The rule that would allow this and its like from now on; empty when each case should be decided by itself."""
        ...

    async def remember(self, rule: str, *, scope: Literal["session", "always"]) -> None: ...


class CompactionLimits(NamedTuple):
    max_tokens: int | None = None
    """Of a prompt and its answer together; None: as many as the model holds."""
    full: float = 0.8
    """The share of the room for the conversation from which on it is compacted."""


class Workbench(NamedTuple):
    toolbox: Toolbox
    prompts: Prompts
    approvals: Approvals
    validator: Validator
    policy: Policy
    """What happens when validation finds something."""
    editor: Editor
    notices: tuple[str, ...]
    """What the user must be told at every turn: that there is no sandbox."""
    summary_model: str
    """`provider/model` for summaries; empty: the turn's own."""
    accounts: Accounts
    """What many turns may spend together."""
    close: Callable[[], Awaitable[None]]
    compaction: CompactionLimits = CompactionLimits()
    """When the window is made smaller than the model would have it."""

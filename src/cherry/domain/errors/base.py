"""The one error type of Cherry and how errors are sorted.

    CherryError ── kind: ErrorKind (a row of the catalogue)
        audience   who must act: model (goes back into the conversation) · user · operator · developer
        effect     what the code above may do: retry · ask · stop

There is no class per error: code that must tell errors apart compares `error.kind` with a row of the catalogue.
"""

from dataclasses import dataclass
from typing import Literal

from cherry.domain.calls import Fault

Audience = Literal["model", "user", "operator", "developer"]
Effect = Literal["retry", "ask", "stop"]


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the catalogue. `docs/errors.md` is made from these."""

    code: str
    """Dotted and stable: scripts may match on it."""
    title: str
    """What happened, in a few words."""
    next_step: str
    """What to do; an error raised with a more exact one overrides it."""
    audience: Audience = "user"
    effect: Effect = "stop"
    exit_code: int = 1
    """What a command ends with: see `cherry.domain.exits`."""


class CherryError(Exception):
    """An error a person or a model can act on.

    `what` is a sentence saying what happened, `where` the file, address or setting concerned, `why` the cause as far as known.
    """

    def __init__(self, kind: ErrorKind, what: str = "", *, where: str = "", why: str = "", next_step: str = "") -> None:
        self.kind = kind
        self.what = what or kind.title
        self.where = where
        self.why = why
        self.next_step = next_step or kind.next_step
        super().__init__(self.message)

    @property
    def code(self) -> str:
        return self.kind.code

    @property
    def message(self) -> str:
        sentence = self.what.rstrip(".")
        if self.where and self.where not in sentence:
            sentence += f" ({self.where})"
        if self.why:
            sentence += f": {self.why.rstrip('.')}"
        return sentence + "."

    def fault(self) -> Fault:
        return Fault(
            code=self.code, message=self.message, next_step=self.next_step, retryable=self.kind.effect == "retry"
        )

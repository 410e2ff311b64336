"""What validation is for the rest of the agent: what it is asked, what it answers, what it knows from before. Values and shapes only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from cherry.domain.events import BaselineTaken, FileChange, Problem

Tell = Callable[[str], None]
"""Says to watchers what is being done now."""


class Baseline(NamedTuple):
    """What a check found before the turn's first change; of several looks all together."""

    covers: frozenset[str] = frozenset()
    known: tuple[str, ...] = ()
    """Digests of problems."""
    extent: Literal["whole", "partial", "none"] = "whole"

    def with_(self, taken: BaselineTaken) -> "Baseline":
        order = ("whole", "partial", "none")
        return Baseline(
            covers=self.covers | frozenset(taken.covers),
            known=self.known + taken.known,
            extent=max(self.extent, taken.extent, key=order.index),
        )


Known = Mapping[str, Baseline]
"""By the name of the check."""


class Ahead(NamedTuple):
    """What is about to change."""

    paths: tuple[str, ...]
    likely: tuple[str, ...] = ()
    """Besides, what may well be changed later in the turn: files the model has read."""
    turn: int = 0
    """What was looked at in an earlier turn may be different now."""


class Validation(NamedTuple):
    problems: tuple[Problem, ...] = ()
    """Only those that were not there before the turn's first change."""
    checked: tuple[str, ...] = ()
    """Names of the checks that ran."""
    excerpts: tuple[str, ...] = ()
    """For each problem the lines around it, numbered; empty where there is nothing to show."""
    notes: tuple[str, ...] = ()
    """What could not be checked and why: sentences for a person."""


class Validator(Protocol):
    """`changes` are the net changes of the turn: one a path, from before its first change to now."""

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> Sequence[BaselineTaken]:
        """Look at how things are before these paths change; only what is not known yet. Nothing has been written when it is called."""
        ...

    async def check(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Validation:
        """What is quick enough after each step."""
        ...

    async def check_turn(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Validation:
        """What is done once the model says that it is done: tests."""
        ...


class Policy(NamedTuple):
    max_repairs: int = 3
    """Times in a row the model is told what is wrong."""
    on_failure: Literal["keep", "roll_back"] = "keep"


class Found(NamedTuple):
    """What one check found: new problems only."""

    problems: tuple[Problem, ...] = ()
    checked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Check(Protocol):
    """One way of looking at changed files."""

    async def before(self, ahead: Ahead, known: Known, tell: Tell) -> Sequence[BaselineTaken]: ...

    async def after(self, changes: Sequence[FileChange], known: Known, tell: Tell) -> Found: ...


class Contents(Protocol):
    """File versions by content hash (`cherry.storage.ports.Blobs` fits)."""

    async def get(self, name: str) -> bytes:
        """Raises CherryError(storage.UNKNOWN_BLOB)."""
        ...

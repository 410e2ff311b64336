"""What a program's output says, in one form whatever the program. Values and bounds only."""

from typing import NamedTuple

from cherry.domain.events import Problem

MAX_PROBLEMS = 5_000
"""More are counted, not kept: nobody mends five thousand and one."""
MAX_MESSAGE = 2_000
"""Characters of one problem's message."""
MAX_RAW = 6_000
"""Characters of an output nobody could read that are passed on."""

TEST_SOURCES = frozenset({"pytest", "unittest", "jest", "vitest", "cargo test", "go test"})
"""Sources whose problems are failing tests: their `code` names the test, wherever and however it fails."""


class Found(NamedTuple):
    """What one parser read out of an output."""

    problems: tuple[Problem, ...] = ()
    passed: int | None = None
    """Tests that passed; None when the output does not say."""
    failed: int | None = None
    """Tests that failed or could not run."""
    complete: bool = True
    """False when there were more problems than are kept."""

    @property
    def nothing(self) -> bool:
        return not self.problems and self.passed is None and self.failed is None


class Report(NamedTuple):
    problems: tuple[Problem, ...]
    recognised: tuple[str, ...]
    """Names of the programs whose output was read: `ruff`, `pytest`; empty for an output of unknown form."""
    passed: int | None = None
    failed: int | None = None
    raw: str = ""
    """The output itself, cut, where reading it gave no reason for the exit code."""
    warning: str = ""
    """A sentence for whoever gets `raw`; empty when there is none."""
    complete: bool = True
    """False when something was left out: problems beyond the bound, or the middle of a huge output."""

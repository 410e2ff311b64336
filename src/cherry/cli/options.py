"""Options that several commands share, and what is made of them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from cherry.config import quantities
from cherry.config.loader import Flag
from cherry.domain.errors import CherryError, config

F = TypeVar("F", bound=Callable[..., Any])


class Quantity(click.ParamType[Any]):
    """A number as people write it, read by one of `cherry.config.quantities`."""

    def __init__(self, name: str, read: Callable[[object], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{value!r} is not {error}.", param, ctx)


class TurnOptions(NamedTuple):
    """Everything `run`, `chat` and the bare command take besides the request."""

    model: str
    continue_: bool
    resume: str
    cwd: Path
    yes: bool
    max_cost: Decimal | None
    max_steps: int | None
    max_time: float | None
    max_tokens: int | None
    attach: tuple[Path, ...]
    record: Path | None
    replay: Path | None
    debug: bool

    def flags(self) -> list[Flag]:
        given = [
            Flag(("limits", "max_cost_usd"), self.max_cost, "--max-cost"),
            Flag(("limits", "max_steps"), self.max_steps, "--max-steps"),
            Flag(("limits", "max_seconds"), self.max_time, "--max-time"),
            Flag(("limits", "max_tokens"), self.max_tokens, "--max-tokens"),
            Flag(("model", "default"), self.model or None, "--model"),
            Flag(("log", "debug"), self.debug or None, "--debug"),
        ]
        return [flag for flag in given if flag.value is not None]

    @property
    def workspace(self) -> Path:
        return workspace_at(self.cwd)


def workspace_at(folder: Path) -> Path:
    """The folder, absolute and with links resolved. Raises CherryError(config.BAD_USAGE) when it is none."""
    try:
        resolved = folder.expanduser().resolve()
    except (OSError, RuntimeError):  # the folder we are in was removed; somebody without a home
        resolved = None
    if resolved is None or not resolved.is_dir():
        raise CherryError(
            config.BAD_USAGE, "The workspace is not a folder", where=str(folder), next_step="Name an existing folder."
        )
    return resolved


_PATH: click.ParamType[Path] = click.Path(path_type=Path)
_TURN_OPTIONS = [
    click.option("-c", "--continue", "continue_", is_flag=True, help="Go on with the last session of this workspace."),
    click.option("-r", "--resume", metavar="ID", default="", help="Go on with this session."),
    click.option("-m", "--model", metavar="PROVIDER/MODEL", default="", help="Which model answers."),
    click.option(
        "-y",
        "--yes",
        is_flag=True,
        help="Allow what would be asked; rules that deny still hold, acting outside may need a person.",
    ),
    click.option("--max-cost", type=Quantity("usd", quantities.money), help="US dollars this turn may cost."),
    click.option("--max-steps", type=click.IntRange(1), metavar="N", help="Model calls this turn may make."),
    click.option("--max-time", type=Quantity("time", quantities.seconds), help="How long it may take: 90, 90s, 5m."),
    click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Tokens it may send and receive."),
    click.option("--attach", multiple=True, type=_PATH, metavar="FILE", help="Add an image or text file; repeatable."),
    click.option("-C", "--cwd", type=_PATH, default=".", metavar="FOLDER", help="Work in this folder."),
    click.option("--record", type=_PATH, metavar="FILE", help="Write all model traffic to a file."),
    click.option("--replay", type=_PATH, metavar="FILE", help="Answer from a recording, without a network."),
    click.option("--debug", is_flag=True, help="Show tracebacks."),
]

cwd_option = click.option("-C", "--cwd", type=_PATH, default=".", metavar="FOLDER", help="Work in this folder.")


def turn_options(function: F) -> F:
    """Add the options of a turn; the function gets them as keywords for `TurnOptions`."""
    for option in reversed(_TURN_OPTIONS):
        function = option(function)
    return function


def examples(text: str) -> str:
    """Examples for a command's epilog; click keeps the lines as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in text.strip().splitlines())

"""How a command says that it failed: what, where and why · what to do next · the code."""

from collections.abc import Sequence

import click

from cherry.cli.render.output import Output
from cherry.cli.render.style import Style
from cherry.cli.render.summary import fault_lines
from cherry.domain.calls import Fault
from cherry.domain.errors import CherryError, config
from cherry.domain.errors import run as run_errors


def print_fault(fault: Fault, output: Output, style: Style) -> None:
    output.write("\n".join(fault_lines(fault, style)) + "\n")


def usage_fault(error: click.UsageError, arguments: Sequence[str] = ()) -> Fault:
    """A wrong command line, with the way to the right page of help; for what looks like a sentence, the way to send it."""
    path = error.ctx.command_path if error.ctx else "cherry"
    hint = f"See `{path} --help` for examples."
    if len(arguments) >= 3 and not any(word.startswith("-") for word in arguments):
        hint += f' A request goes in quotes: cherry run "{" ".join(arguments)}".'
    return Fault(code=config.BAD_USAGE.code, message=error.format_message(), next_step=hint)


def click_fault(error: click.ClickException) -> Fault:
    return CherryError(config.BAD_USAGE, error.format_message()).fault()


def fault_of(error: Exception) -> Fault:
    return error.fault() if isinstance(error, CherryError) else internal_fault(error)


def internal_fault(error: BaseException) -> Fault:
    place = ""
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    if traceback:
        place = f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
    return CherryError(run_errors.INTERNAL, where=place, why=f"{type(error).__name__}: {error}"[:500]).fault()

"""The command line as a whole: parse, call a command, say what went wrong, return the exit code. Bootstrap calls `run_cli`."""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from cherry import __version__
from cherry.cli.failures import click_fault, internal_fault, print_fault, usage_fault
from cherry.cli.lazy import RequestGroup
from cherry.cli.options import examples
from cherry.cli.render.output import ReaderGone
from cherry.cli.screen import open_screen
from cherry.cli.wiring import Wiring
from cherry.domain.calls import Fault
from cherry.domain.errors import CherryError
from cherry.domain.exits import Exit

_COMMANDS = {
    "run": "cherry.cli.commands.run:run",
    "chat": "cherry.cli.commands.chat:chat",
    "init": "cherry.cli.commands.init:init",
    "sessions": "cherry.cli.commands.sessions:sessions",
    "data": "cherry.cli.commands.data:data",
    "undo": "cherry.cli.commands.undo:undo",
    "redo": "cherry.cli.commands.undo:redo",
    "models": "cherry.cli.commands.models:models",
    "test-model": "cherry.cli.commands.models:test_model",
    "tools": "cherry.cli.commands.tools:tools",
    "config": "cherry.cli.commands.config:config",
    "remember": "cherry.cli.commands.remember:remember",
    "secrets": "cherry.cli.commands.secrets:secrets",
    "trust": "cherry.cli.commands.trust:trust",
    "doctor": "cherry.cli.commands.doctor:doctor",
    "demo": "cherry.cli.commands.demo:demo",
    "completion": "cherry.cli.commands.completion:completion",
}

_EXAMPLES = examples(
    """
cherry                               talk in this folder
cherry "make the failing test pass"  one request, then exit
cherry -c "and now the docs"         go on with the last session
cherry demo                          see it work, without a key
"""
)


@click.group(
    "cherry",
    cls=RequestGroup,
    commands_at=_COMMANDS,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="cherry %(version)s")
def cli() -> None:
    """Cherry, an AI software engineer for your terminal.

    Without a command, cherry "REQUEST" does one request in this folder, and cherry alone opens a conversation.
    """


def run_cli(arguments: Sequence[str], wiring: Wiring) -> int:
    """Run one command line (without the program's name). Never raises for what a user or the world can cause."""
    try:
        return _run(arguments, wiring)
    finally:
        _drop_what_cannot_be_written()


def _run(arguments: Sequence[str], wiring: Wiring) -> int:
    debug = "--debug" in arguments or wiring.environ.get("CHERRY_DEBUG", "") not in ("", "0", "false")
    try:
        result = cli.main(list(arguments), prog_name="cherry", standalone_mode=False, obj=wiring)
        return int(result or 0)
    except click.UsageError as error:
        return _failed(wiring, usage_fault(error, arguments), Exit.USAGE)
    except click.Abort:
        return _failed_quietly()
    except click.ClickException as error:
        return _failed(wiring, click_fault(error), error.exit_code)
    except CherryError as error:
        if debug:
            traceback.print_exc()
        return _failed(wiring, error.fault(), error.kind.exit_code)
    except KeyboardInterrupt:
        return _failed_quietly()
    except (ReaderGone, BrokenPipeError):
        return 141
    except Exception as error:  # the last net: a fault of ours is told in words, the traceback on request
        if debug:
            traceback.print_exc()
        return _failed(wiring, internal_fault(error), Exit.FAILED)


def _failed(wiring: Wiring, fault: Fault, code: int) -> int:
    screen = open_screen(wiring.environ)
    print_fault(fault, screen.err, screen.err_style)
    return int(code)


def _failed_quietly() -> int:
    sys.stderr.write("\n")
    return int(Exit.INTERRUPTED)


def _drop_what_cannot_be_written() -> None:
    """Keep Python's own flush at exit from complaining again: of a reader that went away, of a full disk."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):  # there is nothing behind it at all
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

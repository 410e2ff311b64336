"""`cherry run`, and the bare `cherry "request"`: one turn from the command line."""

import asyncio
import sys
from typing import Any

import click

from cherry.cli.attachments import attachment
from cherry.cli.failures import fault_of
from cherry.cli.json_lines import JsonLines
from cherry.cli.lazy import load_attribute
from cherry.cli.one_turn import OneTurn
from cherry.cli.options import TurnOptions, examples, turn_options
from cherry.cli.screen import open_screen
from cherry.cli.wiring import Wiring
from cherry.domain.content import FilePart, TextPart, UserPart
from cherry.domain.errors import CherryError
from cherry.domain.errors import run as run_errors
from cherry.domain.exits import Exit

MAX_STDIN_BYTES = 10 << 20

_EXAMPLES = examples(
    """
cherry "add a --verbose flag and a test for it"
cherry run --max-cost 0.50 --max-time 10m "make the tests pass"
git diff | cherry run "review this change" -
cherry -c "now the documentation"
cherry run --json --yes "update the changelog" | jq -c 'select(.type == "end")'
"""
)


@click.command("run", epilog=_EXAMPLES)
@click.argument("request", nargs=-1)
@turn_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Only the answer, no progress.")
@click.pass_context
def run(ctx: click.Context, /, request: tuple[str, ...], as_json: bool, quiet: bool, **given: Any) -> int:
    """Do one request in this workspace and exit.

    REQUEST is what should be done, in your own words; `-` is standard input. Without REQUEST, --continue and --resume take up a turn that
    stands still. In a pipe only the answer goes to standard output. Exit codes: 0 done, 1 failed, 2 wrong use, 3 a limit was reached,
    4 somebody must decide, 5 no provider answered, 130 interrupted.
    """
    wiring: Wiring = ctx.obj
    if not as_json:
        return _run(wiring, request, TurnOptions(**given), json=None, quiet=quiet, bare=_is_bare(ctx))
    lines = JsonLines(open_screen(wiring.environ).out)
    try:
        return _run(wiring, request, TurnOptions(**given), json=lines, quiet=quiet, bare=False)
    except Exception as error:  # told to people by `run_cli`; here only the lines get their end
        lines.error(fault_of(error))
        lines.end(error.kind.exit_code if isinstance(error, CherryError) else Exit.FAILED)
        raise


def _run(
    wiring: Wiring, words: tuple[str, ...], options: TurnOptions, *, json: JsonLines | None, quiet: bool, bare: bool
) -> int:
    workspace = options.workspace
    loaded = wiring.load_settings(workspace, options.flags())
    screen = open_screen(wiring.environ, loaded.settings.ui)
    parts = _request_parts(words, options, person=screen.person)
    if parts is None and bare and screen.person and not screen.piped:
        start_chat = load_attribute("cherry.cli.commands.chat", "start_chat")
        return int(start_chat(wiring, options, loaded=loaded))
    if parts is None and not (options.continue_ or options.resume):
        raise CherryError(run_errors.NO_REQUEST)
    turn = OneTurn(wiring, options, screen=screen, loaded=loaded, json=json, quiet=quiet)
    return asyncio.run(turn.run(workspace, parts or ()))


def _is_bare(ctx: click.Context) -> bool:
    """`cherry` without the word `run`."""
    return bool(ctx.find_root().meta.get("cherry.bare"))


def _request_parts(words: tuple[str, ...], options: TurnOptions, *, person: bool) -> tuple[UserPart, ...] | None:
    """None when nothing was asked. `-` alone is the request itself; beside other words it is a file to them."""
    attached = tuple(attachment(path) for path in options.attach)
    spoken = _as_text(" ".join(word for word in words if word != "-")).strip()
    wants_input = "-" in words or (not words and not person and not (options.continue_ or options.resume))
    piped = _standard_input() if wants_input else ""
    if spoken and piped:
        return (TextPart(text=spoken), FilePart(name="standard input", text=piped), *attached)
    text = spoken or piped.strip()
    if not text:
        return None
    return (TextPart(text=text), *attached)


def _as_text(argument: str) -> str:
    """A word of the command line may hold bytes that are no UTF-8."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _standard_input() -> str:
    data = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(data) > MAX_STDIN_BYTES:
        raise CherryError(
            run_errors.BAD_ATTACHMENT,
            "Standard input is too long for a request",
            why=f"at most {MAX_STDIN_BYTES >> 20} MiB are taken",
            next_step="Put it into a file of the workspace and name it in the request.",
        )
    return data.decode("utf-8", "replace")

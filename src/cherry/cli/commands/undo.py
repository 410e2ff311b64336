"""`cherry undo` and `cherry redo`: files back to how they were, by turn."""

from pathlib import Path

import click

from cherry.cli.common import confirmed, place_of, session_meant, with_client
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.views import whole
from cherry.client.port import Client
from cherry.domain.errors import CherryError, edits
from cherry.kernel.text import plural

_session_option = click.option(
    "-s", "--session", metavar="ID", default="", help="Of this session instead of the last one."
)
_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command(
    "undo",
    short_help="Take file changes back, by turn.",
    epilog=examples("cherry undo\ncherry undo 3 --yes\ncherry undo --redo"),
)
@click.argument("turn", type=click.IntRange(1), required=False)
@click.option("--redo", "again", is_flag=True, help="Take the last undo back.")
@_session_option
@_yes_option
@cwd_option
@click.pass_context
def undo(ctx: click.Context, /, turn: int | None, again: bool, session: str, yes: bool, cwd: Path) -> int:
    """Take back the file changes of the last turn that made some; with TURN, of that turn and all after it.

    Shows what would happen and asks. A file that somebody changed since is never overwritten: then nothing is done.
    """
    return _change_back(ctx, cwd, session=session, turn=turn, again=again, yes=yes)


@click.command("redo", epilog=examples("cherry redo"))
@_session_option
@_yes_option
@cwd_option
@click.pass_context
def redo(ctx: click.Context, /, session: str, yes: bool, cwd: Path) -> int:
    """Do again what was undone last."""
    return _change_back(ctx, cwd, session=session, turn=None, again=True, yes=yes)


def _change_back(ctx: click.Context, cwd: Path, *, session: str, turn: int | None, again: bool, yes: bool) -> int:
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        info = await session_meant(client, place.workspace, session)
        plan = await client.plan_undo(info.id, turn=turn, redo=again)
        if plan.conflicts:
            raise CherryError(edits.UNDO_CONFLICT, where="; ".join(plan.conflicts))
        place.print("\n".join(whole(plan.view, place.screen.style, place.screen.out.columns)))
        verb = "Do again" if again else "Undo"
        if not confirmed(place.screen, f"{verb} this in {plural(len(plan.files), 'file')}?", yes=yes):
            return 0
        done = await client.undo(info.id, turn=turn, redo=again)
        said = "Done again" if again else "Undone"
        place.print(place.screen.style("good", f"{said}: turn {done.turn}, {plural(len(done.files), 'file')}."))
        return 0

    return with_client(place, work)

"""`cherry trust`: letting a workspace's own configuration count, after looking at it."""

from pathlib import Path

import click

from cherry.cli.common import Place, confirmed
from cherry.cli.options import cwd_option, examples, workspace_at
from cherry.cli.screen import open_screen
from cherry.cli.wiring import TrustReport, Wiring
from cherry.config.loader import load
from cherry.kernel.text import plural, visible

MAX_LINES_EACH = 200


@click.command(
    "trust",
    short_help="Let this workspace's own configuration count.",
    epilog=examples("cherry trust\ncherry trust --revoke"),
)
@click.option("--revoke", is_flag=True, help="Take the trust back.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask. What is there was looked at by other means.")
@cwd_option
@click.pass_context
def trust(ctx: click.Context, /, revoke: bool, yes: bool, cwd: Path) -> int:
    """Show what this workspace brings along (settings, hooks, instructions) and let it take effect.

    Trust holds for exactly this content: when it changes, it does nothing until it is trusted again.
    """
    place = _place(ctx, cwd)
    desk = place.wiring.trust
    if revoke:
        desk.revoke(place.workspace)
        place.print(f"{place.workspace} is no longer trusted.")
        return 0
    report = desk.report(place.workspace)
    if not report.items:
        place.print("This workspace brings nothing along that needs trust.")
        return 0
    place.print(_shown(report, place))
    if report.trusted:
        place.print("All of this is trusted already.")
        return 0
    question = f"Let {plural(len(report.items), 'file')} of this workspace take effect?"
    if confirmed(place.screen, question, yes=yes):
        desk.trust(report)
        place.print(place.screen.style("good", "Trusted."))
    return 0


def _place(ctx: click.Context, cwd: Path) -> Place:
    """Without the project's settings: a file that cannot even be read must not keep anyone from looking at it."""
    wiring: Wiring = ctx.obj
    loaded = load(folders=wiring.folders, environ=wiring.environ)
    return Place(wiring, workspace_at(cwd), loaded, open_screen(wiring.environ, loaded.settings.ui))


def _shown(report: TrustReport, place: Place) -> str:
    style = place.screen.style
    blocks = []
    for item in report.items:
        lines = visible(item.content).splitlines()
        body = [f"  {line}" for line in lines[:MAX_LINES_EACH]]
        if len(lines) > MAX_LINES_EACH:
            body.append(
                style("warn", f"  … {plural(len(lines) - MAX_LINES_EACH, 'more line')}: open the file to see them")
            )
        blocks.append("\n".join([style("strong", visible(item.path)) + style("dim", f"  {visible(item.what)}"), *body]))
    return "\n\n".join(blocks)

"""`cherry config`: what is set, where it comes from, and changing it."""

from pathlib import Path

import click

from cherry.cli.common import Place, place_of
from cherry.cli.options import cwd_option, examples, workspace_at
from cherry.cli.render.table import table
from cherry.cli.screen import open_screen
from cherry.cli.wiring import Wiring
from cherry.config.edit import parse_key, set_value
from cherry.config.explain import Row, explain
from cherry.config.files import find
from cherry.config.loader import PROJECT_FOLDER
from cherry.config.schema import no_such_setting
from cherry.kernel.text import visible


@click.group(
    "config",
    invoke_without_command=True,
    epilog=examples("cherry config show\ncherry config set model.default openai/gpt-5"),
)
@click.pass_context
def config(ctx: click.Context, /) -> int:
    """Show and change settings. Alone: show."""
    return int(ctx.invoke(show)) if ctx.invoked_subcommand is None else 0


@config.command("show", epilog=examples("cherry config show\ncherry config show limits --long"))
@click.argument("key", default="")
@click.option("--given", is_flag=True, help="Only what somebody has set.")
@click.option("--long", is_flag=True, help="With what each setting means.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def show(ctx: click.Context, /, key: str, given: bool, long: bool, as_json: bool, cwd: Path) -> int:
    """Every setting, its value and where that comes from. KEY narrows it to a setting or a section."""
    place = place_of(ctx, cwd)
    rows = [row for row in explain(place.loaded) if _chosen(row, key) and (row.given or not given)]
    if key and not rows and not given:
        raise no_such_setting(key)
    if as_json:
        place.print_json({row.key: {"value": row.value, "source": str(row.source)} for row in rows})
        return 0
    screen = place.screen
    cells = [
        (row.key, row.value, str(row.source), row.description) if long else (row.key, row.value, str(row.source))
        for row in rows
    ]
    if cells:
        place.print(table(cells, columns=screen.out.columns, style=screen.style))
    _remarks(place)
    return 0


@config.command("path", epilog=examples('cherry config path\n$EDITOR "$(cherry config path)"'))
@click.option("--project", is_flag=True, help="Of this workspace instead of your own.")
@cwd_option
@click.pass_context
def path(ctx: click.Context, /, project: bool, cwd: Path) -> int:
    """Where the configuration file is, or would be."""
    wiring: Wiring = ctx.obj
    open_screen(wiring.environ).out.write(f"{_file(wiring, cwd, project=project)}\n")
    return 0


@config.command(
    "set",
    short_help="Change one setting in the configuration file.",
    epilog=examples(
        "cherry config set limits.max_cost_usd 2\ncherry config set --project validation.commands '[\"ruff check .\"]'"
    ),
)
@click.argument("key")
@click.argument("value")
@click.option("--project", is_flag=True, help="In this workspace's file instead of your own.")
@cwd_option
@click.pass_context
def set_(ctx: click.Context, /, key: str, value: str, project: bool, cwd: Path) -> int:
    """Change one setting in the configuration file; comments and everything else in it stay."""
    wiring: Wiring = ctx.obj
    screen = open_screen(wiring.environ)
    change = set_value(_file(wiring, cwd, project=project), parse_key(key), value)
    before = f" (was {visible(change.before)})" if change.before else ""
    screen.out.write(f"{change.key} = {visible(change.after)}{before}\n")
    screen.err.write(f"Written to {change.file}:{change.line}\n")
    if project:
        screen.err.write("The workspace's settings have changed: run `cherry trust` for them to count.\n")
    return 0


def _chosen(row: Row, key: str) -> bool:
    return not key or row.key == key or row.key.startswith(f"{key}.")


def _file(wiring: Wiring, cwd: Path, *, project: bool) -> Path:
    """Found without reading it: these commands are how a broken file is mended."""
    folder = workspace_at(cwd) / PROJECT_FOLDER if project else wiring.folders.config
    return find(folder) or folder / "config.toml"


def _remarks(place: Place) -> None:
    """What is not in the table: ignored things, and variables that have no effect yet."""
    for notice in place.loaded.notices:
        place.screen.err.write(visible(notice) + "\n")
    if place.loaded.unused:
        names = ", ".join(variable.name for variable in place.loaded.unused)
        place.screen.err.write(f"Understood but without effect yet: {names}.\n")

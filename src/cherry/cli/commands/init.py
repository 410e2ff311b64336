"""`cherry init`: prepare a project."""

import asyncio
from pathlib import Path

import click

from cherry.cli.common import place_of
from cherry.cli.options import cwd_option, examples
from cherry.domain.errors import CherryError, config
from cherry.kernel.text import visible

_SIGNS = {"made": "+", "kept": "=", "found": "·", "skipped": "–"}


@click.command("init", epilog=examples("cherry init\ncherry init shop --git"))
@click.argument("name", default="")
@click.option("--git", is_flag=True, help="Make a git repository too, unless there is one.")
@cwd_option
@click.pass_context
def init(ctx: click.Context, /, name: str, git: bool, cwd: Path) -> int:
    """Prepare this folder, or a new folder NAME, for work with Cherry.

    Looks what the project is made of, and writes `.cherry/` with settings to start from. Nothing that exists is overwritten; running it
    again does no harm.
    """
    place = place_of(ctx, cwd)
    folder = _folder(place.workspace, name)
    for step in asyncio.run(place.wiring.set_up_project(folder, name=name or folder.name, git=git)):
        place.print(f"{_SIGNS[step.state]} {visible(step.text)}")
    where = f"cd {name} && " if name else ""
    place.screen.err.write(f'Next: {where}cherry "what should be done"\n')
    return 0


def _folder(workspace: Path, name: str) -> Path:
    if not name:
        return workspace
    folder = workspace / name
    if not folder.resolve().is_relative_to(workspace) or folder.resolve() == workspace:
        raise CherryError(
            config.BAD_USAGE, f"{name!r} is not a name for a folder here", next_step="Give a plain name, such as shop."
        )
    if folder.exists() and not folder.is_dir():
        raise CherryError(config.BAD_USAGE, f"{name!r} exists and is not a folder", next_step="Choose another name.")
    return folder

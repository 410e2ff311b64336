"""`cherry remember`: notes about a project that later sessions know."""

from pathlib import Path

import click

from cherry.cli.common import place_of
from cherry.cli.options import cwd_option, examples
from cherry.kernel.text import visible


@click.command(
    "remember",
    short_help="Keep a note for later sessions in this project.",
    epilog=examples('cherry remember "run the tests with make check"\ncherry remember\ncherry remember --forget 2'),
)
@click.argument("text", nargs=-1)
@click.option("--forget", type=click.IntRange(1), metavar="NUMBER", help="Remove the note of this number.")
@cwd_option
@click.pass_context
def remember(ctx: click.Context, /, text: tuple[str, ...], forget: int | None, cwd: Path) -> int:
    """Keep a note that every later session in this project begins with; without words, list the notes.

    Notes are files in .cherry/memory: commit them to share them, edit or delete them as you like.
    """
    place = place_of(ctx, cwd)
    desk = place.wiring.memory
    if forget is not None:
        if text:
            raise click.UsageError("either words to remember or --forget, not both")
        place.print(f"Forgotten: {visible(desk.remove(place.workspace, forget).text)}")
    elif text:
        place.print(visible(desk.add(place.workspace, " ".join(text))))
    elif notes := desk.notes(place.workspace):
        for number, note in enumerate(notes, 1):
            place.print(f"{number:>3}. {visible(' '.join(note.text.split()))}")
    else:
        place.print(
            'Nothing is remembered about this project yet. Example: cherry remember "run the tests with make check"'
        )
    return 0

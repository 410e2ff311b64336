"""`cherry sessions`: what was talked about, and keeping order in it."""

from pathlib import Path
from typing import TextIO

import click

from cherry.cli.common import ago, confirmed, place_of, session_meant, with_client
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.painter import Painter
from cherry.cli.render.summary import money, tokens
from cherry.cli.render.surface import PlainSurface
from cherry.cli.render.table import table
from cherry.cli.transcript import markdown
from cherry.client.port import Client
from cherry.domain.errors import CherryError, config
from cherry.domain.events import Recorded
from cherry.domain.sessions import SessionInfo
from cherry.kernel.text import one_line, plural, visible


@click.group(
    "sessions",
    invoke_without_command=True,
    epilog=examples("cherry sessions list\ncherry sessions search 'database lock'"),
)
@click.pass_context
def sessions(ctx: click.Context, /) -> int:
    """List, show, rename, fork, export, delete and search sessions. Alone: list.

    ID is a session's id or the beginning of it; where it may be left out, this workspace's last session is meant.
    """
    return int(ctx.invoke(list_)) if ctx.invoked_subcommand is None else 0


@sessions.command("list", epilog=examples("cherry sessions list\ncherry sessions list --all --json"))
@click.option("--all", "everywhere", is_flag=True, help="Of every workspace, not only this one.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def list_(ctx: click.Context, /, everywhere: bool, limit: int, as_json: bool, cwd: Path) -> int:
    """Sessions, newest first."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        found = await client.sessions(workspace=None if everywhere else place.workspace, limit=limit)
        if as_json:
            place.print_json([info.model_dump(mode="json") for info in found])
            return 0
        if not found:
            place.print('No sessions here yet. Start one: cherry "what should be done".')
            return 0
        now = place.wiring.clock.now()
        rows = [_row(info, now, everywhere=everywhere) for info in found]
        place.print(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        return 0

    return with_client(place, work)


@sessions.command("show", epilog=examples("cherry sessions show\ncherry sessions show s_01jd --turn 3"))
@click.argument("session", metavar="[ID]", default="")
@click.option("--turn", type=click.IntRange(1), help="Only this turn.")
@cwd_option
@click.pass_context
def show(ctx: click.Context, /, session: str, turn: int | None, cwd: Path) -> int:
    """Draw a session as it went."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        info = await session_meant(client, place.workspace, session)
        screen = place.screen
        place.print(screen.style("strong", visible(info.title or info.id)))
        place.print(screen.style("dim", _facts(info, place.wiring.clock.now())))
        surface = PlainSurface(screen.out, screen.style, place.wiring.clock)
        painter = Painter(surface, place.wiring.clock, echo_requests=True)
        async for recorded in client.events(info.id):
            if turn is None or recorded.turn == turn:
                painter.draw(recorded)
        return 0

    return with_client(place, work)


@sessions.command("rename", epilog=examples("cherry sessions rename s_01jd 'faster tests'"))
@click.argument("session", metavar="ID")
@click.argument("title")
@cwd_option
@click.pass_context
def rename(ctx: click.Context, /, session: str, title: str, cwd: Path) -> int:
    """Give a session another title."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        info = await client.session(session)
        await client.rename(info.id, title)
        place.print(f"{info.id} is now called {visible(title)!r}.")
        return 0

    return with_client(place, work)


@sessions.command("fork", epilog=examples("cherry sessions fork s_01jd --turn 2"))
@click.argument("session", metavar="[ID]", default="")
@click.option("--turn", type=click.IntRange(1), help="Copy only up to and including this turn.")
@cwd_option
@click.pass_context
def fork(ctx: click.Context, /, session: str, turn: int | None, cwd: Path) -> int:
    """Copy a session, to go on from there another way. Files are left as they are."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        info = await session_meant(client, place.workspace, session)
        copy = await client.fork(info.id, upto_turn=turn)
        place.print(f"{copy.id} is a copy of {info.id}. Go on in it: cherry -r {copy.id}")
        return 0

    return with_client(place, work)


@sessions.command(
    "export", epilog=examples("cherry sessions export > session.jsonl\ncherry sessions export s_01jd --format markdown")
)
@click.argument("session", metavar="[ID]", default="")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="One event per line, or to read.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Into this new file.")
@cwd_option
@click.pass_context
def export(ctx: click.Context, /, session: str, form: str, output: Path | None, cwd: Path) -> int:
    """Write a whole session, every event of it. Of a damaged one: what can be read."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        info = await session_meant(client, place.workspace, session)
        if output is None:
            async for recorded in client.events(info.id):
                place.screen.out.write(_exported(recorded, form))
            return 0
        with _new_file(output) as file:
            async for recorded in client.events(info.id):
                file.write(_exported(recorded, form))
        place.print(f"{info.id} is in {output}.")
        return 0

    return with_client(place, work)


@sessions.command("delete", epilog=examples("cherry sessions delete s_01jd"))
@click.argument("names", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@cwd_option
@click.pass_context
def delete(ctx: click.Context, /, names: tuple[str, ...], yes: bool, cwd: Path) -> int:
    """Delete sessions for good. Files they changed stay as they are, but can no longer be undone."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        found = [await client.session(name) for name in names]
        for info in found:
            question = f"Delete {info.id} ({one_line(info.title, 60) or plural(info.turns, 'turn')})?"
            if confirmed(place.screen, question, yes=yes):
                await client.delete(info.id)
                place.print(f"Deleted {info.id}.")
        return 0

    return with_client(place, work)


@sessions.command("search", epilog=examples("cherry sessions search 'database lock' --all"))
@click.argument("text")
@click.option("--all", "everywhere", is_flag=True, help="In every workspace, not only this one.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def search(ctx: click.Context, /, text: str, everywhere: bool, limit: int, as_json: bool, cwd: Path) -> int:
    """Find words in sessions."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        found = await client.search(text, workspace=None if everywhere else place.workspace, limit=limit)
        if as_json:
            place.print_json(
                [
                    {"session": match.session.id, "turn": match.turn, "seq": match.seq, "excerpt": match.excerpt}
                    for match in found
                ]
            )
        elif found:
            rows = [(match.session.id, f"turn {match.turn}", match.excerpt) for match in found]
            place.print(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        else:
            place.print("Nothing found.")
        return 0

    return with_client(place, work)


def _row(info: SessionInfo, now: float, *, everywhere: bool) -> tuple[str, ...]:
    state = "damaged" if info.damaged else "open" if info.open_turn else ""
    row = (info.id, ago(info.updated_at, now), plural(info.turns, "turn"), money(info.cost), state)
    return (*row, info.workspace, info.title) if everywhere else (*row, info.title)


def _facts(info: SessionInfo, now: float) -> str:
    facts = [
        info.id,
        visible(info.model),
        visible(info.workspace),
        ago(info.updated_at, now),
        plural(info.turns, "turn"),
        tokens(info.usage),
        money(info.cost),
    ]
    if info.open_turn:
        facts.append(f"turn {info.open_turn} stands still: cherry -r {info.id}")
    return " · ".join(facts)


def _exported(recorded: Recorded, form: str) -> str:
    return markdown(recorded) if form == "markdown" else recorded.model_dump_json() + "\n"


def _new_file(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8")
    except OSError as error:
        raise CherryError(
            config.BAD_USAGE,
            "The file cannot be written",
            where=str(path),
            why=error.strerror or str(error),
            next_step="Name a file that does not exist yet, in a folder you may write to.",
        ) from error

"""`cherry sessions`: what was talked about, and keeping order in it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

import click

from cherry.cli.common import ago, confirmed, place_of, session_meant, with_client
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.painter import Painter
from cherry.cli.render.summary import money, tokens
from cherry.cli.render.surface import PlainSurface
from cherry.cli.render.table import table
from cherry.cli.transcript import markdown
from cherry.client.port import Client, Imported
from cherry.domain.errors import CherryError, config
from cherry.domain.sessions import SessionInfo
from cherry.kernel.text import one_line, plural, visible
from cherry.observability.presence import RUNNING, telling

_EVERY = 1_000_000_000


@click.group(
    "sessions",
    invoke_without_command=True,
    epilog=examples("cherry sessions list\ncherry sessions search 'database lock'"),
)
@click.pass_context
def sessions(ctx: click.Context, /) -> int:
    """List, show, rename, fork, export, import, delete and search sessions. Alone: list.

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
        doing = telling(place.wiring.folders.state / RUNNING)
        for info in found:
            if info.id in doing:
                place.print(f"{info.id}: {visible(doing[info.id])}")
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
        doing = telling(place.wiring.folders.state / RUNNING).get(info.id, "")
        place.print(screen.style("dim", _facts(info, place.wiring.clock.now(), doing=doing)))
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
    "export",
    short_help="Write a whole session, every event of it.",
    epilog=examples(
        "cherry sessions export > session.jsonl\ncherry sessions export s_01jd --format markdown\n"
        "cherry sessions export --all --contents -o sessions.jsonl"
    ),
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
@click.option("--contents", is_flag=True, help="With the kept outputs and the files that undo needs; JSON only.")
@click.option("--all", "everything", is_flag=True, help="Every session of every workspace.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Into this new file.")
@cwd_option
@click.pass_context
def export(
    ctx: click.Context, /, session: str, form: str, contents: bool, everything: bool, output: Path | None, cwd: Path
) -> int:
    """Write a whole session, every event of it, for `cherry sessions import` or another program. Of a damaged one: what can be read.

    Keys that are recognised are taken out. Without --contents, an imported session cannot undo what it changed.
    """
    if contents and form != "json":
        raise click.UsageError("--contents needs --format json.")
    if session and everything:
        raise click.UsageError("Name a session, or give --all.")
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        found = (
            await client.sessions(limit=_EVERY)
            if everything
            else [await session_meant(client, place.workspace, session)]
        )
        if output is None:
            for info in found:
                await _export(client, info.id, form, contents=contents, write=place.screen.out.write)
            return 0
        with _new_file(output) as file:
            for info in found:
                await _export(client, info.id, form, contents=contents, write=file.write)
        place.print(f"{plural(len(found), 'session') if everything else info.id} is in {output}.")
        return 0

    return with_client(place, work)


@sessions.command(
    "import",
    short_help="Take in sessions that were exported.",
    epilog=examples(
        "cherry sessions import session.jsonl\ncherry sessions import session.jsonl --here\n"
        "ssh other cherry sessions export --all --contents | cherry sessions import -"
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--here", is_flag=True, help="As sessions of this workspace, not of the folder they were made in.")
@cwd_option
@click.pass_context
def import_(ctx: click.Context, /, file: Path, here: bool, cwd: Path) -> int:
    """Take in sessions as `cherry sessions export` writes them, from FILE or standard input (-).

    Every line is checked first. A session that is here already is left alone; one whose id belongs to another session gets a new id.
    Nothing in it is run: what was still to be done in it counts as cancelled. Import what you would also read and trust.
    """
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        with _readable(file) as path:
            done = await client.import_sessions(path, workspace=place.workspace if here else None)
        for imported in done:
            place.print(_imported_line(imported))
        if not done:
            place.print("There is no session in it.")
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


def _facts(info: SessionInfo, now: float, *, doing: str) -> str:
    facts = [
        info.id,
        visible(info.model),
        visible(info.workspace),
        ago(info.updated_at, now),
        plural(info.turns, "turn"),
        tokens(info.usage),
        money(info.cost),
    ]
    if doing:
        facts.append(visible(doing))
    elif info.open_turn:
        facts.append(f"turn {info.open_turn} stands still: cherry -r {info.id}")
    return " · ".join(facts)


async def _export(client: Client, session: str, form: str, *, contents: bool, write: Callable[[str], object]) -> None:
    if form == "markdown":
        async for recorded in client.events(session):
            write(markdown(recorded))
    else:
        async for line in client.export(session, contents=contents):
            write(line + "\n")


@contextmanager
def _readable(file: Path) -> Iterator[Path]:
    """The file, or what comes in on standard input as one: it is read twice."""
    if str(file) != "-":
        yield file
        return
    with NamedTemporaryFile(prefix="cherry-import-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


def _imported_line(imported: Imported) -> str:
    said = {
        "new": "taken in",
        "renamed": "taken in under a new id, there was another session of the old one",
        "here": "is here already, nothing was done",
    }
    facts = [plural(imported.events, "event"), plural(imported.contents, "content")]
    if imported.missing:
        facts.append(f"{plural(imported.missing, 'content')} missing: some changes cannot be undone")
    return f"{imported.session} {said[imported.state]} ({', '.join(facts)}): {one_line(visible(imported.title), 60)}"


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

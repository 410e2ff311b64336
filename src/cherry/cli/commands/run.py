"""`cherry run`, and the bare `cherry "request"`: one turn from the command line."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from cherry.cli.asker import TerminalAsker
from cherry.cli.attachments import attachment
from cherry.cli.failures import fault_of
from cherry.cli.json_lines import JsonLines
from cherry.cli.lazy import load_attribute
from cherry.cli.line_reader import LineReader
from cherry.cli.options import TurnOptions, examples, turn_options
from cherry.cli.render.output import Output, ReaderGone
from cherry.cli.render.painter import Painter
from cherry.cli.render.style import PLAIN
from cherry.cli.render.surface import PlainSurface, Surface, ticking
from cherry.cli.screen import Screen, for_pipe, open_screen, silent
from cherry.cli.signals import Stops
from cherry.cli.turn import Asker, Sink, TurnEnd, TurnWatch, exit_code_of
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.client.port import Client, Request
from cherry.config.loader import Loaded
from cherry.domain.content import FilePart, TextPart, UserPart
from cherry.domain.errors import CherryError
from cherry.domain.errors import run as run_errors
from cherry.domain.exits import Exit
from cherry.domain.sessions import SessionInfo
from cherry.kernel.text import visible

MAX_STDIN_BYTES = 10 << 20
READER_GONE_EXIT = 141
"""As if SIGPIPE had ended it."""

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
    options = TurnOptions(**given)
    workspace = options.workspace
    loaded = wiring.load_settings(workspace, options.flags())
    screen = open_screen(wiring.environ, loaded.settings.ui)
    bare = bool(ctx.find_root().meta.get("cherry.bare"))
    one = OneTurn(wiring, options, screen=screen, loaded=loaded, as_json=as_json, quiet=quiet)
    parts = _request_parts(request, options, person=screen.person)
    if parts is None and bare and screen.person and not screen.piped and not as_json:
        start_chat = load_attribute("cherry.cli.commands.chat", "start_chat")
        return int(start_chat(wiring, options, loaded=loaded))
    if parts is None and not (options.continue_ or options.resume):
        raise CherryError(run_errors.NO_REQUEST)
    return asyncio.run(one.run(workspace, parts or ()))


class OneTurn:
    """Opens a client and a session, runs the turn and shows it. Returns the exit code."""

    def __init__(
        self, wiring: Wiring, options: TurnOptions, *, screen: Screen, loaded: Loaded, as_json: bool, quiet: bool
    ) -> None:
        self._wiring = wiring
        self._options = options
        self._screen = screen
        self._loaded = loaded
        self._json = JsonLines(screen.out) if as_json else None
        progress = silent() if quiet or as_json else screen.progress
        self._surface: Surface = (
            PlainSurface(progress, PLAIN, wiring.clock) if quiet or as_json else screen.surface(wiring.clock)
        )
        self._progress = progress
        self._person = screen.person and not options.yes and not as_json

    async def run(self, workspace: Path, parts: tuple[UserPart, ...]) -> int:
        stops = Stops()
        try:
            code = await self._run(workspace, parts, stops)
        except ReaderGone:
            return READER_GONE_EXIT
        except Exception as error:  # told by `run_cli`; here the JSON lines only get their end
            if self._json:
                self._json.error(fault_of(error))
                self._json.end(error.kind.exit_code if isinstance(error, CherryError) else Exit.FAILED)
            raise
        return stops.exit_code if stops.signal else code

    async def _run(self, workspace: Path, parts: tuple[UserPart, ...], stops: Stops) -> int:
        for notice in self._loaded.notices:
            self._say(notice)
        options = ClientOptions(
            flags=self._options.flags(), loaded=self._loaded, record=self._options.record, replay=self._options.replay
        )
        async with self._wiring.open_client(workspace, options) as client:
            session, resumed = await open_session(client, workspace, self._options)
            if not parts and not session.open_turn:
                raise CherryError(
                    run_errors.NO_REQUEST,
                    "The last turn of this session is finished; there is nothing to take up again",
                    next_step='Say what to do next: cherry -c "…".',
                )
            self._head(session, resumed=resumed)
            end = await self._watch(client, session, parts, stops)
        self._tail(session, end)
        return exit_code_of(end) if not stops.signal else stops.exit_code

    async def _watch(self, client: Client, session: SessionInfo, parts: tuple[UserPart, ...], stops: Stops) -> TurnEnd:
        request = Request(
            parts=parts,
            limits=self._loaded.settings.limits.for_turn(),
            approver="yes" if self._options.yes else "person" if self._person else "nobody",
        )
        watch = TurnWatch(client, session.id, sink=self._sink(), asker=self._asker())

        def stop() -> None:
            self._say("Stopping; what is done is kept. Press Ctrl+C again to leave at once.")
            watch.interrupt()

        with stops.listening(stop=stop, leave=watch.leave):
            async with ticking(self._surface, self._wiring.clock):
                return await watch.run(request)

    def _sink(self) -> Sink:
        return self._json or Painter(self._surface, self._wiring.clock, stream_text=not self._screen.piped)

    def _asker(self) -> Asker | None:
        if not self._person:
            return None
        output: Output = self._screen.progress if self._screen.progress.abilities.terminal else self._screen.err
        return TerminalAsker(output, self._screen.progress_style, LineReader(sys.stdin.fileno()))

    def _head(self, session: SessionInfo, *, resumed: bool) -> None:
        if self._json:
            self._json.start(session, resumed=resumed)
        else:
            again = " · going on" if resumed else ""
            self._say(f"{visible(session.model)} · {session.id}{again}")

    def _tail(self, session: SessionInfo, end: TurnEnd) -> None:
        if self._json:
            self._json.end(exit_code_of(end), end)
        elif self._screen.piped and end.answer:
            self._screen.out.write(for_pipe(end.answer.strip()) + "\n")

    def _say(self, text: str) -> None:
        if self._json:
            self._json.notice(text)
        else:
            self._surface.lines(self._surface.style("dim", visible(text)))


async def open_session(client: Client, workspace: Path, options: TurnOptions) -> tuple[SessionInfo, bool]:
    """The session the options mean, and whether it is an earlier one."""
    if options.resume:
        session = await client.session(options.resume)
    elif options.continue_:
        latest = await client.latest_session(workspace)
        if latest is None:
            raise CherryError(run_errors.NOTHING_TO_CONTINUE, where=str(workspace))
        session = latest
    else:
        return await client.create_session(workspace, model=options.model), False
    if options.model:
        await client.choose_model(session.id, options.model)
        session = await client.session(session.id)
    return session, True


def _request_parts(words: tuple[str, ...], options: TurnOptions, *, person: bool) -> tuple[UserPart, ...] | None:
    """None when nothing was asked. `-` alone is the request itself; beside other words it is a file to them."""
    attached = tuple(attachment(path) for path in options.attach)
    spoken = " ".join(word for word in words if word != "-").strip()
    wants_input = "-" in words or (not words and not person and not (options.continue_ or options.resume))
    piped = _standard_input() if wants_input else ""
    if spoken and piped:
        return (TextPart(text=spoken), FilePart(name="standard input", text=piped), *attached)
    text = spoken or piped.strip()
    if not text:
        return None
    return (TextPart(text=text), *attached)


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

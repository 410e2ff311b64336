"""One turn from the command line, from opening the client to the exit code."""

import sys
from contextlib import suppress
from pathlib import Path

from cherry.cli.asker import TerminalAsker
from cherry.cli.json_lines import JsonLines
from cherry.cli.line_reader import LineReader
from cherry.cli.options import TurnOptions
from cherry.cli.render.output import ReaderGone
from cherry.cli.render.painter import Painter
from cherry.cli.render.style import PLAIN
from cherry.cli.render.surface import PlainSurface, Surface, ticking
from cherry.cli.screen import Screen, for_pipe, silent
from cherry.cli.signals import Stops
from cherry.cli.turn import Asker, Sink, TurnEnd, TurnWatch, exit_code_of
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.client.port import Client, Request
from cherry.config.loader import Loaded
from cherry.domain.content import UserPart
from cherry.domain.errors import CherryError
from cherry.domain.errors import run as run_errors
from cherry.domain.sessions import SessionInfo
from cherry.kernel.clock import Clock
from cherry.kernel.text import visible

READER_GONE_EXIT = 141
"""As if SIGPIPE had ended it."""


class OneTurn:
    """Opens a client and a session, runs the turn and shows it. Returns the exit code."""

    def __init__(
        self,
        wiring: Wiring,
        options: TurnOptions,
        *,
        screen: Screen,
        loaded: Loaded,
        json: JsonLines | None,
        quiet: bool,
    ) -> None:
        self._wiring = wiring
        self._options = options
        self._screen = screen
        self._loaded = loaded
        self._json = json
        hidden = quiet or json is not None
        progress = silent() if hidden else screen.progress
        self._surface: Surface = PlainSurface(progress, PLAIN, wiring.clock) if hidden else screen.surface(wiring.clock)
        self._person = screen.person and not options.yes and json is None

    async def run(self, workspace: Path, parts: tuple[UserPart, ...]) -> int:
        stops = Stops()
        try:
            code = await self._run(workspace, parts, stops)
        except ReaderGone:
            code = READER_GONE_EXIT
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
        code = stops.exit_code if stops.signal else exit_code_of(end)
        self._tail(end, code)
        return code

    async def _watch(self, client: Client, session: SessionInfo, parts: tuple[UserPart, ...], stops: Stops) -> TurnEnd:
        request = Request(
            parts=parts,
            limits=self._loaded.settings.limits.for_turn(),
            approver="yes" if self._options.yes else "person" if self._person else "nobody",
        )
        watch = TurnWatch(client, session.id, sink=self._sink(), asker=self._asker())
        return await watched(watch, request, surface=self._surface, clock=self._wiring.clock, stops=stops)

    def _sink(self) -> Sink:
        return self._json or Painter(self._surface, self._wiring.clock, stream_text=not self._screen.piped)

    def _asker(self) -> Asker | None:
        return terminal_asker(self._screen) if self._person else None

    def _head(self, session: SessionInfo, *, resumed: bool) -> None:
        if self._json:
            self._json.start(session, resumed=resumed)
        else:
            again = " · going on" if resumed else ""
            self._say(f"{visible(session.model)} · {session.id}{again}")

    def _tail(self, end: TurnEnd, code: int) -> None:
        if self._json:
            self._json.end(code, end)
        elif self._screen.piped and end.answer:
            self._screen.out.write(for_pipe(end.answer.strip()) + "\n")

    def _say(self, text: str) -> None:
        if self._json:
            self._json.notice(text)
        else:
            self._surface.lines(self._surface.style("dim", visible(text)))


async def watched(watch: TurnWatch, request: Request, *, surface: Surface, clock: Clock, stops: Stops) -> TurnEnd:
    """Run the watch with a living status line and with Ctrl+C meaning: stop, keep what is done."""

    def stop() -> None:
        watch.interrupt()
        with suppress(ReaderGone):  # a closed terminal is a reason to stop, and can show nothing
            surface.lines(surface.style("dim", "Stopping; what is done is kept. Press Ctrl+C again to leave at once."))

    with stops.listening(stop=stop, leave=watch.leave):
        async with ticking(surface, clock):
            return await watch.run(request)


def terminal_asker(screen: Screen) -> TerminalAsker:
    return TerminalAsker(screen.progress, screen.progress_style, LineReader(sys.stdin.fileno()))


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

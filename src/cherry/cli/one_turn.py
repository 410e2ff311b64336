"""One turn from the command line, from opening the client to the exit code."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from cherry.agent.permission import Approver
from cherry.cli.asker import TerminalAsker
from cherry.cli.failures import print_fault
from cherry.cli.json_lines import JsonLines
from cherry.cli.line_reader import LineReader
from cherry.cli.options import TurnOptions
from cherry.cli.render.output import ReaderGone
from cherry.cli.render.painter import Painter
from cherry.cli.render.style import PLAIN
from cherry.cli.render.surface import PlainSurface, Surface, ticking
from cherry.cli.screen import Screen, for_pipe, silent
from cherry.cli.signals import Stops
from cherry.cli.turn import Sink, TurnEnd, TurnWatch, exit_code_of
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.client.port import Client, Request, Seen
from cherry.config.loader import Loaded
from cherry.domain.content import UserPart
from cherry.domain.errors import CherryError
from cherry.domain.errors import run as run_errors
from cherry.domain.events import ApprovalRequested, QuestionAsked, Recorded
from cherry.domain.sessions import SessionInfo
from cherry.kernel.clock import Clock
from cherry.kernel.text import visible

READER_GONE_EXIT = 141
"""As if SIGPIPE had ended it."""


class Interruption:
    """What signals do to a command: before there is a turn the command ends; afterwards the first stops the turn, the second leaves."""

    def __init__(self, surface: Surface, clock: Clock) -> None:
        self.stops = Stops()
        self._surface = surface
        self._clock = clock
        self._watch: TurnWatch | None = None
        self._task: asyncio.Task[object] | None = None

    async def run(self, work: Coroutine[object, object, int]) -> int:
        """The work's exit code, or the signal's."""
        self._task = asyncio.current_task()
        with self.stops.listening(stop=self._stop, leave=self._leave):
            try:
                code = await work
            except ReaderGone:
                code = READER_GONE_EXIT
            except asyncio.CancelledError:
                if not self.stops.signal or self._task is None:
                    raise
                self._task.uncancel()
                code = self.stops.exit_code
        return self.stops.exit_code if self.stops.signal else code

    async def watched(self, watch: TurnWatch, request: Request) -> TurnEnd:
        self._watch = watch
        async with ticking(self._surface, self._clock):
            return await watch.run(request)

    def _stop(self) -> None:
        if self._watch is None or self._watch.over:
            self._leave()
            return
        self._watch.interrupt()
        with suppress(ReaderGone):  # a closed terminal is a reason to stop, and can show nothing
            dim = self._surface.style("dim", "Stopping; what is done is kept. Press Ctrl+C again to leave at once.")
            self._surface.lines(dim)

    def _leave(self) -> None:
        if self._watch and not self._watch.over:
            self._watch.leave()
        elif self._task:
            self._task.cancel()


class OneTurn:
    """Opens a client and a session, runs the turn and shows it."""

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
        self._quiet = quiet
        self._person = screen.person and screen.progress.abilities.terminal and json is None
        self._shown = screen.surface(wiring.clock)
        self._surface = PlainSurface(silent(), PLAIN, wiring.clock) if quiet or json else self._shown
        self._interruption = Interruption(self._surface, wiring.clock)

    async def run(self, workspace: Path, parts: tuple[UserPart, ...]) -> int:
        """The exit code. Raises CherryError."""
        code = await self._interruption.run(self._run(workspace, parts))
        if self._json:
            with suppress(ReaderGone):
                self._json.end(code)
        return code

    async def _run(self, workspace: Path, parts: tuple[UserPart, ...]) -> int:
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
            end = await self._watched(client, session, parts)
        stops = self._interruption.stops
        code = stops.exit_code if stops.signal else exit_code_of(end)
        self._tail(end, code)
        return code

    async def _watched(self, client: Client, session: SessionInfo, parts: tuple[UserPart, ...]) -> TurnEnd:
        request = Request(
            parts=parts,
            limits=self._loaded.settings.limits.for_turn(),
            approver=_approver(yes=self._options.yes, person=self._person),
        )
        asker = (
            TerminalAsker(self._screen.progress, self._screen.progress_style, LineReader(0)) if self._person else None
        )
        return await self._interruption.watched(TurnWatch(client, session.id, sink=self._sink(), asker=asker), request)

    def _sink(self) -> Sink:
        if self._json:
            return self._json
        painter = Painter(self._shown, self._wiring.clock, stream_text=not self._screen.piped)
        return OnlyAsks(painter) if self._quiet else painter

    def _head(self, session: SessionInfo, *, resumed: bool) -> None:
        if self._json:
            self._json.start(session, resumed=resumed)
        else:
            again = " · going on" if resumed else ""
            self._say(f"{visible(session.model)} · {session.id}{again}")

    def _tail(self, end: TurnEnd, code: int) -> None:
        if self._json:
            self._json.end(code, end)
        elif end.answer and (self._screen.piped or self._quiet):
            answer = end.answer.strip()
            self._screen.out.write((for_pipe(answer) if self._screen.piped else visible(answer)) + "\n")
        if self._person and not self._quiet and code == 128 + signal.SIGINT:
            self._say('All that was done is kept. Go on with `cherry -c`, or with other words: cherry -c "…"')
        if self._quiet and end.finished and end.finished.fault:
            print_fault(end.finished.fault, self._screen.err, self._screen.err_style)

    def _say(self, text: str) -> None:
        if self._json:
            self._json.notice(text)
        else:
            self._surface.lines(self._surface.style("dim", visible(text)))


class OnlyAsks:
    """A sink that shows nothing but what a person must decide."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def draw(self, seen: Seen) -> None:
        if isinstance(seen, Recorded) and isinstance(seen.event, ApprovalRequested | QuestionAsked):
            self._sink.draw(seen)


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


def _approver(*, yes: bool, person: bool) -> Approver:
    if yes:
        return "yes_person" if person else "yes"
    return "person" if person else "nobody"

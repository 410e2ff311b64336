"""A conversation: requests become turns, what is typed meanwhile steers them, slash commands look and change around them.

At most one job (a turn or a command) runs at a time; the prompt stays usable all the while. Everything runs on one loop.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from cherry.cli.attachments import attachment
from cherry.cli.chat.asking import ChatAsker
from cherry.cli.chat.slash import KEYS_HELP, SLASH_COMMANDS, WHILE_WORKING, Slash, Unknown, parse_slash
from cherry.cli.common import ago
from cherry.cli.failures import fault_of
from cherry.cli.one_turn import open_session
from cherry.cli.options import TurnOptions
from cherry.cli.render.output import ReaderGone
from cherry.cli.render.painter import Painter
from cherry.cli.render.summary import fault_lines, money, tokens
from cherry.cli.render.surface import Surface, ticking
from cherry.cli.render.table import table
from cherry.cli.render.views import whole
from cherry.cli.turn import TurnWatch
from cherry.client.port import Client, Request
from cherry.domain.content import TextPart, UserPart
from cherry.domain.errors import CherryError, config, edits, run
from cherry.domain.limits import TurnLimits
from cherry.domain.sessions import SessionInfo
from cherry.kernel.clock import Clock
from cherry.kernel.deadlines import within
from cherry.kernel.text import one_line, plural, visible

LEAVE_SECONDS = 12.0
"""For the running turn to stand still when the person leaves."""
MODELS_SECONDS = 20.0
TWICE_SECONDS = 3.0
"""Two presses of Ctrl+C within this time leave an idle prompt."""


class Prompt(Protocol):
    """Where a person types; tells `Conversation.take` what was sent."""

    async def run(self) -> None:
        """Until the person leaves or the terminal is gone."""
        ...

    def redraw(self) -> None: ...
    def leave(self) -> None: ...
    def clear(self) -> bool:
        """Empty the line; False when there was nothing to empty."""
        ...

    def put_aside(self) -> None:
        """A question is about to be asked: what is half typed must not answer it."""
        ...

    def bring_back(self) -> None: ...


class Conversation:
    def __init__(
        self, client: Client, workspace: Path, options: TurnOptions, *, limits: TurnLimits, clock: Clock
    ) -> None:
        self._client = client
        self._workspace = workspace
        self._options = options
        self._limits = limits
        self._clock = clock
        self._session: SessionInfo | None = None
        self._model = options.model
        self._job: asyncio.Task[None] | None = None
        self._watch: TurnWatch | None = None
        self._stopping = False
        self._stopped_at = float("-inf")
        self._leaving = False
        self._attached: list[UserPart] = []
        self._waiting: deque[str] = deque()
        """Lines that came in the moment between a turn's end and the end of its job."""
        self._beside: set[asyncio.Task[None]] = set()
        self.known_models: list[str] = []

    def attach_to(self, prompt: Prompt, surface: Surface) -> None:
        """Where it reads and draws; made after the conversation because each needs the other."""
        self._prompt = prompt
        self._surface = surface
        self._asker = ChatAsker(surface, about_to_ask=prompt.put_aside, answered=prompt.bring_back)
        self._painter = Painter(surface, self._clock, echo_requests=True)

    def label(self) -> str:
        if self._watch is None and self._attached and not self._asker.asks:
            return f"{len(self._attached)} attached"
        return self._asker.label

    async def run(self, first: str = "") -> None:
        """Until the person leaves. The turn that still runs then is interrupted."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(ticking(self._surface, self._clock))
            await self._begin(first)
            if not self._leaving:
                await self._prompt.run()
            await self._end_job()

    def take(self, line: str) -> None:
        """What the person sent."""
        if self._watch and self._watch.over:
            self._waiting.append(line)
        elif line or self._asker.asks:
            self._take(line)

    def stop(self) -> None:
        """Ctrl+C: stop the job; a second time, or twice at an idle prompt, leave."""
        now = self._clock.monotonic()
        if self._job and not self._stopping:
            self._stopping = True
            self._remark("Stopping; what is done is kept. Ctrl+C again leaves.")
            self._stop_job()
        elif self._job or now - self._stopped_at < TWICE_SECONDS:
            self.leave()
        elif not self._prompt.clear():
            self._stopped_at = now
            self._remark("Ctrl+C again or Ctrl+D leaves.")

    def leave(self) -> None:
        self._leaving = True
        self._prompt.leave()

    # -- what is typed

    async def _begin(self, first: str) -> None:
        if self._options.continue_ or self._options.resume:
            await self._go_on(await open_session(self._client, self._workspace, self._options))
        if first:
            self._take(first)

    async def _go_on(self, opened: tuple[SessionInfo, bool]) -> None:
        session, _ = opened
        self._session = session
        title = f": {one_line(visible(session.title), 60)}" if session.title else ""
        self._remark(f"Going on with {session.id}{title} ({plural(session.turns, 'turn')}, {visible(session.model)})")
        if session.open_turn:
            self._start(self._turn(()))

    def _take(self, line: str) -> None:
        slash = parse_slash(line)
        if self._asker.asks and not (isinstance(slash, Slash) and slash.name in WHILE_WORKING):
            self._asker.take(line)
        elif isinstance(slash, Unknown):
            hint = f" Did you mean {slash.nearest}?" if slash.nearest else " /help lists what there is."
            self._remark(f"There is no command {visible(slash.word)}.{hint}")
        elif isinstance(slash, Slash):
            self._take_command(slash)
        elif self._watch:
            self._in_background(self._steer(line))
        elif self._job:
            self._remark("One moment: a command is still running. Ctrl+C stops it.")
        else:
            parts = (TextPart(text=line), *self._attached)
            self._attached.clear()
            self._start(self._turn(parts))

    def _take_command(self, slash: Slash) -> None:
        if slash.name == "/quit":
            self.leave()
        elif self._job and slash.name not in WHILE_WORKING:
            self._remark(f"{slash.name} has to wait until the turn is finished. Ctrl+C stops it.")
        elif self._job:
            self._in_background(self._command(slash))
        else:
            self._start(self._command(slash))

    # -- jobs

    def _start(self, work: Awaitable[None]) -> None:
        self._stopping = False
        self._job = asyncio.ensure_future(self._told(work))
        self._job.add_done_callback(self._job_done)

    def _job_done(self, job: "asyncio.Task[None]") -> None:
        self._job = None
        self._stopping = False
        self._prompt.redraw()
        while self._waiting and self._job is None and not self._leaving:
            self.take(self._waiting.popleft())

    def _in_background(self, work: Awaitable[None]) -> None:
        """Short work beside the job; kept referenced until it is done."""
        task = asyncio.ensure_future(self._told(work))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _told(self, work: Awaitable[None]) -> None:
        """Errors are shown in the conversation, which goes on."""
        try:
            await work
        except ReaderGone:
            self.leave()
        except Exception as error:  # a job must not take the conversation down, whatever happened in it
            self._surface.status("")
            self._surface.lines("\n".join(fault_lines(fault_of(error), self._surface.style)))

    def _stop_job(self) -> None:
        if self._watch:
            self._watch.interrupt()
        elif self._job:
            self._job.cancel()

    async def _end_job(self) -> None:
        job = self._job
        if job is None:
            return
        self._stop_job()
        await within("cli.leave_chat", LEAVE_SECONDS, asyncio.wait([job], timeout=LEAVE_SECONDS - 1))
        if not job.done():
            job.cancel()

    async def _turn(self, parts: tuple[UserPart, ...]) -> None:
        session = await self._opened_session()
        request = Request(parts=parts, limits=self._limits, approver="yes_person" if self._options.yes else "person")
        self._watch = TurnWatch(self._client, session.id, sink=self._painter, asker=self._asker)
        try:
            await self._watch.run(request)
        finally:
            self._watch = None

    async def _steer(self, line: str) -> None:
        assert self._session is not None
        try:
            await self._client.steer(self._session.id, (TextPart(text=line),))
        except CherryError as error:
            if error.kind is not run.NOTHING_TO_CONTINUE:
                raise
            self._later(line)  # the turn ended in this very moment

    def _later(self, line: str) -> None:
        """Take the line when the job is over."""
        if self._job is None:
            self._take(line)
        else:
            self._waiting.append(line)

    async def _opened_session(self) -> SessionInfo:
        if self._session is None:
            self._session = await self._client.create_session(self._workspace, model=self._model)
        return self._session

    def _known_session(self) -> SessionInfo:
        if self._session is None:
            raise CherryError(
                edits.NOTHING_TO_UNDO,
                "Nothing has happened in this conversation yet",
                next_step="Ask for something first.",
            )
        return self._session

    def _remark(self, text: str) -> None:
        self._surface.lines(self._surface.style("dim", text))

    # -- commands

    async def _command(self, slash: Slash) -> None:
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/help": self._help,
            "/undo": self._undo,
            "/redo": self._redo,
            "/diff": self._diff,
            "/cost": self._cost,
            "/model": self._choose_model,
            "/compact": self._compact,
            "/sessions": self._sessions,
            "/attach": self._attach,
        }
        await commands[slash.name](slash.argument)

    async def _help(self, _argument: str) -> None:
        rows = list(SLASH_COMMANDS.items())
        self._surface.lines(table(rows, columns=self._surface.columns, style=self._surface.style))
        self._remark(KEYS_HELP)

    async def _undo(self, argument: str) -> None:
        await self._change_back(_turn_number(argument), redo=False)

    async def _redo(self, _argument: str) -> None:
        await self._change_back(None, redo=True)

    async def _change_back(self, turn: int | None, *, redo: bool) -> None:
        session = self._known_session()
        plan = await self._client.plan_undo(session.id, turn=turn, redo=redo)
        if plan.conflicts:
            raise CherryError(edits.UNDO_CONFLICT, where="; ".join(plan.conflicts))
        self._surface.lines("\n".join(whole(plan.view, self._surface.style, self._surface.columns)))
        verb = "Do again" if redo else "Undo"
        if await self._asker.confirm(f"{verb} this in {plural(len(plan.files), 'file')}?"):
            done = await self._client.undo(session.id, turn=turn, redo=redo)
            self._remark(f"{'Done again' if redo else 'Undone'}: turn {done.turn}, {plural(len(done.files), 'file')}.")
        else:
            self._remark("Left as it is.")

    async def _diff(self, argument: str) -> None:
        view = await self._client.diff(self._known_session().id, turn=_turn_number(argument))
        lines = whole(view, self._surface.style, self._surface.columns)
        self._surface.lines("\n".join(lines) if lines else "No changes stand.")

    async def _cost(self, _argument: str) -> None:
        session = await self._client.session(self._known_session().id)
        self._surface.lines(f"{plural(session.turns, 'turn')} · {tokens(session.usage)} · {money(session.cost)}")

    async def _choose_model(self, argument: str) -> None:
        if argument:
            if self._session:
                await self._client.choose_model(self._session.id, argument)
            self._model = argument
            self._remark(f"From the next turn on: {visible(argument)}")
            return
        self._surface.status("Asking the providers for their models")
        models = await within("cli.models", MODELS_SECONDS, self._client.models())
        self._surface.status("")
        self.known_models = sorted(str(model) for model in models)
        current = self._model or (
            self._session.model if self._session else str(await self._client.working_model() or "")
        )
        lines = [f"{'●' if name == current else '○'} {visible(name)}" for name in self.known_models]
        self._surface.lines("\n".join(lines) if lines else "No provider answered.")

    async def _compact(self, _argument: str) -> None:
        session = self._known_session()
        self._surface.status("Summarising")
        summary = await self._client.compact(session.id)
        self._surface.status("")
        self._remark(visible(summary) if summary else "There was nothing to summarise yet.")

    async def _sessions(self, argument: str) -> None:
        if argument:
            await self._switch(await self._client.session(argument))
            return
        now = self._clock.now()
        rows = [
            (info.id, ago(info.updated_at, now), plural(info.turns, "turn"), info.title)
            for info in await self._client.sessions(workspace=self._workspace, limit=15)
        ]
        none = "There is no other session here."
        self._surface.lines(table(rows, columns=self._surface.columns, style=self._surface.style) if rows else none)

    async def _switch(self, session: SessionInfo) -> None:
        if session.workspace != str(self._workspace):
            raise CherryError(
                config.BAD_USAGE,
                "That session belongs to another workspace",
                where=visible(session.workspace),
                next_step=f"Open it there: cherry -r {session.id}",
            )
        self._session = session
        self._remark(f"Now in {session.id} ({plural(session.turns, 'turn')}).")

    async def _attach(self, argument: str) -> None:
        part = attachment(Path(argument))
        self._attached.append(part)
        self._remark(f"{visible(Path(argument).name)} goes with your next request.")


def _turn_number(argument: str) -> int | None:
    if not argument:
        return None
    if not argument.isdecimal() or int(argument) < 1:
        raise CherryError(
            config.BAD_USAGE, f"{visible(argument)!r} is not the number of a turn", next_step="Give a number from 1."
        )
    return int(argument)

"""Commands: `shell.run`, and for those in the background `shell.output` and `shell.stop` (and `shell.input`, see `talking`).

Output reaches watchers while it is printed and the model at the end. Time-out and cancellation end the whole tree of processes.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from cherry.domain.calls import Status
from cherry.domain.errors import CherryError, tools
from cherry.domain.events import ChangesApplied, Notice
from cherry.domain.live import OutputStreamed
from cherry.domain.views import CommandView
from cherry.git.command import Git
from cherry.git.identity import identity_variables
from cherry.kernel.tasks import finish
from cherry.kernel.text import cut_middle, human_seconds, one_line
from cherry.sandbox.port import Bounds, Command
from cherry.security.commands import parse
from cherry.security.egress import Grant, grants_of
from cherry.security.leading_files import leading_paths
from cherry.security.outside import names_leading
from cherry.security.protected import unwritable_for_commands
from cherry.security.shell_readonly import only_reads
from cherry.tools.context import Intent, ToolContext
from cherry.tools.live import ByLine, Cleaner, LiveOutput
from cherry.tools.names import shown
from cherry.tools.processes import Processes, Running
from cherry.tools.side_effects import SideEffects
from cherry.tools.terminal import folded
from cherry.tools.tool import Output, tool

DEFAULT_SECONDS = 120
MAX_SECONDS = 3600
_FIRST_LOOK_SECONDS = 0.3
"""A background command that fails at once is told of at once."""
_NEWS_SECONDS = 5.0
_VIEW_CHARACTERS = 8_000
_CHANGED_SHOWN = 10
_NO_REPOSITORY_MADE = (
    "(A command cannot make a repository here: what lies in .git could be run later, unasked. "
    "Ask the user to run `git init`.)"
)
_QUIET = {
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "PYTHONUNBUFFERED": "1",
}
"""Programs neither wait for a person nor paint for one."""


def _title(arguments: dict[str, Any]) -> str:
    return f"Run {one_line(str(arguments.get('command', ''))[:400], 100)}"


class Patience(NamedTuple):
    """How long commands in the foreground may take, in seconds."""

    usual: float = DEFAULT_SECONDS
    longest: float = MAX_SECONDS
    """At most `MAX_SECONDS`."""

    def seconds(self, asked: float | None) -> float:
        """Raises CherryError(tools.BAD_ARGUMENTS) for more than is allowed."""
        if asked is not None and asked > self.longest:
            raise CherryError(
                tools.BAD_ARGUMENTS,
                f"shell.run: timeout may be at most {self.longest:g} seconds here, not {asked:g}",
                next_step="Give less, or set background and look at it with shell_output.",
            )
        return asked or self.usual


class ShellTools:
    def __init__(
        self,
        processes: Processes,
        workspace: Path,
        *,
        network: tuple[Grant, ...] = (),
        bounds: Bounds | None = None,
        clean_stream: Callable[[], Cleaner] = ByLine,
        patience: "Patience | None" = None,
        side_effects: SideEffects | None = None,
        git: Git | None = None,
    ) -> None:
        """`clean_stream` makes what takes secrets out of what watchers are told; results are cleaned by the wrappers.

        `side_effects` keeps what commands in the foreground change; without it only a person can take that back.
        `git` tells who commits: a sandbox does not show the user's own configuration.
        """
        self._processes = processes
        self._workspace = workspace
        self._network = network
        self._bounds = bounds or Bounds()
        self._clean_stream = clean_stream
        self._patience = patience or Patience()
        self._side_effects = side_effects
        self._git = git
        self._identity: dict[str, str] | None = None

    @tool(
        "shell.run",
        effect="run",
        category="shell",
        title=_title,
        asks_itself=True,
        timeout_seconds=MAX_SECONDS + 60,
        security_level="high",
    )
    async def run(
        self,
        ctx: ToolContext,
        command: str,
        timeout: Annotated[float | None, Field(gt=0, description="seconds, usually 120")] = None,
        background: bool = False,
        hosts: Annotated[
            tuple[str, ...], Field(max_length=10, description="it must reach, as pypi.org; the user is asked")
        ] = (),
    ) -> Output:
        """Run a bash command in the workspace root: tests, builds, any program. Each call is a fresh shell without stdin, in a
        sandbox that can write only to the workspace. For servers and watchers set background; it returns an id for shell_output.
        Prefer the fs, search and git tools for what they do."""
        seconds = self._patience.seconds(timeout)
        asked = _asked(hosts, self._network)
        network = (*self._network, *asked)
        view = CommandView(command=command, background=background, hosts=tuple(map(str, asked)))
        title = _title({"command": command})
        await ctx.proceed(Intent(title, "run", view, command=command, network=network, asked=asked))
        if background:
            return await self._in_background(await self._started(ctx, command, network, talks=True))
        if self._side_effects is None or only_reads(parse(command), workspace=str(self._workspace)):
            return await self._in_foreground(await self._started(ctx, command, network), seconds)
        return await self._watched(ctx, command, network, seconds, self._side_effects)

    @tool("shell.output", effect="read", category="shell", title=lambda given: f"Output of {given.get('id', '')}")
    async def output(self, ctx: ToolContext, id: str) -> Output:
        """New output of a background command and whether it runs; waits up to 5 s."""
        running = self._processes.find(id)
        await running.wait_for_news(_NEWS_SECONDS)
        return _output(running, running.news() or "(nothing new)", background=True)

    @tool(
        "shell.stop",
        effect="read",
        category="shell",
        resources=lambda _given: ("processes",),
        title=lambda given: f"Stop {given.get('id', '')}",
    )
    async def stop(self, ctx: ToolContext, id: str) -> Output:
        """End a background command and everything it started; returns its last output."""
        running = self._processes.find(id)
        await running.stop()
        return _output(running, running.news() or "(nothing new)", background=True)

    async def _watched(
        self, ctx: ToolContext, command: str, network: tuple[Grant, ...], seconds: float, side_effects: SideEffects
    ) -> Output:
        if why := await side_effects.before():
            await ctx.record(Notice(level="warning", code="undo.not_covered", text=why))
        changed: tuple[str, ...] = ()
        try:
            output = await self._in_foreground(await self._started(ctx, command, network), seconds)
        finally:
            changed = await finish(_keep(ctx, side_effects))
        return _with_changes(output, changed) if changed else output

    async def _started(
        self, ctx: ToolContext, command: str, network: tuple[Grant, ...], *, talks: bool = False
    ) -> Running:
        """`talks`: it runs in the background, its input stays open for shell.input, and nobody looks at what it wrote."""
        made = self._command(command, network, await self._committer(command))
        held = leading_paths(self._workspace, missing=False) if talks and not names_leading(command) else ()
        made = made._replace(input=talks, protected=(*made.protected, *held))
        running = await self._processes.start(made)
        running.watch(
            LiveOutput(self._clean_stream(), lambda text: ctx.emit(OutputStreamed(ctx.call.id, folded(text))))
        )
        return running

    async def _committer(self, command: str) -> dict[str, str]:
        if self._git is None or "git" not in command:
            return {}
        if self._identity is None:
            self._identity = await identity_variables(self._git)
        return self._identity

    def _command(self, script: str, network: tuple[Grant, ...], variables: Mapping[str, str]) -> Command:
        return Command(
            script=script,
            folder=self._workspace,
            workspace=self._workspace,
            environment={**_QUIET, **variables},
            network=network,
            bounds=self._bounds,
            protected=unwritable_for_commands(self._workspace),
        )

    async def _in_foreground(self, running: Running, seconds: float) -> Output:
        try:
            try:
                async with asyncio.timeout(seconds):
                    await running.ended()
            except TimeoutError:
                await running.stop()
                return _timed_out(running, await running.printed(), seconds)
            printed = await running.printed() or "(no output)"
            return _output(running, printed + (self._advice(running) or ""))
        finally:
            await self._processes.finish(running)

    def _advice(self, running: Running) -> str:
        """For the model: what it cannot know of the fence around commands."""
        if running.exit is None or running.exit.code == 0 or (self._workspace / ".git").exists():
            return ""
        makes = any(program.words[:2] == ("git", "init") for program in parse(running.command).programs)
        return f"\n{_NO_REPOSITORY_MADE}" if makes else ""

    async def _in_background(self, running: Running) -> Output:
        process_id = self._processes.keep(running)
        try:
            async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                await running.ended()
        except TimeoutError:
            pass  # as it should be: it runs on
        running.watch(None)
        news = running.news()
        text = f"Started in the background with id {process_id}." + (f"\n{news}" if news else "")
        return _output(running, text, background=True)


async def _keep(ctx: ToolContext, side_effects: SideEffects) -> tuple[str, ...]:
    """Paths that were changed."""
    effects = await side_effects.after()
    if effects.note:
        await ctx.record(Notice(level="warning", code="undo.not_covered", text=effects.note, nonce=ctx.call.id))
    if effects.files:
        await ctx.record(
            ChangesApplied(change_id=ctx.change_id, call_id=ctx.call.id, files=effects.files, by="command")
        )
    return tuple(file.path for file in effects.files)


def _with_changes(output: Output, paths: tuple[str, ...]) -> Output:
    first = tuple(shown(path) for path in paths[:_CHANGED_SHOWN])
    more = f" and {len(paths) - len(first):,} more" if len(paths) > len(first) else ""
    text = f"{output.text}\nFiles changed: {', '.join(first)}{more}."
    view = output.view
    if isinstance(view, CommandView):
        view = view.model_copy(update={"changed": first, "changed_total": len(paths)})
    return output._replace(text=text, view=view)


def _asked(hosts: tuple[str, ...], granted: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """What a call asks for beyond what is granted. Raises CherryError(tools.BAD_ARGUMENTS)."""
    try:
        wanted = grants_of(hosts)
    except ValueError as error:
        raise CherryError(tools.BAD_ARGUMENTS, f"shell.run: hosts: {error}") from None
    return tuple(grant for grant in dict.fromkeys(wanted) if not any(given.includes(grant) for given in granted))


def _output(running: Running, text: str, *, background: bool = False) -> Output:
    if refused := running.refused:
        listed = "; ".join(refused)
        text = f"{text.rstrip()}\n(Network refused: {listed}. Name what it must reach in hosts; the user is asked.)"
    code = running.exit.code if running.exit else None
    failed = running.exit is not None and code != 0
    return Output(
        text=f"{text.rstrip()}\n{running.state()}",
        view=_view(running, text, background=background),
        untrusted=True,
        status=Status.ERROR if failed and not background else Status.SUCCESS,
    )


def _timed_out(running: Running, printed: str, seconds: float) -> Output:
    ended = f"Not finished after {human_seconds(seconds)} (argument timeout): it and all it started were ended."
    return Output(
        text=f"{printed.rstrip()}\n{ended} Give a longer timeout, or run it in the background.".lstrip(),
        view=_view(running, printed),
        untrusted=True,
        status=Status.PARTIAL,
    )


def _view(running: Running, output: str, *, background: bool = False) -> CommandView:
    return CommandView(
        command=running.command,
        output=cut_middle(output, _VIEW_CHARACTERS).text,
        exit_code=running.exit.code if running.exit else None,
        background=background,
        refused=running.refused,
    )

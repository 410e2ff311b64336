"""`shell.input`: words for a command that runs in the background, as if they were typed.

What is typed into a program can be a command to it (a shell, a database, a REPL), and which it is only the program knows: so it is
asked for each time, whatever was allowed when the command was started. A rule `allow shell.input` leaves that to the model.
"""

from contextlib import suppress
from typing import Any

from cherry.domain.errors import CherryError, tools
from cherry.domain.views import CommandView
from cherry.kernel.deadlines import DeadlineExceeded, within
from cherry.kernel.text import cut_middle, one_line
from cherry.tools.context import Intent, ToolContext
from cherry.tools.processes import Processes, Running
from cherry.tools.tool import Output, tool

MAX_CHARACTERS = 64_000
_NEWS_SECONDS = 2.0
_VIEW_CHARACTERS = 8_000


def _title(arguments: dict[str, Any]) -> str:
    text = one_line(str(arguments.get("text", ""))[:400], 80)
    what = f"Type {text!r} into" if text else "End the input of" if arguments.get("close") else "Press Enter in"
    return f"{what} {arguments.get('id', '')}"


class InputTools:
    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    @tool(
        "shell.input",
        effect="run",
        category="shell",
        title=_title,
        resources=lambda _given: ("processes",),
        asks_itself=True,
        timeout_seconds=60,
        security_level="high",
    )
    async def input(
        self,
        ctx: ToolContext,
        id: str,
        text: str = "",
        close: bool = False,
    ) -> Output:
        """Type a line into a background command (no terminal: python3 -i); close: end of input."""
        running = self._processes.find(id)
        if not running.takes_input:
            raise CherryError(tools.NO_INPUT, f"{id} takes no input: {running.state()}")
        if len(text) > MAX_CHARACTERS:
            raise CherryError(tools.BAD_ARGUMENTS, f"shell.input: text may have at most {MAX_CHARACTERS:,} characters")
        typed = text if text.endswith("\n") or (close and not text) else f"{text}\n"
        view = CommandView(command=f"{running.command}\n{typed}", background=True)
        title = _title({"id": id, "text": text, "close": close})
        await ctx.proceed(Intent(title, "run", view, network=running.network))
        running.news()  # what it said before is not the answer
        try:
            await running.type(typed)
            if close:
                running.end_input()
        except (BrokenPipeError, DeadlineExceeded) as error:
            raise CherryError(tools.NO_INPUT, f"{id} does not read: {running.state()}", why=str(error)) from None
        await running.wait_for_news(_NEWS_SECONDS)
        if close:  # most programs end then
            with suppress(DeadlineExceeded):
                await within("shell.input", _NEWS_SECONDS, running.ended())
        return _output(running)


def _output(running: Running) -> Output:
    printed = running.news()
    view = CommandView(
        command=running.command,
        output=cut_middle(printed, _VIEW_CHARACTERS).text,
        exit_code=running.exit.code if running.exit else None,
    )
    text = f"{printed.rstrip() or '(nothing new)'}\n{running.state()}"
    return Output(text=text, view=view, untrusted=True)

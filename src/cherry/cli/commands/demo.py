"""`cherry demo`: the agent at work on a sample project, with a recorded model and everything else real."""

import asyncio

import click

from cherry.cli.one_turn import Interruption
from cherry.cli.options import examples
from cherry.cli.render.painter import Painter, request_text
from cherry.cli.render.style import BAD, OK
from cherry.cli.render.surface import Surface
from cherry.cli.render.views import diff_lines, tail
from cherry.cli.screen import open_screen
from cherry.cli.turn import TurnWatch, exit_code_of
from cherry.cli.wiring import Wiring
from cherry.domain.views import CommandView
from cherry.kernel.text import visible

_TRY_NEXT = """\
Now with a model of your own, in a project of yours:
  cherry secrets set OPENAI_API_KEY   (or ANTHROPIC_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY; or start Ollama)
  cherry "explain how this project is tested"
  cherry                    to talk"""


@click.command("demo", epilog=examples("cherry demo"))
@click.pass_context
def demo(ctx: click.Context, /) -> int:
    """See Cherry work, without a key and without a network.

    The model's words are a recording; files, edits, commands in the sandbox and tests are real, on a copy of a sample project.
    """
    return asyncio.run(_demo(ctx.obj))


async def _demo(wiring: Wiring) -> int:
    surface = open_screen(wiring.environ).surface(wiring.clock)
    interruption = Interruption(surface, wiring.clock)
    return await interruption.run(_shown(wiring, surface, interruption))


async def _shown(wiring: Wiring, surface: Surface, interruption: Interruption) -> int:
    async with wiring.open_demo() as stage:
        surface.lines(surface.style("dim", "The model's words in this demo are a recording. Everything else is real."))
        surface.lines(surface.style("dim", f"A copy of the sample project: {visible(str(stage.workspace))}"))
        surface.lines("\n" + surface.style("heading", f"› {request_text(stage.request.parts)}") + "\n")
        session = await stage.client.create_session(stage.workspace)
        watch = TurnWatch(stage.client, session.id, sink=Painter(surface, wiring.clock), asker=None)
        end = await interruption.watched(watch, stage.request)
        if code := exit_code_of(end):
            return code
        _headline(surface, "What changed")
        diff = await stage.client.diff(session.id)
        surface.lines("\n".join(diff_lines(diff, surface.style, surface.columns, limit=200)))
        _headline(surface, "The project's own tests")
        passed = _tests_shown(await stage.check(), surface)
        surface.lines("\n" + _TRY_NEXT)
    return 0 if passed else 1


def _tests_shown(tests: CommandView, surface: Surface) -> bool:
    surface.lines(surface.style("dim", f"  $ {visible(tests.command)}"))
    surface.lines("\n".join(tail(tests.output, surface.columns, 8)))
    if tests.exit_code == 0:
        surface.lines(surface.style("good", f"{OK} They pass."))
        return True
    surface.lines(surface.style("bad", f"{BAD} They fail (exit code {tests.exit_code})."))
    return False


def _headline(surface: Surface, text: str) -> None:
    surface.lines("\n" + surface.style("strong", text))

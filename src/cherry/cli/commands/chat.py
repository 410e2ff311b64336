"""`cherry chat`, and `cherry` alone on a terminal: a conversation."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

import click

from cherry import __version__
from cherry.app.models import HOW_TO_GET_GOING
from cherry.cli.chat.conversation import Conversation
from cherry.cli.chat.plain_prompt import PlainPrompt
from cherry.cli.chat.prompt import AbovePrompt, ChatPrompt, open_history
from cherry.cli.chat.surface import ChatSurface
from cherry.cli.options import TurnOptions, examples, turn_options
from cherry.cli.render.output import Output
from cherry.cli.screen import Screen, open_screen
from cherry.cli.signals import not_ignored
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.config.loader import Loaded
from cherry.domain.errors import CherryError, config, gateway
from cherry.kernel.text import visible


@click.command(
    "chat", short_help="Talk in this workspace.", epilog=examples("cherry\ncherry chat --model ollama/qwen3\ncherry -c")
)
@click.argument("request", nargs=-1)
@turn_options
@click.pass_context
def chat(ctx: click.Context, /, request: Sequence[str], **given: Any) -> int:
    """Talk in this workspace: requests, questions, and what comes to mind while it works.

    REQUEST is a first request. With --continue or --resume a turn that stands still is taken up at once.
    """
    wiring: Wiring = ctx.obj
    options = TurnOptions(**given)
    loaded = wiring.load_settings(options.workspace, options.flags())
    return start_chat(wiring, options, loaded=loaded, first=" ".join(request))


def start_chat(wiring: Wiring, options: TurnOptions, *, loaded: Loaded, first: str = "") -> int:
    """Raises CherryError(config.BAD_USAGE) without a terminal, gateway.NO_PROVIDER without a model to talk to."""
    screen = open_screen(wiring.environ, loaded.settings.ui)
    if screen.piped or not screen.person:
        raise CherryError(
            config.BAD_USAGE,
            "A conversation needs a terminal",
            next_step='Give the request on the command line: cherry run "…", or `-` to read it from standard input.',
        )
    return asyncio.run(_chat(wiring, options, loaded, screen, first))


async def _chat(wiring: Wiring, options: TurnOptions, loaded: Loaded, screen: Screen, first: str) -> int:
    opening = ClientOptions(flags=options.flags(), loaded=loaded, record=options.record, replay=options.replay)
    async with wiring.open_client(options.workspace, opening) as client:
        model = options.model or str(await client.working_model() or "")
        if not model:
            raise CherryError(gateway.NO_PROVIDER, next_step=HOW_TO_GET_GOING)
        _greet(screen, options, loaded, model)
        conversation = Conversation(
            client, options.workspace, options, limits=loaded.settings.limits.for_turn(), clock=wiring.clock
        )
        return await _converse(conversation, wiring, screen, first)


async def _converse(conversation: Conversation, wiring: Wiring, screen: Screen, first: str) -> int:
    if not screen.out.abilities.cursor:
        plain = PlainPrompt(screen.out, label=conversation.label, on_line=conversation.take)
        conversation.attach_to(plain, screen.surface(wiring.clock))
        return await _with_signals(conversation, first)
    prompt = ChatPrompt(
        history=open_history(wiring.folders.state),
        colour=screen.style.colour,
        label=conversation.label,
        models=lambda: conversation.known_models,
        on_line=conversation.take,
        on_stop=conversation.stop,
    )
    output = Output(AbovePrompt(prompt), screen.out.abilities)
    surface = ChatSurface(output, screen.style, wiring.clock, redraw=prompt.redraw)
    prompt.show_above(lambda: (surface.open_line, surface.status_text()))
    conversation.attach_to(prompt, surface)
    return await _with_signals(conversation, first)


async def _with_signals(conversation: Conversation, first: str) -> int:
    """SIGTERM and SIGHUP leave in order: the turn is interrupted and what is done is kept."""
    received: list[int] = []
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        received.append(number)
        conversation.leave()

    leaving = not_ignored((signal.SIGTERM, signal.SIGHUP))
    for number in leaving:
        loop.add_signal_handler(number, on_signal, number)
    loop.add_signal_handler(signal.SIGINT, conversation.stop)
    try:
        await conversation.run(first)
    finally:
        for number in (*leaving, signal.SIGINT):
            loop.remove_signal_handler(number)
    return 128 + received[0] if received else 0


def _greet(screen: Screen, options: TurnOptions, loaded: Loaded, model: str) -> None:
    for notice in loaded.notices:
        screen.out.write(screen.style("dim", visible(notice)) + "\n")
    screen.out.write(screen.style("strong", f"Cherry {__version__}") + f" · {visible(model)}\n")
    screen.out.write(screen.style("dim", f"{visible(str(options.workspace))} · /help · Ctrl+D leaves") + "\n\n")

"""`cherry models` and `cherry test-model`: what can answer, and whether it does."""

from pathlib import Path

import click

from cherry.cli.common import place_of, with_client
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.style import BAD, OK
from cherry.cli.render.table import table
from cherry.client.port import Client
from cherry.domain.errors import CherryError, gateway
from cherry.kernel.text import visible


@click.command("models", epilog=examples("cherry models\ncherry models qwen"))
@click.argument("words", metavar="[PART]", default="")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def models(ctx: click.Context, /, words: str, as_json: bool, cwd: Path) -> int:
    """Models that can be used now, as PROVIDER/MODEL. PART narrows them to names that contain it."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        known = sorted(str(model) for model in await client.models())
        found = [name for name in known if words.lower() in name.lower()]
        working = await client.working_model()
        if as_json:
            place.print_json({"models": found, "default": str(working) if working else None})
            return 0
        if not known:
            raise CherryError(gateway.NO_PROVIDER)
        for name in found:
            mark = place.screen.style("good", " (default)") if working and name == str(working) else ""
            place.print(visible(name) + mark)
        if not found:
            place.print(f"None of {len(known)} models contains {visible(words)!r}.")
        return 0

    return with_client(place, work)


@click.command(
    "test-model",
    short_help="Try a model with one small call.",
    epilog=examples("cherry test-model\ncherry test-model ollama/qwen3"),
)
@click.argument("model", metavar="[PROVIDER/MODEL]", default="")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def test_model(ctx: click.Context, /, model: str, as_json: bool, cwd: Path) -> int:
    """Make one small call: does it answer, how fast, with tools, at what price."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        facts = await client.test_model(model)
        if as_json:
            place.print_json({name: _plain(value) for name, value in facts.items()})
            return 0
        rows = [(name.replace("_", " "), _shown(value)) for name, value in facts.items()]
        place.print(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        return 0

    return with_client(place, work)


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return OK if value else BAD
    return f"{value:.2f}" if isinstance(value, float) else str(value)

"""`cherry tools`: what the agent can do."""

from pathlib import Path

import click

from cherry.cli.common import place_of, with_client
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.style import Style
from cherry.cli.render.table import table
from cherry.client.port import Client
from cherry.domain.errors import CherryError, config
from cherry.kernel.text import one_line, visible
from cherry.toon.definition import ToolDefinition


@click.command("tools", epilog=examples("cherry tools\ncherry tools shell.run"))
@click.argument("name", default="")
@click.option("--json", "as_json", is_flag=True, help="The definitions as JSON.")
@cwd_option
@click.pass_context
def tools(ctx: click.Context, /, name: str, as_json: bool, cwd: Path) -> int:
    """List the tools; with NAME, show one with its arguments."""
    place = place_of(ctx, cwd)

    async def work(client: Client) -> int:
        found = [tool for tool in client.tools() if not name or tool.name == name]
        if name and not found:
            raise CherryError(config.BAD_USAGE, f"There is no tool {name}", next_step="`cherry tools` lists them.")
        if as_json:
            place.print_json([tool.model_dump(mode="json", exclude_none=True) for tool in found])
        elif name:
            place.print(_described(found[0], place.screen.style))
        else:
            rows = [(tool.name, _first_sentence(tool.description)) for tool in found]
            place.print(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        return 0

    return with_client(place, work)


def _described(tool: ToolDefinition, style: Style) -> str:
    lines = [style("strong", tool.name), visible(tool.description), ""]
    properties = tool.input_schema.get("properties", {})
    required = tool.input_schema.get("required", [])
    for argument, schema in properties.items():
        optional = "" if argument in required else " (optional)"
        lines.append(
            f"  {style('accent', argument)}{optional}  {one_line(visible(schema.get('description', '')), 200)}"
        )
    lines += ["", style("dim", f"at most {tool.metadata.timeout / 1000:g} s · {tool.metadata.category}")]
    return "\n".join(lines)


def _first_sentence(text: str) -> str:
    return one_line(text.split("\n\n")[0].split(". ")[0].rstrip("."), 200)

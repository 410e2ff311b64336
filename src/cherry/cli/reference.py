"""The parts of the documentation that are made from the code, so that they cannot lie: error catalogue, settings, help texts.

A page marks them with `<!-- generated: NAME -->` … `<!-- end -->`. `python -m cherry.cli.reference PAGE…` brings pages up to date; a test
compares them.
"""

import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cherry.cli.main import cli
from cherry.config import quantities
from cherry.config.schema import as_toml, shape_of
from cherry.config.settings import SECTIONS
from cherry.domain.base import Value
from cherry.domain.errors import CATALOGUE
from cherry.domain.exits import Exit

_BLOCK = r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)"
_QUANTITIES: dict[Any, str] = {
    quantities.seconds: "time",
    quantities.pause: "time",
    quantities.size: "size",
    quantities.money: "dollars",
}
_WHO = {"model": "the model (it goes back into the conversation)", "user": "you", "operator": "the operator"}


def refreshed(page: str) -> str:
    """The page with every generated block made anew. Raises KeyError for a block nobody makes."""
    return re.sub(_BLOCK, lambda match: match[1] + BLOCKS[match["name"]]() + match[3], page, flags=re.DOTALL)


def error_table() -> str:
    """The whole catalogue, by floor, in the order of the codes."""
    blocks = []
    for floor in sorted({kind.code.partition(".")[0] for kind in CATALOGUE}):
        kinds = sorted((kind for kind in CATALOGUE if kind.code.startswith(f"{floor}.")), key=lambda kind: kind.code)
        blocks.append(f"## {floor}\n")
        for kind in kinds:
            who = _WHO.get(kind.audience, "whoever develops Cherry: please report it")
            exit_code = Exit(kind.exit_code) if kind.exit_code in set(Exit) else kind.exit_code
            blocks.append(f"### `{kind.code}`\n\n{kind.title}.\n")
            blocks.append(f"- What to do: {kind.next_step}")
            blocks.append(f"- Who acts: {who}" + (" · may be tried again" if kind.effect == "retry" else ""))
            blocks.append(f"- Exit code, when a command ends with it: {int(exit_code)}\n")
    return "\n".join(blocks) + "\n"


def settings_table() -> str:
    """Every setting with its type, default and meaning, a table per section."""
    blocks = []
    for name, section in SECTIONS.items():
        blocks.append(f"### `[{name}]`\n")
        blocks.append("| setting | kind | default | meaning |\n|---|---|---|---|")
        blocks += [
            f"| `{key}` | {kind} | `{default}` | {_cell(meaning)} |"
            for key, kind, default, meaning in _settings(section, name)
        ]
        blocks.append("")
    return "\n".join(blocks) + "\n"


def help_texts() -> str:
    """`--help` of every command, in the order of the first page."""
    settings = {**cli.context_settings, "terminal_width": 88, "max_content_width": 88}
    root = click.Context(cli, info_name="cherry", **settings)
    return "\n".join(f"## `{path}`\n\n```text\n{text}\n```\n" for path, text in _helps(cli, root)) + "\n"


BLOCKS: dict[str, Callable[[], str]] = {"errors": error_table, "settings": settings_table, "help": help_texts}


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _helps(below, click.Context(below, parent=context, info_name=name))


def _settings(section: type[Value], above: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in section.model_fields.items():
        shape = shape_of(field.annotation)
        key = f"{above}.{name}"
        if shape.kind == "table" and shape.model:
            yield from _settings(shape.model, key)
        elif shape.kind == "named" and shape.model:
            yield from _settings(shape.model, f"{key}.NAME")
        else:
            yield key, _kind(field), _default(field), field.description or ""


def _kind(field: FieldInfo) -> str:
    validators = {one.func for one in field.metadata if isinstance(one, BeforeValidator)}
    for function, meaning in _QUANTITIES.items():
        if function in validators:
            return meaning
    text = str(field.annotation)
    choices = re.findall(r"'([^']*)'", text.partition("Literal[")[2])
    if choices:
        flag = "true, false, " if "bool" in text else ""
        return flag + ", ".join(choices)
    if text.startswith(("tuple", "typing.Tuple")):
        return "list"
    if text.startswith("dict"):
        return "table"
    for name, meaning in (("Decimal", "dollars"), ("bool", "true or false"), ("int", "number")):
        if name in text:
            return meaning
    return "text"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "unset"
    return str(value) if isinstance(value, Decimal) else as_toml(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(pages: list[str]) -> int:
    for name in pages:
        page = Path(name)
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

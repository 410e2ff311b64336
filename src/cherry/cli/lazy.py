"""Commands that are imported when they are called: `cherry run` does not pay for the chat, nor the other way round."""

from importlib import import_module
from typing import Any

import click

from cherry.domain.errors import CherryError, config
from cherry.kernel.similar import nearest


def load_attribute(module: str, name: str) -> Any:
    """An attribute of a module that is imported now. The one place of the command line where modules are loaded by name."""
    return getattr(import_module(module), name)


class LazyGroup(click.Group):
    """`commands_at` maps a command's name to `module:attribute`."""

    def __init__(self, *args: Any, commands_at: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._commands_at.get(cmd_name)
        if place is None:
            return None
        module, attribute = place.split(":")
        command: click.Command = load_attribute(module, attribute)
        return command


class RequestGroup(LazyGroup):
    """The top of the command line: what is no command is a request.

    One word that nearly is a command is neither: it is asked about instead of sent to a model for money.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            args = ["run"]
            ctx.meta["cherry.bare"] = True
        elif args[0] not in self._commands_at and args[0] not in ("--help", "-h", "--version", "-V"):
            self._refuse_mistyped(args)
            args = ["run", *args]
            ctx.meta["cherry.bare"] = True
        return super().parse_args(ctx, args)

    def _refuse_mistyped(self, args: list[str]) -> None:
        word = args[0]
        if " " in word.strip() or word.startswith("-"):
            return
        if not (command := nearest_command(word, list(self._commands_at))):
            return
        if len(args) == 1 or self._is_subcommand(command, args[1]):
            raise CherryError(
                config.BAD_USAGE,
                f"{word!r} is not a command, but nearly one",
                next_step=f"Did you mean `cherry {' '.join([command, *args[1:]])}`? "
                f'To send it to the model: cherry run "{" ".join(args)}".',
            )

    def _is_subcommand(self, command: str, word: str) -> bool:
        group = self.get_command(click.Context(self), command)
        return isinstance(group, click.Group) and word in group.commands


def nearest_command(word: str, commands: list[str]) -> str:
    """The command that differs by a slip or two of the finger; empty when none does."""
    return nearest(word, commands, slips=1 if len(word) < 6 else 2)

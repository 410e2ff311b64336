"""`cherry completion`: the script that teaches a shell Cherry's commands and options."""

import click
from click.shell_completion import get_completion_class

from cherry.cli.options import examples
from cherry.cli.screen import open_screen


@click.command(
    "completion",
    epilog=examples(
        """
cherry completion bash > ~/.local/share/bash-completion/completions/cherry
cherry completion zsh > ~/.zfunc/_cherry
cherry completion fish > ~/.config/fish/completions/cherry.fish
"""
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script for SHELL."""
    completer = get_completion_class(shell)
    assert completer is not None
    script = completer(ctx.find_root().command, {}, "cherry", "_CHERRY_COMPLETE")
    open_screen(ctx.obj.environ).out.write(script.source() + "\n")
    return 0

"""`cherry secrets`: keys of providers, kept safely instead of in a shell's configuration."""

import sys
from pathlib import Path

import click

from cherry.cli.common import Place, confirmed, place_of
from cherry.cli.options import cwd_option, examples
from cherry.cli.render.style import OK
from cherry.cli.render.table import table
from cherry.client.secrets import SecretInfo, SecretsClient
from cherry.domain.errors import CherryError
from cherry.domain.errors import secrets as errors
from cherry.kernel.text import plural, visible

_LARGEST_BYTES = 100_000
_KEPT = {"keyring": "in the system's keyring", "file": "in an encrypted file", "nowhere": "nowhere yet"}


@click.group("secrets", epilog=examples("cherry secrets set OPENAI_API_KEY\ncherry secrets list"))
def secrets() -> None:
    """Keep the keys of providers: in the system's keyring, or encrypted in a file only you can read.

    A key in the environment comes first; what is kept here is used where there is none.
    """


@secrets.command(
    "set",
    short_help="Keep a key.",
    epilog=examples("cherry secrets set OPENAI_API_KEY\npass show openai | cherry secrets set OPENAI_API_KEY"),
)
@click.argument("name")
@click.argument("more", nargs=-1, metavar="")
@cwd_option
@click.pass_context
def set_(ctx: click.Context, /, name: str, more: tuple[str, ...], cwd: Path) -> int:
    """Keep the key of this NAME: the environment variable it stands for. It is asked for, or read from a pipe; never given as a word."""
    if more or "=" in name:
        raise CherryError(errors.ON_COMMAND_LINE)
    place, client = _opened(ctx, cwd)
    client.check_name(name)
    kept = client.set(name, _value(place, name))
    where = _KEPT[client.listing().kept_in]
    place.print(f"{place.screen.style('good', OK)} {name} is kept {where}, for {_users(kept)}.")
    if kept.in_environment:
        place.print(f"  The environment has {name} too, and that one counts as long as it is set.")
    return 0


@secrets.command(
    "list",
    short_help="What is kept, and who uses it.",
    epilog=examples("cherry secrets list\ncherry secrets list --json"),
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def list_(ctx: click.Context, /, as_json: bool, cwd: Path) -> int:
    """Names of all keys that are kept, and who uses them. Values are never shown."""
    place, client = _opened(ctx, cwd)
    listing = client.listing()
    if as_json:
        place.print_json({"kept_in": listing.kept_in, "secrets": [info._asdict() for info in listing.secrets]})
    elif not listing.secrets:
        place.print("No keys are kept. `cherry secrets set OPENAI_API_KEY` keeps one.")
    else:
        rows = [(info.name, visible(_users(info)), _remark(info)) for info in listing.secrets]
        place.print(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        place.print(f"{plural(len(rows), 'key')}, kept {_KEPT[listing.kept_in]}.")
    return 0


@secrets.command("remove", short_help="Forget a key.", epilog=examples("cherry secrets remove OPENAI_API_KEY"))
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@cwd_option
@click.pass_context
def remove(ctx: click.Context, /, name: str, yes: bool, cwd: Path) -> int:
    """Forget a key. At the provider it stays valid."""
    place, client = _opened(ctx, cwd)
    client.check_name(name)
    if name not in (info.name for info in client.listing().secrets):
        raise CherryError(errors.UNKNOWN, where=name)
    if confirmed(place.screen, f"Forget {name} for good?", yes=yes):
        client.remove(name)
        place.print(f"{name} is forgotten.")
    return 0


@secrets.command(
    "rotate",
    short_help="Encrypt all under a new key.",
    epilog=examples(
        "cherry secrets rotate\nCHERRY_SECRETS_NEW_PASSPHRASE=… cherry secrets rotate\ncherry secrets rotate --key-file"
    ),
)
@click.option("--key-file", is_flag=True, help="From a passphrase back to a key file.")
@cwd_option
@click.pass_context
def rotate(ctx: click.Context, /, key_file: bool, cwd: Path) -> int:
    """Encrypt all that is kept under a new key and forget the old one. A kill at any moment loses nothing: run it again.

    With CHERRY_SECRETS_NEW_PASSPHRASE, or else CHERRY_SECRETS_PASSPHRASE, the key is made from that; otherwise it lies in a file
    beside the settings.
    """
    place, client = _opened(ctx, cwd)
    count = client.rotate(to_key_file=key_file)
    place.print(f"{place.screen.style('good', OK)} {plural(count, 'key')} encrypted anew; the old key is forgotten.")
    return 0


def _opened(ctx: click.Context, cwd: Path) -> tuple[Place, SecretsClient]:
    place = place_of(ctx, cwd)
    return place, place.wiring.open_secrets(place.loaded)


def _value(place: Place, name: str) -> str:
    if place.screen.person:
        text: str = click.prompt(f"{name} (not shown)", hide_input=True, err=place.screen.piped)
        return text
    data = sys.stdin.buffer.read(_LARGEST_BYTES)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CherryError(errors.BAD_VALUE, why="it is not text") from None


def _users(info: SecretInfo) -> str:
    return ", ".join(info.used_by) or "nobody known here"


def _remark(info: SecretInfo) -> str:
    return "the environment's counts" if info.in_environment else ""

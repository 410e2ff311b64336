"""`cherry doctor`: what is wrong on this machine, and how to mend it. Works when nothing else does."""

import asyncio
import json
from pathlib import Path

import click

from cherry.cli.options import cwd_option, examples, workspace_at
from cherry.cli.render.style import BAD, OK, Meaning
from cherry.cli.screen import Screen, open_screen
from cherry.cli.wiring import ClientOptions, Wiring
from cherry.client.port import Check
from cherry.config.loader import Loaded
from cherry.domain.errors import CherryError
from cherry.kernel.text import plural, visible

_SIGNS: dict[str, tuple[str, Meaning]] = {"ok": (OK, "good"), "warning": ("!", "warn"), "problem": (BAD, "bad")}


@click.command("doctor", epilog=examples("cherry doctor\ncherry doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def doctor(ctx: click.Context, /, as_json: bool, cwd: Path) -> int:
    """Check settings, storage, sandbox and providers. Exits with 1 when there is a problem."""
    wiring: Wiring = ctx.obj
    workspace = workspace_at(cwd)
    settings, loaded = _settings_check(wiring, workspace)
    checks = [settings, *(asyncio.run(_client_checks(wiring, workspace, loaded)) if loaded else [])]
    screen = open_screen(wiring.environ, loaded.settings.ui if loaded else None)
    if as_json:
        screen.out.write(_as_json(checks))
    else:
        screen.out.write("\n".join(_line(check, screen) for check in checks) + "\n")
        screen.out.write(_verdict(checks) + "\n")
    return 1 if any(check.state == "problem" for check in checks) else 0


def _settings_check(wiring: Wiring, workspace: Path) -> tuple[Check, Loaded | None]:
    try:
        loaded = wiring.load_settings(workspace, ())
    except CherryError as error:
        return _failed("settings", error), None
    if loaded.notices:
        return Check("settings", "warning", " ".join(loaded.notices), "See `cherry config show`."), loaded
    return Check(
        "settings", "ok", f"{loaded.user_file}{'' if loaded.user_file.exists() else ' (not there; defaults)'}"
    ), loaded


async def _client_checks(wiring: Wiring, workspace: Path, loaded: Loaded) -> list[Check]:
    try:
        async with wiring.open_client(workspace, ClientOptions(loaded=loaded)) as client:
            return await client.checks()
    except CherryError as error:
        return [_failed("start", error)]


def _failed(name: str, error: CherryError) -> Check:
    return Check(name, "problem", f"{error.message} [{error.code}]", error.next_step)


def _line(check: Check, screen: Screen) -> str:
    sign, meaning = _SIGNS[check.state]
    line = f"{screen.style(meaning, sign)} {screen.style('strong', visible(check.name))}  {visible(check.text)}"
    return f"{line}\n  → {visible(check.next_step)}" if check.next_step and check.state != "ok" else line


def _verdict(checks: list[Check]) -> str:
    problems = sum(check.state == "problem" for check in checks)
    warnings = sum(check.state == "warning" for check in checks)
    if not problems and not warnings:
        return "All is well."
    return f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}."


def _as_json(checks: list[Check]) -> str:
    return json.dumps([check._asdict() for check in checks], indent=2) + "\n"

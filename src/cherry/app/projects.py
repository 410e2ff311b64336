"""`cherry init`: prepares a folder for Cherry. May be run again at any time: what is there is kept, never overwritten."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple

from cherry.context.stack import Stack, detect_stack
from cherry.domain.errors import CherryError, config

FOLDER = ".cherry"


class SetUp(NamedTuple):
    """One thing `cherry init` did or found."""

    state: Literal["made", "kept", "found", "skipped"]
    text: str


async def set_up_project(
    folder: Path, *, name: str, git: bool, run_git: Callable[[Path], Awaitable[None]], trust: Callable[[Path], None]
) -> list[SetUp]:
    """Prepares `folder`, making it if need be; `name` is what the project is called.

    `git` asks for a repository; `run_git` makes one; `trust` notes that the user wrote this configuration themselves.

    Raises CherryError(config.BAD_USAGE) when the folder cannot be prepared.
    """
    steps = [_folder(folder)]
    stack = detect_stack(folder)
    steps.append(_found(stack))
    had_config = (folder / FOLDER / "config.toml").exists() or (folder / FOLDER / "config.yaml").exists()
    steps += (
        [_file(folder, "config.toml", _config(stack, name))]
        if not had_config
        else [SetUp("kept", f"{FOLDER}/config.* (already there)")]
    )
    steps.append(
        _file(folder, ".gitignore", "# Everything Cherry may leave here stays out of the repository.\nlocal/\n")
    )
    steps.append(await _repository(folder, git, run_git))
    if not had_config:
        trust(folder)
    return steps


def _folder(target: Path) -> SetUp:
    existed = target.is_dir()
    try:
        (target / FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CherryError(
            config.BAD_USAGE,
            f"{target} cannot be prepared",
            why=str(error.strerror or error),
            next_step="Choose a folder you can write to.",
        ) from error
    return SetUp("found" if existed else "made", str(target))


def _found(stack: Stack) -> SetUp:
    if not stack.languages:
        return SetUp("skipped", "no language or build tool recognised; set `validation.commands` yourself")
    commands = ", ".join(command for command in (stack.test, stack.lint) if command)
    return SetUp("found", f"{', '.join(stack.languages)}" + (f" ({commands})" if commands else ""))


def _file(target: Path, name: str, content: str) -> SetUp:
    path = target / FOLDER / name
    shown = f"{FOLDER}/{name}"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return SetUp("kept", f"{shown} (already there)")
    except OSError as error:
        raise CherryError(config.BAD_USAGE, f"{shown} cannot be written", why=str(error.strerror or error)) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    return SetUp("made", shown)


async def _repository(target: Path, wanted: bool, run_git: Callable[[Path], Awaitable[None]]) -> SetUp:
    if any((above / ".git").exists() for above in (target, *target.parents)):
        return SetUp("kept", "git repository (already there)")
    if not wanted:
        return SetUp("skipped", "no git repository; `cherry init --git` makes one")
    await run_git(target)
    return SetUp("made", "git repository")


def _config(stack: Stack, name: str) -> str:
    lines = [
        f"# Cherry's settings for {name}. `cherry config show` lists all of them and where each value comes from.",
        "# A change takes effect once you have run `cherry trust`.",
        "",
        "[validation]",
        "# Run after edits, in the sandbox; what they newly complain about goes back to the model.",
    ]
    commands = [command for command in (stack.lint,) if command]
    shown = ", ".join(f'"{command}"' for command in commands)
    lines.append(f"commands = [{shown}]")
    if stack.test:
        lines.append("# Once the model says that it is done: those tests that have to do with the changes.")
        lines += ['tests = "related"', f'test_command = "{stack.test}"']
        lines += ["", "[[approvals.rules]]", 'tool = "shell.run"', f'command = "{stack.test}"', 'action = "allow"']
    return "\n".join(lines) + "\n"

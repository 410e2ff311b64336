"""Validation of a workspace, wired: which checks there are, what they may run, and how their parts are loaded."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib import import_module
from typing import NamedTuple

from cherry.agent.validation.checker import Checker, ReadReport
from cherry.agent.validation.commands import CommandsCheck
from cherry.agent.validation.composed import Checks
from cherry.agent.validation.diagnostics import Diagnostics, DiagnosticsCheck
from cherry.agent.validation.port import Check, Contents, Policy
from cherry.agent.validation.running import CommandRunner
from cherry.agent.validation.sources import Sources
from cherry.agent.validation.syntax import Faults, SyntaxCheck
from cherry.config.settings import SandboxSettings, ValidationSettings
from cherry.context.memory import FOLDER as MEMORY_FOLDER
from cherry.context.stack import detect_stack
from cherry.domain.errors import CherryError
from cherry.sandbox.port import Bounds, Sandbox
from cherry.security.jail import Jail
from cherry.security.trust import trust_subject


class Grounds(NamedTuple):
    """What validation of one workspace stands on."""

    jail: Jail
    contents: Contents
    sandbox: Sandbox
    bounds: Bounds
    sandbox_settings: SandboxSettings
    settings: ValidationSettings
    trusted: bool
    """The workspace's own configuration may be used."""
    clean: Callable[[str], str]
    list_files: Callable[[], Awaitable[Sequence[str]]]
    diagnostics: Diagnostics | None = None


def open_validation(on: Grounds) -> tuple[Checks, Policy]:
    """Loads and runs nothing."""
    settings = on.settings
    policy = Policy(settings.max_repairs, settings.on_failure)
    sources = partial(Sources, on.jail)
    if not settings.enabled:
        return Checks((), sources=sources), policy
    runner = CommandRunner(
        on.sandbox,
        on.jail.root,
        network=(),  # nobody is asked before they run, and they run what the model wrote
        bounds=on.bounds,
        forbidden=lambda: _forbidden(on),
    )
    checker = Checker(runner, on.contents, sources=sources, load_reader=lambda: _load_reader(on.jail))
    after_steps: list[Check] = [SyntaxCheck(on.contents, _load_faults)]
    if on.diagnostics is not None:
        after_steps.append(DiagnosticsCheck(on.diagnostics, on.contents, sources=sources))
    after_steps.append(CommandsCheck(checker, commands=lambda: _commands(on), seconds=settings.timeout))
    after_turns = [_project_tests(on, checker, sources)] if settings.tests != "off" else []
    return Checks(after_steps, after_turns, sources=sources, clean=on.clean), policy


def _project_tests(on: Grounds, checker: Checker, sources: Callable[[], Sources]) -> Check:
    """Loaded only where tests are to be run: the rules for what has to do with what are a module of their own each."""
    check: Check = import_module("cherry.agent.validation.project_tests").ProjectTests(
        checker,
        command=lambda: on.settings.test_command or detect_stack(on.jail.root).test,
        scope=on.settings.tests,
        list_files=on.list_files,
        sources=sources,
        seconds=on.settings.test_timeout,
    )
    return check


def _commands(on: Grounds) -> Sequence[str]:
    """Those the user has set; otherwise the project's own linter, if the user has trusted what this project brings along."""
    if on.settings.commands:
        return on.settings.commands
    # Where there is nothing to trust but notes made by Cherry's own command, nobody has been asked.
    looked_at = [item for item in trust_subject(on.jail.root).items if not item.path.startswith(f"{MEMORY_FOLDER}/")]
    if not on.trusted or not looked_at:
        return ()
    stack = detect_stack(on.jail.root)
    return [command for command in (stack.lint, stack.format_check) if command]


def _forbidden(on: Grounds) -> str:
    if on.sandbox_settings.required is False:
        return ""
    try:
        confined = on.sandbox.confines
    except CherryError as error:
        return error.message
    if confined:
        return ""
    return "there is no sandbox. `sandbox.required = false` lets them run with your own rights."


def _load_faults() -> Faults:
    found: Faults = import_module("cherry.syntax.faults").syntax_faults
    return found


def _load_reader(jail: Jail) -> ReadReport:
    read: ReadReport = partial(import_module("cherry.reports.reading").read_report, workspace=jail.root)
    return read

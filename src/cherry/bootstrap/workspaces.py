"""Everything that belongs to one workspace, wired: jail, editor, sandbox, tools, policy, prompts, validation."""

import os
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cherry.agent.spending import Accounts
from cherry.agent.workbench import CompactionLimits, Workbench
from cherry.app.approvals import BareApprovals, RuledApprovals
from cherry.bootstrap.sandboxes import DeferredSandbox
from cherry.bootstrap.temporary import make_private_folder, remove_forgotten_folders
from cherry.bootstrap.validating import Grounds, open_validation
from cherry.config.settings import Settings
from cherry.context.prompts import WorkspacePrompts
from cherry.context.stack import describe, detect_stack
from cherry.domain.errors import CherryError, config
from cherry.edits.editor import Editor
from cherry.git.command import Git
from cherry.git.shadow import ShadowIndex
from cherry.kernel.clock import Clock
from cherry.kernel.ids import content_hash
from cherry.kernel.paths import HomeFolders
from cherry.observability.log import Log
from cherry.sandbox.choose import Probe, is_likely, probe
from cherry.sandbox.port import Bounds
from cherry.security.egress import ANYWHERE, Grant, grants_of
from cherry.security.framing import frame
from cherry.security.jail import Jail
from cherry.security.policy import Rule
from cherry.security.redaction import secret_values
from cherry.security.remembered import RememberedRules
from cherry.security.workspace_secrets import WorkspaceRedactor
from cherry.storage.holders import holder_id
from cherry.storage.upkeep import KeptStore
from cherry.tools.shell import MAX_SECONDS, Patience
from cherry.tools.side_effects import PASSED_OVER, SideEffects
from cherry.tools.standard import Workplace, standard_toolbox
from cherry.tools.walking import workspace_files
from cherry.tools.wrappers.cut import Limits


class Machine(NamedTuple):
    """What this machine offers, asked when it is needed."""

    probe: Callable[[], Probe]
    """Tries the sandbox: some milliseconds the first time."""
    sandbox_likely: Callable[[], bool]
    """Looks only."""

    @classmethod
    def here(cls, environ: Mapping[str, str]) -> "Machine":
        path = environ.get("PATH", "")
        return cls(lambda: probe(path), lambda: is_likely(path))


class Surroundings(NamedTuple):
    """What every workspace of this process shares."""

    store: KeptStore
    settings: Settings
    folders: HomeFolders
    environ: Mapping[str, str]
    clock: Clock
    log: Log
    machine: Machine
    trusted: bool
    """The workspace's own notes and settings may be used."""
    secrets: Mapping[str, str] = {}
    """Redacted besides those of the environment."""
    remember: Callable[[Path, str], str] | None = None
    """Keeps a note about a workspace for later sessions."""
    still_trusted: Callable[[], bool] = lambda: True
    """The same asked again: what was written meanwhile nobody has trusted."""


MAP_SECONDS = 2.0
"""Looking for the files of a workspace that is not a repository; what is not found by then is not on the map."""


def open_workbench(workspace: Path, around: Surroundings) -> Workbench:
    """Touches nothing slow: the sandbox is looked for at the first command, grammars are loaded at the first change."""
    jail = Jail(workspace)
    settings = around.settings
    own_folder = around.folders.data / "workspaces" / content_hash(os.fsencode(jail.root))[3:19]
    editor = Editor(jail, around.store.blobs, own_folder)
    temporary = make_private_folder()
    spool = temporary / "output"
    spool.mkdir()
    private = temporary / "sandbox"
    private.mkdir()
    redactor = WorkspaceRedactor(jail.root, {**secret_values(around.environ), **around.secrets})
    redact = redactor.redact
    git = Git(jail.root, around.environ)

    async def files() -> Sequence[str]:
        return (await workspace_files(git, jail.root, seconds=MAP_SECONDS)).names

    sandbox = DeferredSandbox(
        around.machine.probe, required=settings.sandbox.required is True, environ=around.environ, temporary=private
    )
    index = ShadowIndex(
        jail.root,
        around.environ,
        place=own_folder / "shadow",
        spare=temporary / "shadow",
        passed_over=PASSED_OVER,
    )
    side_effects = SideEffects(index, editor, around.store.blobs)
    standard = standard_toolbox(
        Workplace(
            jail=jail,
            editor=editor,
            sandbox=sandbox,
            blobs=around.store.blobs,
            clock=around.clock,
            environ=around.environ,
            spool_folder=spool,
            clean=redact,
            clean_stream=redactor.stream,
            framed=lambda text, source: frame(text, source=source),
            network=_network(settings),
            bounds=_bounds(settings),
            patience=Patience(settings.tools.timeout, min(settings.tools.max_timeout, MAX_SECONDS)),
            output=Limits(characters=settings.tools.output_limit),
            side_effects=side_effects,
            remember=around.remember and partial(around.remember, jail.root),
            log=around.log,
        )
    )
    remembered = RememberedRules(around.folders.data / "approvals.json", jail.root)
    approvals = RuledApprovals(
        [*_rules(settings), *remembered.rules()],
        mode=settings.approvals.mode,
        workspace=str(jail.root),
        keep=remembered.keep,
    )
    guarded = approvals if settings.sandbox.required is False else BareApprovals(approvals, lambda: sandbox.confines)

    validator, policy = open_validation(
        Grounds(
            jail=jail,
            contents=around.store.blobs,
            sandbox=sandbox,
            bounds=_bounds(settings),
            sandbox_settings=settings.sandbox,
            settings=settings.validation,
            trusted=around.trusted,
            clean=redact,
            list_files=files,
        )
    )

    async def close() -> None:
        await standard.processes.close()
        side_effects.close()
        shutil.rmtree(temporary, ignore_errors=True)
        remove_forgotten_folders()

    return Workbench(
        toolbox=standard.toolbox,
        prompts=_prompts(jail.root, around, git, files),
        approvals=guarded,
        validator=validator,
        policy=policy,
        editor=editor,
        notices=() if around.machine.sandbox_likely() else (NO_SANDBOX,),
        summary_model=settings.model.small,
        compaction=CompactionLimits(settings.model.max_context, settings.model.compact_at),
        accounts=Accounts(around.store.ledger, settings.limits.beyond_a_turn(), holder_id()),
        close=close,
    )


NO_SANDBOX = (
    "There is no sandbox on this machine: commands run with your own rights. Install bubblewrap to confine them."
)


def _network(settings: Settings) -> tuple[Grant, ...]:
    """Raises CherryError(config.BAD_VALUE)."""
    given = settings.sandbox.network
    if isinstance(given, bool):
        return (ANYWHERE,) if given else ()
    try:
        return grants_of(given, private=True)
    except ValueError as error:
        raise CherryError(config.BAD_VALUE, "sandbox.network cannot be read", why=str(error)) from None


def _bounds(settings: Settings) -> Bounds:
    sandbox = settings.sandbox
    return Bounds(cpu_seconds=int(sandbox.cpu), memory_bytes=sandbox.memory, processes=sandbox.processes)


def _rules(settings: Settings) -> list[Rule]:
    return [
        Rule(action=rule.action, tool=rule.tool, command=rule.command, path=rule.path)
        for rule in settings.approvals.rules
    ]


def _prompts(
    root: Path, around: Surroundings, git: Git, files: Callable[[], Awaitable[Sequence[str]]]
) -> WorkspacePrompts:
    async def branch() -> str:
        try:
            answer = await git.run("symbolic-ref", "--short", "-q", "HEAD")
        except CherryError:
            return ""
        name = answer.stdout.decode("utf-8", "replace").strip()
        return f"Git branch: {name}." if answer.code == 0 and name else ""

    stack = describe(detect_stack(root))
    return WorkspacePrompts(
        root,
        list_files=files,
        git_summary=branch,
        facts=[stack] if stack else [],
        trusted=lambda: around.trusted and around.still_trusted(),
        now=around.clock.now,
    )

"""The tools Cherry comes with, and the order of what happens around each call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cherry.edits.editor import Editor
from cherry.git.command import Git
from cherry.kernel.clock import Clock
from cherry.observability.log import Log
from cherry.sandbox.port import Bounds, Sandbox
from cherry.security.egress import Grant
from cherry.security.jail import Jail
from cherry.storage.ports import Blobs
from cherry.tools.files import FileTools
from cherry.tools.git import GitTools
from cherry.tools.history import search_history
from cherry.tools.invocation import Wrapper
from cherry.tools.listing import ListingTools
from cherry.tools.live import ByLine, Cleaner
from cherry.tools.memory import MemoryTools, Remember
from cherry.tools.processes import Processes
from cherry.tools.questions import ask_user
from cherry.tools.search import SearchTools
from cherry.tools.searching.matches import SECONDS
from cherry.tools.shell import Patience, ShellTools
from cherry.tools.side_effects import SideEffects
from cherry.tools.talking import InputTools
from cherry.tools.todo import write_todo
from cherry.tools.tool import Tool, tools_of
from cherry.tools.toolbox import Toolbox
from cherry.tools.wrappers.cut import Limits, cut_long
from cherry.tools.wrappers.errors import report_errors
from cherry.tools.wrappers.frame import frame_untrusted
from cherry.tools.wrappers.leave import ask_leave
from cherry.tools.wrappers.redact import redact
from cherry.tools.wrappers.time_limit import limit_time
from cherry.tools.wrappers.validate import validate


@dataclass(frozen=True)
class Workplace:
    """What the standard tools of one workspace need."""

    jail: Jail
    editor: Editor
    sandbox: Sandbox
    blobs: Blobs
    clock: Clock
    environ: Mapping[str, str]
    """The user's environment: where programs are, who commits."""
    spool_folder: Path
    """For output that is too much for memory; must exist."""
    clean: Callable[[str], str]
    """A text without its secrets."""
    framed: Callable[[str, str], str]
    """A text marked as data, with where it comes from."""
    network: tuple[Grant, ...] = ()
    """What every command may reach."""
    clean_stream: Callable[[], Cleaner] | None = None
    """As `clean`, for a text that comes in pieces; None: line by line."""
    bounds: Bounds = field(default_factory=Bounds)
    search_seconds: float = SECONDS
    """How long one search may take."""
    patience: Patience = field(default_factory=Patience)
    """With commands."""
    output: Limits = field(default_factory=Limits)
    """What of a tool's output the model reads."""
    side_effects: SideEffects | None = None
    """Keeps what commands change."""
    remember: Remember | None = None
    """Keeps a note for later sessions; without it there is no such tool."""
    log: Log = field(default_factory=Log)
    """Where the details of crashes go."""


@dataclass(frozen=True)
class Standard:
    toolbox: Toolbox
    processes: Processes
    """Close it with the session: it ends what still runs."""


def standard_toolbox(
    place: Workplace, *, more_tools: tuple[Tool, ...] = (), more_wrappers: tuple[Wrapper, ...] = ()
) -> Standard:
    """`more_wrappers` stand between redaction and errors: they see every call and its real result."""
    processes = Processes(place.sandbox, place.clock, folder=place.spool_folder)
    toolbox = Toolbox(
        [*standard_tools(place, processes), *more_tools],
        [*outer_wrappers(place), *more_wrappers, *inner_wrappers(place)],
        clock=place.clock,
        log=place.log,
    )
    return Standard(toolbox, processes)


def standard_tools(place: Workplace, processes: Processes) -> tuple[Tool, ...]:
    root = place.jail.root
    git = Git(root, place.environ)
    return tuple(
        tools_of(
            FileTools(place.jail, place.editor, place.blobs),
            ListingTools(place.jail, git),
            SearchTools(place.jail, git, place.environ, seconds=place.search_seconds),
            ShellTools(
                processes,
                root,
                network=place.network,
                bounds=place.bounds,
                clean_stream=place.clean_stream or partial(ByLine, place.clean),
                patience=place.patience,
                side_effects=place.side_effects,
                git=git,
            ),
            InputTools(processes),
            GitTools(git, place.jail),
            *([MemoryTools(place.remember)] if place.remember else ()),
            write_todo,
            ask_user,
            search_history,
        )
    )


def outer_wrappers(place: Workplace) -> tuple[Wrapper, ...]:
    """What is done to a result, outermost (last done) first."""
    return (frame_untrusted(place.framed), cut_long(place.blobs, place.output), redact(place.clean))


def inner_wrappers(place: Workplace) -> tuple[Wrapper, ...]:
    """What is done before the function runs; errors of all of it become results here."""
    return (report_errors(place.log), validate, ask_leave, limit_time)

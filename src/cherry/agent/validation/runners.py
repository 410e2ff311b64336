"""Test runners: how each is told to run only some tests. One row each; an unknown runner runs everything."""

import re
import shlex
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from cherry.agent.validation.related.packages import cargo_packages, go_packages, javascript_sources
from cherry.agent.validation.related.project import Project, TooLarge
from cherry.agent.validation.related.python import related_test_files

Units = tuple[str, ...]
"""What a runner can be told to run: test files, packages, sources."""
EVERYTHING = "*"
MAX_UNITS = 200
"""More than these and everything is run."""


class Runner(NamedTuple):
    name: str
    fits: str
    """Regular expression found in the test command, or in the script of package.json it stands for."""
    units: Callable[[Sequence[str], Project], Units | None]
    """For changed paths; None: everything. Raises TooLarge."""
    command: Callable[[str, Units, Project], str]
    """From the whole test command to one that runs only these."""


def _files(command: str, units: Units, project: Project) -> str:
    """The files in place of the paths the command names."""
    folders = {str(folder) for path in project.files for folder in PurePosixPath(path).parents} - {"."}
    paths = folders.union(project.files)
    words = shlex.split(command)
    kept = [word for before, word in pairwise(["", *words]) if before in _WITH_VALUE or word.rstrip("/") not in paths]
    return f"{shlex.join(kept)} {_quoted(units)}"


def _jest(command: str, units: Units, _project: Project) -> str:
    separator = " -- " if command.startswith("npm ") else " "
    return f"{command}{separator}--passWithNoTests --findRelatedTests {_quoted(units)}"


def _vitest(_command: str, units: Units, _project: Project) -> str:
    return f"npx --no-install vitest related --run --passWithNoTests {_quoted(units)}"


def _cargo(command: str, units: Units, _project: Project) -> str:
    packages = " ".join(f"-p {shlex.quote(unit)}" for unit in units)
    return command.replace("cargo test", f"cargo test {packages}", 1)


def _go(command: str, units: Units, _project: Project) -> str:
    return command.replace("./...", " ".join(shlex.quote(f"./{unit}") for unit in units), 1)


def _quoted(units: Units) -> str:
    """A name that begins with a dash would be an option."""
    return " ".join(shlex.quote(unit if not unit.startswith("-") else f"./{unit}") for unit in units)


RUNNERS = (
    Runner("pytest", r"\bpytest\b", related_test_files, _files),
    Runner("unittest", r"\bunittest\b(?!.*\bdiscover\b)", related_test_files, _files),
    Runner("vitest", r"\bvitest\b", javascript_sources, _vitest),
    Runner("jest", r"\bjest\b", javascript_sources, _jest),
    Runner("cargo", r"^cargo test\b", cargo_packages, _cargo),
    Runner("go", r"^go test\b.* \./\.\.\.", go_packages, _go),
)
_WITH_VALUE = ("-k", "-m", "-p", "-c", "-o", "-n", "-W", "--ignore", "--deselect", "--rootdir")
"""Options of Python's runners after which a word is no path to run."""
_SCRIPT = re.compile(r"^(?:npm|pnpm|yarn|bun)(?: run)?(?: --?\w+)* test\b")
_TEST_SCRIPT = re.compile(r'"test"\s*:\s*"((?:[^"\\]|\\.)*)"')
_COMPOUND = re.compile(r"[;&|<>\n`$()\\]")


def runner_of(command: str, project: Project) -> Runner | None:
    """None for a command that cannot be told to run less."""
    if _COMPOUND.search(command) or not _is_words(command):
        return None
    script = command
    if _SCRIPT.match(command) and (found := _TEST_SCRIPT.search(project.text("package.json"))):
        script = found[1]
        if _COMPOUND.search(script):
            return None
    return next((runner for runner in RUNNERS if re.search(runner.fits, script)), None)


def units_of(runner: Runner | None, changed: Sequence[str], project: Project) -> Units:
    """What has to do with the changed paths; `(EVERYTHING,)` when nobody can say."""
    if runner is None:
        return (EVERYTHING,)
    try:
        units = runner.units(changed, project)
    except TooLarge:
        return (EVERYTHING,)
    return (EVERYTHING,) if units is None or len(units) > MAX_UNITS else units


def command_for(command: str, runner: Runner | None, units: Units, project: Project) -> str:
    return command if runner is None or EVERYTHING in units else runner.command(command, units, project)


def _is_words(command: str) -> bool:
    try:
        return bool(shlex.split(command))
    except ValueError:  # a quote without its end
        return False

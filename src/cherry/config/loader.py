"""Puts the layers together: defaults < platform variables < user file < project file < `.env` < environment < options.

Reads files and the given environment, writes nothing. Whether the project's own file counts is the caller's decision (law 6);
this room only makes sure an ignored file is said.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cherry.config import environment, files
from cherry.config.schema import check_section, unknown_key_error, unknown_keys
from cherry.config.settings import SECTIONS, LimitSettings, Settings
from cherry.config.sources import DEFAULT, Key, Layer, LayerKind, Source, leaves
from cherry.config.tightening import tightened
from cherry.domain.base import Value
from cherry.domain.errors import CherryError
from cherry.kernel.paths import HomeFolders

PROJECT_FOLDER = ".cherry"
_ADDED_UP: tuple[Key, ...] = (("approvals", "rules"),)
"""Lists whose layers are joined instead of replaced: a project's rules come after the user's own, never instead of them."""


class Flag(NamedTuple):
    """A setting given on the command line."""

    key: Key
    value: Any
    option: str
    """As it was written: `--max-steps`."""


class Setting(NamedTuple):
    value: Any
    source: Source


class Loaded(NamedTuple):
    """The settings, and how they came about."""

    settings: Settings
    layer: Layer
    """All given values, merged, with the place of each."""
    environ: Mapping[str, str]
    """The environment with the user's `.env` below it: where providers' keys are looked up."""
    notices: tuple[str, ...]
    """Sentences for the user: what was ignored and why."""
    unused: tuple[environment.Variable, ...]
    """Variables that are understood but have no effect yet."""
    user_file: Path
    """The user's configuration file; where it would be when there is none."""
    project_file: Path | None
    """The workspace's own file, read or ignored; None when there is none."""

    def source(self, *key: str) -> Source:
        return self.layer.source(key)

    def setting(self, *key: str) -> Setting:
        value: Any = self.settings
        for part in key:
            value = value[part] if isinstance(value, Mapping) else getattr(value, part)
        return Setting(value, self.source(*key))


def load(
    *,
    folders: HomeFolders,
    environ: Mapping[str, str],
    workspace: Path | None = None,
    project_trusted: bool = False,
    flags: Sequence[Flag] = (),
) -> Loaded:
    """Raises CherryError(config.BAD_FILE, BAD_VALUE, UNKNOWN_KEY)."""
    notices: list[str] = []
    user_file = files.find(folders.config)
    dotenv_variables: list[environment.Variable] = []
    if (dotenv_file := folders.config / ".env").is_file():
        dotenv_variables, passed_over = environment.dotenv(dotenv_file)
        notices += passed_over
    dotenv = environment.read(dotenv_variables, LayerKind.DOTENV)
    shell = environment.read(environment.variables(environ), LayerKind.ENVIRONMENT)

    project_file = _project_file(workspace, notices, trusted=project_trusted) if workspace else None
    weak = [_sensible(layer, notices) for layer in (dotenv.platform, shell.platform)]
    checked = [_known(files.read(user_file, LayerKind.USER_FILE), notices)] if user_file else []
    if project_file and project_trusted:
        project = _known(files.read(project_file, LayerKind.PROJECT_FILE), notices)
        project, told = tightened(project, merge([*weak, *checked]), _limits)
        notices += told
        checked.append(project)
    checked += [_known(layer, notices) for layer in (dotenv.layer, shell.layer, _from_flags(flags))]
    merged = merge([*weak, *checked])
    return Loaded(
        settings=_typed(merged),
        layer=merged,
        environ={**{variable.name: variable.value for variable in dotenv_variables}, **environ},
        notices=tuple(notices),
        unused=(*dotenv.unused, *shell.unused),
        user_file=user_file or folders.config / "config.toml",
        project_file=project_file,
    )


def _project_file(workspace: Path, notices: list[str], *, trusted: bool) -> Path | None:
    """What a workspace brings along. Untrusted, nothing about it can be an error: it is ignored and said."""
    folder = workspace / PROJECT_FOLDER
    if trusted:
        return files.find(folder)
    try:
        found = files.all_in(folder)
    except CherryError as error:
        notices.append(f"Ignored: {error.message}")
        return None
    if not found:
        return None
    notices.append(f"{found[0]} is ignored: this workspace is not trusted. Look at it, then run `cherry trust`.")
    return found[0]


def merge(layers: Sequence[Layer]) -> Layer:
    values: dict[str, Any] = {}
    sources: dict[Key, Source] = {}
    for layer in layers:
        _merge_into(values, sources, layer)
    return Layer(values, sources, DEFAULT)


def _merge_into(values: dict[str, Any], sources: dict[Key, Source], layer: Layer) -> None:
    for key, value in leaves(layer.values):
        if key in _ADDED_UP and isinstance(value, list) and isinstance(before := _get(values, key), list):
            for number in range(len(value)):
                sources[(*key, str(len(before) + number))] = layer.source((*key, str(number)))
            value = [*before, *value]
        else:
            _forget_below(sources, key)
            sources.update({below: source for below, source in layer.sources.items() if below[: len(key)] == key})
        sources[key] = layer.source(key)
        _set(values, key, value)


def _forget_below(sources: dict[Key, Source], key: Key) -> None:
    for below in [below for below in sources if len(below) > len(key) and below[: len(key)] == key]:
        del sources[below]


def _get(values: Mapping[str, Any], key: Key) -> Any:
    for part in key[:-1]:
        below = values.get(part)
        if not isinstance(below, Mapping):
            return None
        values = below
    return values.get(key[-1])


def _set(values: dict[str, Any], key: Key, value: Any) -> None:
    for part in key[:-1]:
        below = values.get(part)
        if not isinstance(below, dict):
            below = values[part] = {}
        values = below
    if value == {} and isinstance(values.get(key[-1]), dict):
        return  # an empty table takes nothing away
    values[key[-1]] = value


def _from_flags(flags: Sequence[Flag]) -> Layer:
    layer = Layer({}, sources := {}, Source(LayerKind.FLAG))
    for flag in flags:
        _set(layer.values, flag.key, flag.value)
        sources[flag.key] = Source(LayerKind.FLAG, name=flag.option)
    return layer


def _limits(layer: Layer) -> LimitSettings:
    checked = check_section("limits", layer.values.get("limits", {}), layer)
    assert isinstance(checked, LimitSettings)
    return checked


def _typed(merged: Layer) -> Settings:
    """Only sections somebody said something about are validated: the rest are defaults and cost nothing."""
    sections: dict[str, Value] = {
        name: check_section(name, merged.values[name], merged) if name in merged.values else section.model_construct()
        for name, section in SECTIONS.items()
    }
    return Settings.model_construct(None, **sections)


def _known(layer: Layer, notices: list[str]) -> Layer:
    """The layer without foreign variables. Raises UNKNOWN_KEY for keys that are certainly meant as settings."""
    foreign: set[str] = set()
    for key, known in unknown_keys(layer):
        source = layer.source(key)
        error = unknown_key_error(key, known, str(source))
        if len(key) > 1 or source.layer not in (LayerKind.ENVIRONMENT, LayerKind.DOTENV):
            raise error
        notices.append(f"{source.name} is not a setting of Cherry and was passed over. {error.next_step}")
        foreign.add(key[0])
    return layer._replace(values={name: value for name, value in layer.values.items() if name not in foreign})


def _sensible(layer: Layer, notices: list[str]) -> Layer:
    """The layer without values that make no sense: such variables are often meant for another program."""
    kept: dict[str, Any] = {}
    for name, value in layer.values.items():
        try:
            check_section(name, value, layer)
            kept[name] = value
        except CherryError as error:
            notices.append(f"Passed over: {error.message}")
    return layer._replace(values=kept)

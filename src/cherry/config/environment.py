"""What environment variables say, and which of them Cherry understands at all.

Three families of names:
- `CHERRY_…` with `__` between the parts of a key: `CHERRY_LIMITS__MAX_STEPS=20`. `CHERRY_MODEL` is short for
  `CHERRY_MODEL__DEFAULT`, `CHERRY_DEBUG` for `CHERRY_LOG__DEBUG`.
- names of the wider platform without a prefix (`LOG_LEVEL`, `DATABASE_URL`, …). Other programs use them too, so a value that makes no sense
  here is passed over with a notice, and those without a meaning yet are only listed.
- the providers' own keys (`OPENAI_API_KEY`, …), which the gateway reads by itself from `Loaded.environ`.

A `.env` file is read in one place only: beside the user's own configuration, and only these names in it count. A `.env` of a workspace is
never read: a repository must not choose endpoints, keys or limits (law 6), and the program under work has its own use for that file.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from cherry.config.files import read_text
from cherry.config.sources import Key, Layer, LayerKind, Source

PREFIX = "CHERRY_"
_SHORT: dict[str, Key] = {"CHERRY_MODEL": ("model", "default"), "CHERRY_DEBUG": ("log", "debug")}
_NOT_SETTINGS = frozenset({"CHERRY_HOME", "CHERRY_SECRETS_PASSPHRASE", "CHERRY_SECRETS_NEW_PASSPHRASE"})
"""Read by `cherry.kernel.paths`, and by bootstrap for the secret store: a passphrase never comes from a file beside it."""

_PLATFORM: dict[str, Key] = {
    "DEFAULT_MODEL_PROVIDER": ("model", "provider"),
    "MAX_CONTEXT_LENGTH": ("model", "max_context"),
    "CONTEXT_COMPRESSION_THRESHOLD": ("model", "compact_at"),
    "LOG_LEVEL": ("log", "level"),
}
_NOT_USED_YET = (
    "SERVER_HOST",
    "SERVER_PORT",
    "DATABASE_URL",
    "REDIS_URL",
    "MAX_CONCURRENT_TASKS",
    "LOG_FORMAT",
    "LOG_FILE",
    "CONFIG_PATH",
    "AGENT_POOL",
)
_PROVIDER_VARIABLE = r"(OPENAI|ANTHROPIC|DEEPSEEK|DASHSCOPE|QWEN|OLLAMA|COHERE|LMSTUDIO|LLAMACPP)_[A-Z_]+"
_DOTENV_LINE = r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*"


class Variable(NamedTuple):
    name: str
    value: str
    source: Source


class FromEnvironment(NamedTuple):
    layer: Layer
    """From names that are certainly meant for Cherry."""
    platform: Layer
    """From names other programs use too; each value stands alone and may be dropped."""
    unused: tuple[Variable, ...]


def variables(environ: Mapping[str, str]) -> list[Variable]:
    return [
        Variable(name, value, Source(LayerKind.ENVIRONMENT, name=name))
        for name, value in sorted(environ.items())
        if _is_ours(name) and value != ""
    ]


def dotenv(path: Path) -> tuple[list[Variable], list[str]]:
    """The variables of a `.env` file that Cherry understands, and a notice for each line that was passed over."""
    found, notices = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(_DOTENV_LINE, line)
        if match is None:
            notices.append(f"{path}:{number} is not NAME=value and was passed over.")
        elif _is_ours(match[1]) or re.fullmatch(_PROVIDER_VARIABLE, match[1]):
            found.append(Variable(match[1], _unquoted(match[2]), Source(LayerKind.DOTENV, path, number, match[1])))
        else:
            notices.append(f"{path}:{number}: {match[1]} means nothing to Cherry and was passed over.")
    return found, notices


def read(given: list[Variable], kind: LayerKind) -> FromEnvironment:
    layer = Layer({}, sources := {}, Source(kind))
    platform = Layer({}, platform_sources := {}, Source(kind))
    unused = []
    for variable in given:
        if key := _SHORT.get(variable.name) or _nested_key(variable.name):
            _place(layer.values, key, variable.value)
            sources[key] = variable.source
        elif key := _PLATFORM.get(variable.name):
            value = variable.value.lower() if variable.name == "LOG_LEVEL" else variable.value
            _place(platform.values, key, value)
            platform_sources[key] = variable.source
        elif variable.name in _NOT_USED_YET:
            unused.append(variable)
    return FromEnvironment(layer, platform, tuple(unused))


def _is_ours(name: str) -> bool:
    return (
        (name.startswith(PREFIX) and name not in _NOT_SETTINGS and len(name) > len(PREFIX))
        or name in _PLATFORM
        or name in _NOT_USED_YET
    )


def _nested_key(name: str) -> Key | None:
    if not name.startswith(PREFIX):
        return None
    return tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))


def _place(values: dict[str, Any], key: Key, value: str) -> None:
    for part in key[:-1]:
        below = values.setdefault(part, {})
        if not isinstance(below, dict):  # CHERRY_LIMITS=… beside CHERRY_LIMITS__MAX_STEPS=…: the more exact one wins
            below = values[part] = {}
        values = below
    if key[-1] not in values or not isinstance(values[key[-1]], dict):
        values[key[-1]] = _plain_or_json(value)


def _plain_or_json(value: str) -> Any:
    """Lists and tables are written as JSON; everything else is text, and the setting's type decides."""
    if value[:1] in ("[", "{"):
        try:
            return from_json(value)
        except ValueError:
            return value
    return value


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.sub(r"\s+#.*", "", value)

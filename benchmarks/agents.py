"""The agents that can be measured, as data: how each is asked one question without anybody at the terminal, and pointed at
the provider. Only those found on PATH are run.

In commands, variables and files, `{request}`, `{root}` (the provider's root) and `{home}` are filled in. Agents that speak
only an API the provider does not (Gemini's) are left out.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

KEY = "sk-double"


@dataclass(frozen=True, slots=True)
class Agent:
    name: str
    program: str
    command: tuple[str, ...]
    """Arguments after the program."""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Written below the home folder first."""
    version: tuple[str, ...] = ("--version",)
    can_step: bool = True
    """Whether it runs tool calls of the provider."""
    more_steps: tuple[str, ...] = ()
    """Further arguments that allow more than a few steps."""

    def located(self) -> str | None:
        return shutil.which(self.program)


_OPENAI = {"OPENAI_BASE_URL": "{root}/v1", "OPENAI_API_KEY": KEY}

CHERRY = Agent(
    "cherry",
    str(Path(sys.executable).with_name("cherry")),
    ("run", "--yes", "--model", "openai/test", "{request}"),
    {**_OPENAI, "CHERRY_HOME": "{home}/cherry"},
    more_steps=("--max-steps", "1000"),
)

_OPENCODE = {
    "autoupdate": False,
    "share": "disabled",
    "permission": {"bash": "allow", "edit": "allow"},
    "provider": {
        "double": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Double",
            "options": {"baseURL": "{root}/v1", "apiKey": KEY},
            "models": {"test": {"name": "test"}},
        }
    },
}

_CRUSH = {
    "options": {"disable_provider_auto_update": True, "disable_metrics": True},
    "providers": {
        "double": {
            "name": "Double",
            "type": "openai-compat",
            "base_url": "{root}/v1",
            "api_key": KEY,
            "models": [{"id": "test", "name": "test", "context_window": 128000, "default_max_tokens": 4096}],
        }
    },
    "models": {
        "large": {"provider": "double", "model": "test"},
        "small": {"provider": "double", "model": "test"},
    },
}

_CODEX = """\
model = "test"
model_provider = "double"

[model_providers.double]
name = "Double"
base_url = "{root}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""

PEERS = (
    Agent(
        "codex",
        "codex",
        ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "{request}"),
        {"OPENAI_API_KEY": KEY, "CODEX_HOME": "{home}/.codex"},
        {".codex/config.toml": _CODEX},
    ),
    Agent(
        "claude",
        "claude",
        ("-p", "{request}", "--model", "test", "--dangerously-skip-permissions"),
        {
            "ANTHROPIC_BASE_URL": "{root}",
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CONFIG_DIR": "{home}/.claude",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
        },
    ),
    Agent(
        "aider",
        "aider",
        (
            "--model",
            "openai/test",
            "--message",
            "{request}",
            "--yes-always",
            "--no-check-update",
            "--no-show-model-warnings",
            "--analytics-disable",
            "--no-gitignore",
        ),
        {"OPENAI_API_BASE": "{root}/v1", "OPENAI_API_KEY": KEY},
        can_step=False,
    ),
    Agent(
        "opencode",
        "opencode",
        ("run", "--model", "double/test", "{request}"),
        {"OPENCODE_CONFIG_CONTENT": json.dumps(_OPENCODE)},
    ),
    Agent(
        "crush",
        "crush",
        ("run", "--quiet", "{request}"),
        {"CRUSH_GLOBAL_CONFIG": "{home}/.config/crush"},
        {".config/crush/crush.json": json.dumps(_CRUSH)},
    ),
    Agent(
        "goose",
        "goose",
        ("run", "--no-session", "--text", "{request}"),
        {
            "GOOSE_PROVIDER": "openai",
            "GOOSE_MODEL": "test",
            "GOOSE_MODE": "auto",
            "GOOSE_DISABLE_KEYRING": "1",
            "OPENAI_HOST": "{root}",
            "OPENAI_API_KEY": KEY,
        },
    ),
    Agent("qwen", "qwen", ("--yolo", "--prompt", "{request}"), {**_OPENAI, "OPENAI_MODEL": "test"}),
)


def filled(text: str, *, request: str, root: str, home: Path) -> str:
    """Plain replacement: the texts hold JSON and TOML with braces of their own."""
    for name, value in (("{request}", request), ("{root}", root), ("{home}", str(home))):
        text = text.replace(name, value)
    return text


def command_of(agent: Agent, *, request: str, root: str, home: Path, many_steps: bool) -> list[str]:
    program = agent.located()
    if program is None:
        raise FileNotFoundError(agent.program)
    arguments = agent.command + (agent.more_steps if many_steps else ())
    return [program, *(filled(argument, request=request, root=root, home=home) for argument in arguments)]


def environment_of(agent: Agent, *, root: str, home: Path) -> dict[str, str]:
    """A clean environment: nothing of the person's own settings reaches the agent, bytecode may be written."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    own = {name: filled(value, request="", root=root, home=home) for name, value in agent.environment.items()}
    return {**kept, "HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", **own}

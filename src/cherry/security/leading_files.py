"""Files of a workspace that lead others: what stands in them is followed or run without anybody deciding to, as data.

They may be written, unlike what is protected (`cherry.security.protected`); but who writes them after reading foreign content may
be passing that content's orders on. Names are compared folded, at any depth. The project's own code is not among them: whoever runs
it has decided to.
"""

import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from cherry.security.protected import fold

_ORDERS = "agents take orders from it"
_SERVER = "a server runs it when it is pushed"
_UNASKED = "it is run when somebody commits, or opens the folder"
_SOURCES = "it says where packages and modules come from"

LEADING: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("AGENTS.md", "AGENT.md", "AGENTS.*.md", "CLAUDE.md", "CLAUDE.*.md", "GEMINI.md", "QWEN.md", "CRUSH.md"),
            *("WARP.md", "JULES.md", ".cursorrules", ".windsurfrules", ".clinerules", ".roorules", ".roorules-*"),
            *(".goosehints", ".rules", ".augment-guidelines", ".clinerules/**", ".roo/**", ".junie/**", ".augment/**"),
            *(".github/copilot-instructions.md", ".github/instructions/**", ".github/prompts/**"),
            *(".github/chatmodes/**", ".github/agents/**", ".github/skills/**", ".agents/**"),
        ),
        _ORDERS,
    ),
    **dict.fromkeys(
        (
            *(".github/workflows/**", ".github/actions/**", ".gitea/workflows/**", ".forgejo/workflows/**"),
            *(".gitlab-ci.yml", ".gitlab/ci/**", ".circleci/**", ".travis.yml", "Jenkinsfile", "Jenkinsfile.*"),
            *("azure-pipelines*.yml", "bitbucket-pipelines.yml", ".buildkite/**", ".drone.yml", ".woodpecker.y*ml"),
            *(".woodpecker/**", "appveyor.yml", ".appveyor.yml", "cloudbuild.y*ml", "codefresh.yml", ".teamcity/**"),
            ".cirrus.yml",
        ),
        _SERVER,
    ),
    **dict.fromkeys(
        (
            *(
                ".husky/**",
                ".githooks/**",
                ".pre-commit-config.yaml",
                "lefthook.y*ml",
                ".lefthook.y*ml",
                "lefthook.toml",
            ),
            *(".lefthook/**", ".overcommit.yml", ".devcontainer/**", ".devcontainer.json", ".gitpod.yml", ".vscode/**"),
            *("*.code-workspace", ".autoenv", ".direnvrc", ".exrc", ".nvim.lua", ".vimrc", ".dir-locals.el"),
        ),
        _UNASKED,
    ),
    **dict.fromkeys(
        (
            *(".gitmodules", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pip.conf", ".pypirc"),
            *(".cargo/config", ".cargo/config.toml", "nuget.config", ".bundle/config"),
        ),
        _SOURCES,
    ),
}
"""Glob of one or more path components → what follows from writing there. `**` at the end: everything below."""

_LOOKED_AT = 5_000
_PATTERNS = tuple((pattern.casefold().split("/"), reason) for pattern, reason in LEADING.items())
_INSTALLED = re.compile(
    r'^\+.*("(?:pre|post)?install"|"(?:pre|post)?prepare"|"prepublish(?:Only)?"|"(?:pre|post)pack"|\\u00)'
    r"|^\\ .*not shown$",
    re.MULTILINE,
)
"""An added line of a `package.json` with a script that runs by itself, or one that hides its key; a diff that is not shown whole."""


def leading_reason(relative: str) -> str:
    """What follows from writing this path; empty for an ordinary file. Pure: looks at the name alone."""
    parts = fold(relative).split("/")
    return next((reason for pattern, reason in _PATTERNS if _fits(parts, pattern)), "")


def added_reason(relative: str, unified: str) -> str:
    """The same for what a change adds to a file that is ordinary otherwise. `unified`: the diff's hunks."""
    if fold(relative).rpartition("/")[2] == "package.json" and _INSTALLED.search(unified):
        return "it adds a script that runs when packages are installed"
    return ""


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if pattern[-1] == "**":
        folder = pattern[:-1]
        places = range(len(parts) - len(folder))
        return any(_match(parts[at : at + len(folder)], folder) for at in places)
    return len(parts) >= len(pattern) and _match(parts[-len(pattern) :], pattern)


def _match(parts: list[str], pattern: list[str]) -> bool:
    return all(fnmatchcase(part, glob) for part, glob in zip(parts, pattern, strict=True))


_HELD = ("AGENTS.md", "CLAUDE.md", ".cursorrules", ".github/workflows", ".husky")
"""Also where they do not exist yet; the list is short because something empty stands there while a command runs."""


def leading_paths(workspace: Path, *, missing: bool = True) -> tuple[Path, ...]:
    """What leads others at the top of a workspace, to be held unwritable while something runs whose writing nobody looks at.

    With `missing` also some names that do not exist yet, for what takes moments.
    """
    try:
        with os.scandir(workspace) as entries:
            names = [entry.name for entry in islice(entries, _LOOKED_AT)]
    except OSError:
        names = []
    found = [name for name in names if leading_reason(name) or leading_reason(f"{name}/x")]
    deeper = [pattern.removesuffix("/**") for pattern in LEADING if "/" in pattern.removesuffix("/**")]
    present = [name for name in deeper if os.path.lexists(workspace / name)]
    return tuple(workspace / name for name in dict.fromkeys((*found, *present, *(_HELD if missing else ()))))

"""Which paths of a workspace are protected, as data: what may not be written, what may not be read.

Names alone decide here; the jail adds what needs a look into the file. All names are compared folded (`fold`), so that
`.GIT`, `.git.` or a name with invisible characters is not a way around.
"""

import os
import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

VERSION_CONTROL = (".git", ".hg", ".svn", ".jj")
AGENT_FOLDERS = (
    ".cherry",
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
    ".windsurf",
    ".continue",
    ".roo",
    ".kilocode",
    ".amazonq",
    ".goose",
    ".opencode",
    ".crush",
    ".qwen",
    ".kiro",
    ".trae",
    ".zed",
    ".idea",
)
"""Agents and editors start programs from what lies here: writing here is running something later, unasked."""

AGENT_FILES = (
    ".vscode/tasks.json",
    ".vscode/launch.json",
    ".vscode/settings.json",
    ".vscode/mcp.json",
    ".vscode/extensions.json",
    ".mcp.json",
    ".aider.conf.yml",
    ".crush.json",
    "opencode.json",
    ".envrc",
)

COMMANDS_MAY_NOT_WRITE = (
    ".git/hooks",
    ".git/config",
    ".git/config.worktree",
    ".cherry",
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
    ".vscode",
    ".idea",
    ".mcp.json",
)
"""What a sandbox keeps read-only in a workspace, whether it exists or not. The rest of `.git` must stay writable for git itself.

Short on purpose: what does not exist is seen as an empty folder while a command runs.
"""
COMMANDS_MAY_NOT_CHANGE = (*AGENT_FOLDERS, *AGENT_FILES)
"""Besides, where they exist."""

SECRET_NAMES = (
    ".env",
    ".env.*",
    ".envrc",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_*_sk",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.agekey",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".vault-token",
    ".htpasswd",
    "credentials.tfrc.json",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "config/master.key",
    "secrets.key",
    ".cherry/secrets*",
)
PUBLIC_NAMES = (
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    ".env.defaults",
    ".env.schema",
    ".env.*.example",
    ".env.*.sample",
    ".env.*.template",
)
"""Look like secrets and hold none by convention."""


_MAX_MODULES = 50
"""Submodules whose configuration is held; git at the top level reads it."""


class ContentSign(NamedTuple):
    """A file that is secret only when it holds a certain text."""

    names: tuple[str, ...]
    sign: re.Pattern[bytes]


CONTENT_SIGNS = (
    ContentSign(("*.pem", "*.key", "*.asc", "*.der"), re.compile(rb"PRIVATE KEY( BLOCK)?-----")),
    ContentSign(
        (".npmrc", ".yarnrc", ".yarnrc.yml"), re.compile(rb"(?i)(_authToken|_auth|_password|npmAuthToken)\s*[=:]")
    ),
    ContentSign(("*.json",), re.compile(rb'"private_key"\s*:\s*"-----BEGIN')),
)
CONTENT_SIGN_BYTES = 64 << 10
"""How much of a file is looked at for a sign."""


SECRETS_OF_A_HOME = (
    *(
        ".ssh",
        ".gnupg",
        ".aws",
        ".azure",
        ".kube",
        ".docker",
        ".config/gcloud",
        ".config/gh",
        ".config/cherry",
        ".netrc",
    ),
    *(
        ".local/share/keyrings",
        ".local/share/cherry",
        ".password-store",
        ".git-credentials",
        ".npmrc",
        ".pypirc",
        ".mozilla",
    ),
    *(".config/google-chrome", ".config/chromium", ".thunderbird", ".bash_history", ".zsh_history", ".python_history"),
    *(".cargo/credentials.toml", ".m2/settings.xml", ".config/op", ".vault-token", ".terraform.d", ".pgpass"),
)
"""Hidden from commands when somebody works in a home folder itself."""
START_UP_FILES = (
    *(
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".gitconfig",
    ),
    *(".config/autostart", ".config/systemd", ".config/fish", ".config/git", ".local/bin", ".config/environment.d"),
)
"""Not writable for commands there."""


class Protected(NamedTuple):
    """The rules of one jail. Names are glob patterns of one or more path components, matched at any depth."""

    folders: tuple[str, ...] = (*VERSION_CONTROL, *AGENT_FOLDERS)
    """Nothing in a folder of this name may be written, nor the folder itself made, moved or removed."""
    files: tuple[str, ...] = AGENT_FILES
    """Not written."""
    secrets: tuple[str, ...] = SECRET_NAMES
    """Not read."""
    public: tuple[str, ...] = PUBLIC_NAMES
    """Exceptions from `secrets`."""
    signs: tuple[ContentSign, ...] = CONTENT_SIGNS

    def write_reason(self, relative: str) -> str:
        """Why this path may not be written; empty when it may. Pure: looks at the name alone."""
        parts = fold(relative).split("/")
        for part in parts:
            if part in self.folders or _short_name_of_git(part):
                return f"`{part}` belongs to {_owner(part)}; what lies there runs programs or rewrites history"
        if _matches(parts, self.files):
            return "editors and agents start programs from this file"
        return ""

    def secret_reason(self, relative: str) -> str:
        """Why this path may not be read; empty when it may. Pure: looks at the name alone."""
        parts = fold(relative).split("/")
        if _matches(parts, self.public) or not _matches(parts, self.secrets):
            return ""
        return "files of this name hold secrets, which must not reach a model"

    def signs_for(self, relative: str) -> tuple[re.Pattern[bytes], ...]:
        """Texts that make this file a secret when it holds one of them."""
        name = fold(relative).rpartition("/")[2]
        return tuple(entry.sign for entry in self.signs if any(fnmatchcase(name, glob) for glob in entry.names))


def fold(relative: str) -> str:
    """The path as a forgiving file system would see it: one case, compatible forms, nothing invisible, no dots at the end.

    For comparing with names of this module only, never for opening.
    """
    if relative.isascii() and relative.isprintable():
        plain = relative
    else:
        plain = "".join(
            char for char in unicodedata.normalize("NFKC", relative) if unicodedata.category(char) not in {"Cf", "Cc"}
        )
    return "/".join(_fold_part(part) for part in plain.casefold().replace("\\", "/").split("/"))


def _fold_part(part: str) -> str:
    stripped = part.partition(":")[0].rstrip(". ")
    return stripped or part


def _short_name_of_git(part: str) -> bool:
    return part == "git~1"


def _owner(part: str) -> str:
    return (
        "version control" if part in VERSION_CONTROL or part == "git~1" else "the configuration of an agent or editor"
    )


def _matches(parts: list[str], patterns: tuple[str, ...]) -> bool:
    return any(_ends_with(parts, pattern.split("/")) for pattern in patterns)


def _ends_with(parts: list[str], pattern: list[str]) -> bool:
    if len(parts) < len(pattern):
        return False
    return all(fnmatchcase(part, glob) for part, glob in zip(parts[-len(pattern) :], pattern, strict=True))


def unwritable_for_commands(workspace: Path) -> tuple[Path, ...]:
    """What a sandboxed command in this workspace must not write: the value of `sandbox.port.Command.protected`."""
    present = [name for name in COMMANDS_MAY_NOT_CHANGE if os.path.lexists(workspace / name)]
    modules = sorted((workspace / ".git/modules").glob("**/config"))[:_MAX_MODULES]
    for config in modules:
        present += [str(path.relative_to(workspace)) for path in (config, config.with_name("hooks"))]
    return tuple(workspace / name for name in dict.fromkeys((*COMMANDS_MAY_NOT_WRITE, *present)))

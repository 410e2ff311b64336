"""Which pattern stands for a program and its like, in words a person understands: `pytest *`, `npm run test *`."""

from cherry.security.commands import Program
from cherry.security.shell_readonly import GIT_READERS, READERS
from cherry.security.shell_wrappers import OPAQUE, SHELLS, WRAPPERS

NEVER = frozenset(
    {
        *(
            "rm",
            "rmdir",
            "mv",
            "dd",
            "chmod",
            "chown",
            "chgrp",
            "kill",
            "pkill",
            "killall",
            "curl",
            "wget",
            "scp",
            "sftp",
        ),
        *(
            "rsync",
            "ftp",
            "telnet",
            "eval",
            "source",
            ".",
            "trap",
            "export",
            "unset",
            "set",
            "exec",
            "ln",
            "tee",
            "truncate",
        ),
        *(
            "apt",
            "apt-get",
            "dnf",
            "yum",
            "pacman",
            "brew",
            "systemctl",
            "service",
            "mount",
            "umount",
            "docker",
            "podman",
        ),
        *("kubectl", "terraform", "aws", "gcloud", "az", "gh", "twine", "awk", "gawk", "perl", "find", "tar", "sed"),
    }
)
"""Too much can be done with these for one yes to cover the next."""

SUBCOMMANDS: dict[str, int] = {
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun", "cargo", "go", "uv", "poetry", "pdm", "hatch", "pipenv", "rye"), 1),
    **dict.fromkeys(
        ("pip", "pip3", "mvn", "gradle", "dotnet", "swift", "mix", "composer", "bundle", "rails", "deno"), 1
    ),
    **dict.fromkeys(("git", "make", "just", "task", "nox", "tox", "ruff", "django-admin", "rake", "conda"), 1),
}
"""How many words after the program tell what it does."""
_RUNNERS = {"run", "exec", "x"}
"""Subcommands whose next word is what really runs."""
_INTERPRETERS = frozenset({"python", "python3", "node", "ruby", "php", "deno", "ts-node", "tsx"})
_NEVER_SUBCOMMANDS = frozenset(
    {"publish", "login", "logout", "push", "config", "adduser", "token", "deploy", "yank", "owner", "commit"}
)


def pattern_of(program: Program) -> str | None:
    """None when the program should be asked about each time."""
    if program.open_ended or program.wrappers or program.assignments or not program.name:
        return None
    if any(r.writes for r in program.redirections) or any(word.dynamic for word in program.arguments):
        return None
    if program.base in NEVER | SHELLS | OPAQUE or program.base in WRAPPERS:
        return None
    if program.name in READERS or (program.name == "git" and program.words[1:2] and program.words[1] in GIT_READERS):
        return None  # it was asked because of what it is called with this time
    if any(char in program.name for char in "*?[ '\"\\"):
        return None
    words = [word.text for word in program.arguments]
    if program.name in _INTERPRETERS:
        return _interpreter(program.name, words)
    kept = [program.name]
    wanted = SUBCOMMANDS.get(program.name, 0)
    while wanted and words:
        word = words.pop(0)
        if word.startswith("-") or word in _NEVER_SUBCOMMANDS:
            return None
        kept.append(word)
        wanted -= 1
        if word in _RUNNERS and len(kept) == 2 and kept[0] not in {"cargo", "go"}:
            wanted = 1
    if wanted or any(_odd(word) for word in kept):
        return None
    return " ".join([*kept, "*"])


def _interpreter(name: str, words: list[str]) -> str | None:
    """`python -m module *` or `python script.py *`; never code on the command line."""
    if len(words) >= 2 and words[0] == "-m" and not _odd(words[1]):
        return f"{name} -m {words[1]} *"
    if words and not words[0].startswith("-") and not _odd(words[0]) and not words[0].startswith("/dev/"):
        return f"{name} {words[0]} *"
    return None


def _odd(word: str) -> bool:
    return not word or any(char in word for char in "*?[]'\"\\ \n\t")

"""Programs known to only read, as data, and the check of one program against it.

The table says for each program which options make it do more than read. GNU tools take abbreviated long options and clusters
of short ones; both are regarded. Anything not in the table is not known to only read.
"""

import re
from typing import NamedTuple

from cherry.security.commands import Parsed, Program
from cherry.security.protected import Protected
from cherry.security.shell_syntax import Word
from cherry.security.shell_wrappers import PRIVILEGED

_PROTECTED = Protected()
_HARMLESS_ASSIGNMENT = re.compile(r"(LC_[A-Z]+|LANG|TZ|NO_COLOR|CLICOLOR|FORCE_COLOR|TERM|COLUMNS|LINES)=")
_PUBLIC_FOLDERS = ("/usr/", "/lib/", "/bin/", "/sbin/", "/lib64/")
_SED_PRINT = re.compile(r"[0-9$,;p\s]*p[0-9$,;p\s]*")


class Reader(NamedTuple):
    """What is forbidden for a program to count as one that only reads."""

    letters: str = ""
    """Short options, alone or in a cluster."""
    longs: tuple[str, ...] = ()
    """Long options without dashes; abbreviations count."""
    words: tuple[str, ...] = ()
    """Whole arguments (`-delete`), matched as beginnings."""
    positionals: int | None = None
    """At most so many arguments that are no options: the next would be an output."""
    paths: bool = True
    """False when its arguments name no files."""


_PLAIN = Reader()
_TEXT = Reader(paths=False)

READERS: dict[str, Reader] = {
    **dict.fromkeys(
        ("ls", "cat", "head", "tail", "wc", "cut", "nl", "tac", "rev", "comm", "join", "paste", "fold"), _PLAIN
    ),
    **dict.fromkeys(
        ("column", "cmp", "diff", "stat", "du", "df", "realpath", "readlink", "dirname", "basename"), _PLAIN
    ),
    **dict.fromkeys(
        ("md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum", "cksum", "od", "hexdump", "strings"), _PLAIN
    ),
    **dict.fromkeys(("grep", "egrep", "fgrep", "test", "[", "[["), _PLAIN._replace(letters="")),
    **dict.fromkeys(
        ("tr", "expr", "seq", "true", "false", ":", "pwd", "whoami", "id", "nproc", "uname", "uptime"), _TEXT
    ),
    **dict.fromkeys(("echo", "which", "type", "cal", "free", "sleep"), _TEXT),
    "printf": Reader(words=("-v",), paths=False),
    "date": Reader(letters="s", longs=("set",), paths=False),
    "hostname": Reader(letters="Fb", longs=("file", "boot"), positionals=0),
    "rg": Reader(letters="z", longs=("pre", "pre-glob", "search-zip", "hostname-bin")),
    "sort": Reader(letters="oT", longs=("output", "compress-program", "temporary-directory", "files0-from")),
    "uniq": Reader(positionals=1),
    "xxd": Reader(letters="r", positionals=1),
    "file": Reader(letters="C", longs=("compile",)),
    "tree": Reader(letters="oR", longs=("output",)),
    "find": Reader(words=("-exec", "-ok", "-delete", "-fprint", "-fls", "-files0")),
    "fd": Reader(letters="xX", longs=("exec", "exec-batch")),
    "cd": Reader(positionals=1),
}
_STARTED_BY_FLAGS = {name for name, reader in READERS.items() if reader.letters or reader.longs or reader.words}
"""Programs that a file named like an option could turn into more than a reader."""

VERSION_QUERIES = frozenset({"--version", "-V", "-v", "version"})
ANSWER_VERSION = frozenset(
    {
        *(
            "python",
            "python3",
            "pip",
            "pip3",
            "uv",
            "ruff",
            "pytest",
            "mypy",
            "node",
            "npm",
            "pnpm",
            "yarn",
            "npx",
            "deno",
        ),
        *(
            "bun",
            "tsc",
            "cargo",
            "rustc",
            "rustup",
            "go",
            "java",
            "javac",
            "mvn",
            "gradle",
            "gcc",
            "g++",
            "clang",
            "make",
        ),
        *("cmake", "git", "docker", "bash", "ruby", "php", "perl", "dotnet", "swift", "rg", "jq", "gh"),
    }
)

_GIT_OUTPUT = ("output", "ext-diff", "open-files-in-pager", "no-index", "textconv", "filters", "exec", "upload-pack")
GIT_READERS: dict[str, Reader] = {
    **dict.fromkeys(
        (
            "status",
            "diff",
            "log",
            "show",
            "rev-parse",
            "ls-files",
            "ls-tree",
            "blame",
            "annotate",
            "shortlog",
            "describe",
        ),
        Reader(longs=_GIT_OUTPUT),
    ),
    **dict.fromkeys(
        (
            "rev-list",
            "name-rev",
            "merge-base",
            "show-ref",
            "for-each-ref",
            "count-objects",
            "check-ignore",
            "diff-tree",
        ),
        Reader(longs=_GIT_OUTPUT),
    ),
    **dict.fromkeys(
        ("cat-file", "whatchanged", "cherry", "range-diff", "diff-index", "diff-files"), Reader(longs=_GIT_OUTPUT)
    ),
    "grep": Reader(letters="O", longs=_GIT_OUTPUT),
    "branch": Reader(
        letters="dDmMcCfu",
        longs=(
            "delete",
            "move",
            "copy",
            "force",
            "set-upstream-to",
            "unset-upstream",
            "edit-description",
            "track",
            "create-reflog",
        ),
        positionals=0,
    ),
    "tag": Reader(
        letters="adsfmFeu",
        longs=("annotate", "sign", "delete", "force", "message", "file", "edit", "local-user", "create-reflog"),
        positionals=0,
    ),
    "remote": Reader(positionals=0),
    "stash": Reader(
        words=("push", "pop", "apply", "drop", "clear", "save", "store", "create", "branch"), positionals=2
    ),
    "reflog": Reader(words=("expire", "delete", "drop", "write")),
}
_GIT_NEEDS_WORD = {"stash": ("list", "show")}
_GIT_GLOBAL_FLAGS = {"--no-pager", "--no-optional-locks", "--literal-pathspecs"}


def only_reads(parsed: Parsed, *, workspace: str = "") -> bool:
    """Whether everything a script would run is known, and known to only read."""
    if parsed.problem or not parsed.programs:
        return False
    return not any(not_reading(program, workspace=workspace) for program in parsed.programs)


def not_reading(program: Program, *, workspace: str = "") -> str:
    """Why this program is not known to only read inside the workspace; empty when it is."""
    if program.open_ended:
        return f"`{program.name}` gets its arguments from elsewhere"
    if privileged := PRIVILEGED.intersection(program.wrappers):
        return f"`{min(privileged)}` gives it other rights"
    if any(not _HARMLESS_ASSIGNMENT.match(assignment) for assignment in program.assignments):
        return "it sets variables"
    for redirection in program.redirections:
        if redirection.writes:
            return f"it writes to `{redirection.target.text}`"
        if redirection.target.dynamic or (
            redirection.operator in {"<", "<>"} and _leaves(redirection.target.text, workspace)
        ):
            return f"it reads `{redirection.target.text}`"
    if any(word.dynamic for word in program.arguments):
        return "its arguments are known only when it runs"
    if not program.name:
        return ""
    if program.name in ANSWER_VERSION and [word.text for word in program.arguments] in [[q] for q in VERSION_QUERIES]:
        return ""
    if program.name == "git":
        return _git(program, workspace)
    if program.name == "sed":
        return _sed(program, workspace)
    reader = READERS.get(program.name)
    if reader is None:
        return f"`{program.name}` is not known to only read"
    risky = program.name in _STARTED_BY_FLAGS
    return _check(program.name, reader, program.arguments, workspace, risky=risky)


def _check(name: str, reader: Reader, arguments: tuple[Word, ...], workspace: str, *, risky: bool) -> str:
    positionals = 0
    options_end = False
    for word in arguments:
        text = word.text
        if word.glob and not word.quoted and risky and text[:1] in "*?[":
            return f"`{text}` may become an option of `{name}`"
        if text == "--" and not options_end:
            options_end = True
            continue
        if any(text.startswith(forbidden) for forbidden in reader.words):
            return f"`{name} {text}` does more than read"
        if text.startswith("-") and text != "-" and not options_end:
            if _forbidden_option(reader, text):
                return f"`{name} {text}` does more than read"
            text = text.partition("=")[2] if text.startswith("--") else text[2:]
        else:
            positionals += 1
        if reader.paths and _leaves(text, workspace):
            return f"`{text}` may lie outside the workspace"
        if reader.paths and (_PROTECTED.secret_reason(text) or (word.glob and text.startswith("."))):
            return f"`{text}` may hold secrets"
    if reader.positionals is not None and positionals > reader.positionals:
        return (
            f"`{name}` would write to `{arguments[-1].text}`"
            if reader.positionals
            else f"`{name}` with names does more than read"
        )
    return ""


def _forbidden_option(reader: Reader, text: str) -> bool:
    if text.startswith("--"):
        name = text[2:].partition("=")[0]
        return bool(name) and any(forbidden.startswith(name) or name == forbidden for forbidden in reader.longs)
    return any(letter in reader.letters for letter in text[1:])


def _git(program: Program, workspace: str) -> str:
    words = program.arguments
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        if words[at].text == "-C" and at + 1 < len(words) and not _leaves(words[at + 1].text, workspace):
            at += 2
        elif words[at].text in _GIT_GLOBAL_FLAGS:
            at += 1
        else:
            return f"`git {words[at].text}` may change what git does"
    if at >= len(words):
        return ""
    subcommand, rest = words[at].text, words[at + 1 :]
    reader = GIT_READERS.get(subcommand)
    if reader is None:
        return f"`git {subcommand}` is not known to only read"
    needed = _GIT_NEEDS_WORD.get(subcommand)
    if needed and (not rest or rest[0].text not in needed):
        return f"`git {subcommand}` changes the work tree"
    return _check(f"git {subcommand}", reader, rest, workspace, risky=True)


def _sed(program: Program, workspace: str) -> str:
    """Only `sed -n '1,20p' file …`."""
    words = program.arguments
    if len(words) < 2 or words[0].text != "-n" or not _SED_PRINT.fullmatch(words[1].text):
        return "`sed` is not known to only read here"
    if any(word.text.startswith("-") or word.glob for word in words[2:]):
        return "`sed` is not known to only read here"
    return _check("sed", _PLAIN, words[2:], workspace, risky=False)


def _leaves(text: str, workspace: str) -> bool:
    """True when a word, taken as a path, may lie outside the workspace."""
    if text.startswith("~"):
        return True
    if ".." in text.split("/"):
        return True
    if not text.startswith("/"):
        return False
    if workspace and (text == workspace or text.startswith(workspace.rstrip("/") + "/")):
        return False
    return text != "/dev/null" and not text.startswith(_PUBLIC_FOLDERS)

"""Commands that hurt whatever the rules say, as a table of small checks.

Two degrees: `never` is refused; `typed` needs a person to type a word, and is neither remembered nor covered by `--yes`.
This is a net under the sandbox and the rules, not a fence of its own.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from cherry.security.commands import Parsed, Program
from cherry.security.shell_syntax import Word
from cherry.security.shell_wrappers import SHELLS

Degree = Literal["never", "typed"]


class Danger(NamedTuple):
    degree: Degree
    reason: str
    confirm: str = ""
    """What a person must type; empty when it is never allowed."""


Check = Callable[[Program, str], Danger | None]

_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c", "http", "https", "xh", "lwp-request"})
_INTERPRETERS = SHELLS | {"python", "python2", "python3", "perl", "ruby", "node", "php", "source", ".", "eval", "lua"}
_FORK_BOMB = re.compile(r"(?<![\w:])([\w:]{1,64})\s{0,8}\(\s{0,8}\)\s{0,8}\{[^}]{0,200}?\1\s{0,8}\|\s{0,8}\1")
_LOOSE_CHARS = 20_000
_LOOSE_WORDS = 8
_LOOSE_PROGRAMS = 4_000
_DISK = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|disk|mapper/|md\d|dm-|loop|mem|kmem|port)")
_START_UP = re.compile(
    r"(^|/)\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|kshrc|cshrc|tcshrc|login|xprofile"
    r"|xsessionrc|inputrc)$|/fish/config\.fish$|^/etc/(profile|bash\.bashrc|environment|rc\.local|crontab|ld\.so\.preload|sudoers|passwd|shadow)"
    r"|/\.ssh/(authorized_keys|rc|config)$|/autostart/|/systemd/(user|system)/|/LaunchAgents/|/cron\.d/"
)
_FIND_CHOOSES = frozenset(
    {
        "-name",
        "-path",
        "-regex",
        "-wholename",
        "-newer",
        "-mtime",
        "-mmin",
        "-ctime",
        "-atime",
        "-size",
        "-empty",
        "-perm",
        "-user",
    }
)
"""Tests with which `find -delete` speaks of some files and not of all."""
_OFF = frozenset({"shutdown", "reboot", "halt", "poweroff", "init", "telinit"})
_FORMATTERS = frozenset(
    {"fdisk", "sfdisk", "gdisk", "sgdisk", "parted", "wipefs", "mkswap", "blkdiscard", "cryptsetup", "hdparm"}
)
_TREES = frozenset(
    {
        "/",
        "/*",
        "/.",
        "~",
        "~/",
        "~/*",
        "$HOME",
        "${HOME}",
        "$HOME/",
        "$HOME/*",
        "${HOME}/*",
        "/home",
        "/root",
        "/etc",
        "/usr",
        "/var",
        "/bin",
        "/lib",
        "/boot",
        "/opt",
        "/home/*",
        "/usr/*",
        "/etc/*",
        "/var/*",
        "/dev",
        "/Users",
    }
)
_WHOLE_WORKSPACE = frozenset({".", "./", "*", "./*", "..", "../", "../*", ".*", "./.*", "$PWD", "${PWD}", "$PWD/*"})


def danger(script: str, parsed: Parsed, *, workspace: str = "") -> Danger | None:
    """The worst that the script would do, as far as it can be seen."""
    if _FORK_BOMB.search(script):
        return Danger("never", "it starts processes without end (a fork bomb)")
    seen = parsed.programs + (loosely(script) if parsed.problem else ())
    found = [hit for program in seen for check in _CHECKS if (hit := check(program, workspace))]
    if piped := _downloaded_script(seen):
        found.append(piped)
    found.sort(key=lambda hit: hit.degree != "never")
    return found[0] if found else None


def _removal(program: Program, workspace: str) -> Danger | None:
    if program.base != "rm" or not _has(program, "r", "R", "recursive"):
        return None
    for path in _paths(program):
        clean = re.sub(r"/{2,}", "/", path)
        stripped = clean.rstrip("/") or "/"
        if clean in _TREES or stripped in _TREES or re.fullmatch(r"~\w*|/(home|Users)/[^/]+", stripped):
            return Danger("never", f"it removes `{path}` with everything below")
        if stripped in _WHOLE_WORKSPACE or _holds(stripped, workspace):
            return Danger("typed", "it removes the whole workspace", "remove everything")
        if re.search(r"(^|/)\.git(/\*?)?$", stripped):
            return Danger("typed", "it removes the repository's history", "remove history")
        if "no-preserve-root" in path:
            return Danger("never", "it removes the root of the file system")
    if any(word.text.startswith("--no-preserve") for word in program.arguments):
        return Danger("never", "it removes the root of the file system")
    return None


def _holds(path: str, workspace: str) -> bool:
    """Whether the workspace is this path or lies below it."""
    if not workspace:
        return False
    whole = posixpath.normpath(posixpath.join(workspace, path.removesuffix("/*")))
    return workspace == whole or workspace.startswith(whole.rstrip("/") + "/")


def _found_removal(program: Program, workspace: str) -> Danger | None:
    if program.base != "find" or not any(word.text == "-delete" for word in program.arguments):
        return None
    start = program.arguments[0].text if program.arguments else ""
    if (start.rstrip("/") or "/") in _TREES:
        return Danger("never", f"it removes what it finds below `{start}`")
    everything = not any(word.text in _FIND_CHOOSES or word.text.startswith("-i") for word in program.arguments)
    if everything and (start in _WHOLE_WORKSPACE or start.startswith("-") or _holds(start, workspace)):
        return Danger("typed", "it removes the whole workspace", "remove everything")
    return None


def _disk(program: Program, workspace: str) -> Danger | None:
    base = program.base
    if base in _FORMATTERS or base == "mkfs" or base.startswith("mkfs."):
        return Danger("never", f"`{base}` overwrites disks")
    if base == "dd" and any(word.text.startswith("of=") and _DISK.match(word.text[3:]) for word in program.arguments):
        return Danger("never", "it overwrites a disk")
    if base in {"shred", "tee", "cp", "mv", "cat"} and any(_DISK.match(word.text) for word in program.arguments):
        return Danger("never", "it overwrites or reads a disk")
    if any(redirection.writes and _DISK.match(redirection.target.text) for redirection in program.redirections):
        return Danger("never", "it overwrites a disk")
    return None


def _power(program: Program, workspace: str) -> Danger | None:
    if program.base in _OFF:
        return Danger("never", "it switches the machine off")
    if program.base == "systemctl" and any(word.text in _OFF | {"suspend", "hibernate"} for word in program.arguments):
        return Danger("never", "it switches the machine off")
    if program.base == "kill" and any(word.text in {"-1", "1"} for word in program.arguments[-1:]):
        return Danger("never", "it ends every process")
    return None


def _permissions(program: Program, workspace: str) -> Danger | None:
    if program.base not in {"chmod", "chown", "chgrp"} or not _has(program, "R", "recursive"):
        return None
    for path in _paths(program)[1:]:
        if (path.rstrip("/") or "/") in _TREES:
            return Danger("never", f"it changes who may use `{path}` and everything below")
    return None


def _start_up_files(program: Program, workspace: str) -> Danger | None:
    written = [r.target.text for r in program.redirections if r.writes]
    if program.base in {"tee", "cp", "mv", "ln", "install", "sed", "truncate", "dd", "rsync"}:
        written += [word.text.removeprefix("of=") for word in program.arguments]
    for path in written:
        if _START_UP.search(path):
            return Danger("never", f"`{path}` is run or trusted at the next login")
    return None


def _git(program: Program, workspace: str) -> Danger | None:
    if program.base != "git":
        return None
    words = [word.text for word in program.arguments]
    if "push" in words:
        after = words[words.index("push") + 1 :]
        if any(re.fullmatch(r"-[a-z]*f[a-z]*|--force.*|--mirror|--delete|-d|--prune|\+.*|:.+", word) for word in after):
            return Danger("typed", "it overwrites or removes history at the remote", "force push")
    if "filter-branch" in words or "filter-repo" in words:
        return Danger("typed", "it rewrites the whole history", "rewrite history")
    if "reset" in words and "--hard" in words:
        return Danger("typed", "it throws away all changes that are not committed", "discard changes")
    loses = {"reflog": ("expire", "delete", "drop"), "stash": ("clear",), "gc": ("--prune=now", "--prune=all")}
    for subcommand, ways in loses.items():
        if subcommand in words and any(way in words for way in ways):
            return Danger("typed", "it throws away what git still keeps", "lose history")
    if "clean" in words and any(re.fullmatch(r"-\w*f\w*|--force", word) for word in words):
        return Danger("typed", "it removes files that git does not know", "remove files")
    return None


_CHECKS: tuple[Check, ...] = (_removal, _found_removal, _disk, _power, _permissions, _start_up_files, _git)


def _downloaded_script(programs: tuple[Program, ...]) -> Danger | None:
    """`curl … | sh`, `sh <(curl …)`, `eval "$(curl …)"`."""
    if not any(program.base in _DOWNLOADERS for program in programs):
        return None
    for program in programs:
        reads = program.piped_from and not any(not word.text.startswith("-") for word in program.arguments)
        if program.base in _INTERPRETERS and (reads or any(word.dynamic for word in program.arguments)):
            return Danger("typed", "it runs what it downloads, unseen", "run unseen")
    return None


def loosely(script: str) -> tuple[Program, ...]:
    """What might be programs in a script that was not understood: better a false alarm than none."""
    programs: list[Program] = []
    joined = script[:_LOOSE_CHARS].replace("\\\n", " ")
    for delimiter, segment in re.findall(r"([;&|\n(){}`]|^)([^;&|\n(){}`]+)", joined):
        words = tuple(Word(word.strip("'\"\\")) for word in segment.split())
        starts = range(min(len(words), _LOOSE_WORDS))
        programs += [Program(words[at].text, words[at + 1 :], piped_from=delimiter == "|") for at in starts]
    return tuple(programs[:_LOOSE_PROGRAMS])


def _has(program: Program, *options: str) -> bool:
    """Any of these options: single letters also in clusters, words also abbreviated."""
    for word in program.arguments:
        text = word.text
        if text.startswith("--"):
            name = text[2:].partition("=")[0]
            if name and any(len(option) > 1 and option.startswith(name) for option in options):
                return True
        elif text.startswith("-") and any(len(option) == 1 and option in text[1:] for option in options):
            return True
    return False


def _paths(program: Program) -> list[str]:
    return [word.text for word in program.arguments if not word.text.startswith("-")]

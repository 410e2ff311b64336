"""Programs that start other programs, as data: how to find the command behind their options."""

import re
from typing import NamedTuple

from cherry.security.shell_syntax import Word

SYSTEM_FOLDERS = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish"})
OPAQUE = frozenset(
    {
        *("su", "runuser", "ssh", "parallel", "entr", "systemd-run", "script", "expect", "unshare", "nsenter", "bwrap"),
        *("flock", "strace", "ltrace", "gdb", "perf", "screen", "tmux", "at", "batch", "crontab", "start-stop-daemon"),
        *("alias", "enable", "bind", "complete", "mapfile", "readarray", "socat", "nc", "ncat", "busybox", "toybox"),
        *("capsh", "setpriv", "proot", "fakeroot", "firejail", "dbus-run-session", "xvfb-run", "pkexec"),
    }
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class Inner(NamedTuple):
    words: tuple[Word, ...]
    """The command behind the wrapper; empty when there is none."""
    assignments: tuple[str, ...] = ()


class Wrapper(NamedTuple):
    flags: str = ""
    """Single letters without a value."""
    valued: str = ""
    """Single letters with a value, attached or as the next word."""
    long_flags: tuple[str, ...] = ()
    long_valued: tuple[str, ...] = ()
    positional: int = 0
    """Words of its own before the command."""
    assignments: bool = False
    open_ended: bool = False
    """The command gets further arguments from elsewhere."""

    def inner(self, rest: tuple[Word, ...]) -> Inner | None:
        """None when the options are not understood."""
        at = self._after_options(rest)
        if at is None:
            return None
        assigned = []
        while self.assignments and at < len(rest) and _ASSIGNMENT.match(rest[at].text):
            assigned.append(rest[at].text)
            at += 1
        if at < len(rest) and self.positional:
            if any(word.dynamic for word in rest[at : at + self.positional]):
                return None
            at += self.positional
        return Inner(rest[at:], tuple(assigned))

    def _after_options(self, rest: tuple[Word, ...]) -> int | None:
        at = 0
        while at < len(rest):
            word = rest[at]
            text = word.text
            if word.dynamic and text[:1] in {"-", "$", "`"}:
                return None
            if text == "--":
                return at + 1
            if not text.startswith("-") or text == "-":
                return at
            width = self._long(text) if text.startswith("--") else self._short(text)
            if width is None:
                return None
            at += width
        return at

    def _long(self, text: str) -> int | None:
        name, equals, _ = text[2:].partition("=")
        if name in self.long_flags:
            return 1
        if name in self.long_valued:
            return 1 if equals else 2
        return None

    def _short(self, text: str) -> int | None:
        for at, letter in enumerate(text[1:], start=1):
            if letter in self.valued:
                return 1 if at + 1 < len(text) else 2
            if letter not in self.flags:
                return None
        return 1


PRIVILEGED = frozenset({"sudo", "doas", "chroot", "chrt"})
"""What runs behind these is not what a rule about the program meant."""

WRAPPERS: dict[str, Wrapper] = {
    "env": Wrapper("i0v", "uC", ("ignore-environment", "null", "debug"), ("unset", "chdir"), assignments=True),
    "sudo": Wrapper(
        "EHnSkbP", "ugpCDTR", ("preserve-env", "non-interactive", "stdin"), ("user", "group"), assignments=True
    ),
    "doas": Wrapper("n", "u"),
    "timeout": Wrapper("v", "ks", ("preserve-status", "foreground", "verbose"), ("kill-after", "signal"), positional=1),
    "nice": Wrapper("0123456789", "n", (), ("adjustment",)),
    "ionice": Wrapper("t", "cn"),
    "chrt": Wrapper("bfiro", "", positional=1),
    "taskset": Wrapper("a", "", positional=1),
    "nohup": Wrapper(),
    "setsid": Wrapper("wfc", "", ("wait", "fork", "ctty")),
    "stdbuf": Wrapper("", "ioe", (), ("input", "output", "error")),
    "time": Wrapper("pv", "f", ("portability", "verbose"), ("format",)),
    "command": Wrapper("p"),
    "builtin": Wrapper(),
    "exec": Wrapper("cl", "a"),
    "chroot": Wrapper("", "", (), ("userspec", "groups"), positional=1),
    "watch": Wrapper("bcdegtx", "n", ("beep", "color", "differences", "no-title"), ("interval",)),
    "prlimit": Wrapper("", "", (), ("as", "cpu", "nproc", "nofile", "fsize", "data", "stack", "core")),
    "caffeinate": Wrapper("dimsu", "t"),
    "xargs": Wrapper(
        "0rtpx",
        "nILPdsEa",
        ("null", "no-run-if-empty", "verbose", "interactive", "exit"),
        ("max-args", "replace", "max-lines", "max-procs", "delimiter", "max-chars", "arg-file"),
        open_ended=True,
    ),
}

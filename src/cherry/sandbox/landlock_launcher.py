"""Puts itself behind landlock and a system-call filter, then becomes the command. Run as a program, never imported by Cherry.

    python -I -S landlock_launcher.py SPEC_FD PARENT_PID -- program argument …

SPEC_FD holds entries ended by a zero byte: `limit NAME VALUE`, `read PATH`, `write PATH`, `device PATH`, `network yes`, `filter HEX`.
Standard library only, and as little of it as can be: this runs once per command. Any failure ends it with 125; a command is never
run with less than was asked for.
"""

import ctypes
import os
import resource
import signal
import stat
import sys

_FAILED = 125
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_SET_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES, _SET_FILTER, _DROP_BOUND = 1, 38, 22, 24
_FILTER_MODE = 2
_HIGHEST_CAPABILITY = 63
_CAPABILITY_VERSION = 0x20080522

EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
ALL_OF_FIRST = (1 << 13) - 1
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
READING = EXECUTE | READ_FILE | READ_FOLDER
MAKE_DEVICES = 1 << 6 | 1 << 11
TCP, ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def main(arguments: list[str]) -> None:
    spec_handle, parent, _, *command = arguments
    with os.fdopen(int(spec_handle), encoding="utf-8", errors="surrogateescape") as spec:
        entries = [entry.partition(" ") for entry in spec.read().split("\0") if entry]
    wanted = [(word, rest) for word, _, rest in entries]
    check(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != int(parent):
        sys.exit(_FAILED)
    for rest in _all(wanted, "limit"):
        name, value = rest.split()
        resource.setrlimit(getattr(resource, name), (int(value), int(value)))
    check(_libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    restrict_files(wanted)
    drop_capabilities()
    for program in _all(wanted, "filter"):
        load_filter(bytes.fromhex(program))
    os.execv(command[0], command)  # noqa: S606 — becoming the command is what this is for


def restrict_files(spec: list[tuple[str, str]]) -> None:
    version = _libc.syscall(_CREATE, None, 0, 1)
    check(version, "landlock")
    handled = ALL_OF_FIRST
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEVICE)):
        handled |= right if version >= since else 0
    rules = _Ruleset(handled)
    if version >= 4 and "yes" not in _all(spec, "network"):
        rules.network = TCP
    if version >= 6:
        rules.scoped = ABSTRACT_SOCKETS_AND_SIGNALS
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = check(_libc.syscall(_CREATE, ctypes.byref(rules), size, 0), "landlock_create_ruleset")
    for path in _all(spec, "read"):
        _allow(ruleset, path, READING & handled)
    for path in _all(spec, "device"):
        _allow(ruleset, path, (READ_FILE | WRITE_FILE) & handled)
    for path in _all(spec, "write"):
        _allow(ruleset, path, handled & ~MAKE_DEVICES & ~IOCTL_DEVICE)
    check(_libc.syscall(_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        rights &= ON_FILES
    rule = _PathRule(rights, handle)
    check(_libc.syscall(_ADD, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0), f"landlock_add_rule {path}")
    os.close(handle)


def drop_capabilities() -> None:
    for capability in range(_HIGHEST_CAPABILITY + 1):
        _libc.prctl(_DROP_BOUND, capability, 0, 0, 0)  # fails for those that are not known or not held
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    check(_libc.capset(header, nothing), "capset")


def load_filter(program: bytes) -> None:
    loaded = _Filter(len(program) // 8, program)
    check(_libc.prctl(_SET_FILTER, _FILTER_MODE, ctypes.byref(loaded), 0, 0), "seccomp")


def check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)
    return result


def _all(spec: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for name, rest in spec if name == word]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cherry: the command was not started: {error}\n")
        sys.exit(_FAILED)

"""The system-call filter of the sandbox: a classic BPF program, built here from tables.

Everything is allowed but what the tables name: a coding agent runs any program, so an allow-list would break builds. Denied is
what reaches other processes (ptrace), makes new fences to hide behind (namespaces, mounts), widens the kernel's surface
(bpf, userfaultfd, keyrings, io_uring), types into terminals (TIOCSTI), or leaves set-id files behind.
"""

import platform
import struct
from typing import NamedTuple

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_SET = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_EPERM, _ENOSYS = 1, 38
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_TIME_NAMESPACE = 0x00000080
_SET_ID_BITS = 0o6000
_O_CREAT = 0o100
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_X32_BIT = 0x40000000


class Machine(NamedTuple):
    """System-call numbers of one architecture; 0 stands for a call it does not have."""

    architecture: int
    denied: tuple[int, ...]
    """Answered with EPERM."""
    missing: tuple[int, ...]
    """Answered with ENOSYS, so that programs fall back to what the filter can judge."""
    clone: int
    ioctl: int
    modes: tuple[tuple[int, int], ...]
    """Calls that set a mode: number and which argument."""
    opens: tuple[tuple[int, int, int], ...]
    """Calls that may create a file: number, which argument holds the flags, which the mode."""
    socket: int
    metadata: tuple[int, ...]
    """Calls that change the owner or attributes of a file by its path."""
    strangers: tuple[tuple[int, int], ...]
    """Calls that change another process: number and which argument names it; zero is the caller itself."""
    x32: bool = False


_NEW_CALLS = (428, 429, 430, 431, 432, 433, 438, 442, 467)
"""open_tree move_mount fsopen fsconfig fsmount fspick pidfd_getfd mount_setattr open_tree_attr: the same number everywhere."""
_NEW_MISSING = (425, 426, 427, 435, 437)
"""io_uring_setup io_uring_enter io_uring_register clone3 openat2"""

MACHINES: dict[str, Machine] = {
    "x86_64": Machine(
        architecture=0xC000003E,
        denied=(
            *(101, 310, 311, 312),  # ptrace process_vm_readv process_vm_writev kcmp
            *(248, 249, 250),  # add_key request_key keyctl
            *(321, 323, 298, 103),  # bpf userfaultfd perf_event_open syslog
            *(165, 166, 155, 272, 308, 304, 161),  # mount umount2 pivot_root unshare setns open_by_handle_at chroot
            *(246, 320, 175, 313, 176),  # kexec_load kexec_file_load init_module finit_module delete_module
            *(163, 167, 168, 169, 179, 443),  # acct swapon swapoff reboot quotactl quotactl_fd
            *(
                164,
                227,
                172,
                173,
                170,
                171,
                153,
            ),  # settimeofday clock_settime iopl ioperm sethostname setdomainname vhangup
            *_NEW_CALLS,
        ),
        missing=_NEW_MISSING,
        clone=56,
        ioctl=16,
        modes=((90, 1), (91, 1), (268, 2), (452, 2), (85, 1), (133, 1), (259, 2)),
        opens=((2, 1, 2), (257, 2, 3)),
        socket=41,
        metadata=(92, 94, 260, 188, 189, 197, 198),  # chown lchown fchownat setxattr lsetxattr removexattr lremovexattr
        # setpriority prlimit64 ioprio_set sched_setparam sched_setscheduler sched_setaffinity sched_setattr
        strangers=((141, 1), (302, 0), (251, 1), (142, 0), (144, 0), (203, 0), (314, 0)),
        x32=True,
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        denied=(
            *(117, 270, 271, 272),
            *(217, 218, 219),
            *(280, 282, 241, 116),
            *(40, 39, 41, 97, 268, 265, 51),
            *(104, 294, 105, 273, 106),
            *(89, 224, 225, 142, 60, 443),
            *(170, 112, 161, 162, 58),
            *_NEW_CALLS,
        ),
        missing=_NEW_MISSING,
        clone=220,
        ioctl=29,
        modes=((52, 1), (53, 2), (452, 2), (33, 2)),
        opens=((56, 2, 3),),
        socket=198,
        metadata=(54, 5, 6, 14, 15),
        strangers=((140, 1), (261, 0), (30, 1), (118, 0), (119, 0), (122, 0), (274, 0)),
    ),
}


def filter_program(machine: str = "", *, namespaces: bool = True, sockets: bool = True) -> bytes | None:
    """The filter as an array of `struct sock_filter`; None for an architecture that is not in the tables.

    Without `namespaces` around the command, the filter also keeps it from other processes and from the owners of files outside, as far
    as a filter can. Without `sockets` no socket can be made (pairs can).
    """
    table = MACHINES.get(machine or platform.machine())
    if table is None:
        return None
    code = [
        _instruction(_LOAD_WORD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, table.architecture, yes=1),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _NUMBER),
    ]
    if table.x32:
        code += [_instruction(_JUMP_AT_LEAST, _X32_BIT, no=1), _instruction(_RETURN, _ERRNO | _ENOSYS)]
    for number in table.denied:
        code += _when(number, [_instruction(_RETURN, _ERRNO | _EPERM)])
    for number in table.missing:
        code += _when(number, [_instruction(_RETURN, _ERRNO | _ENOSYS)])
    code += _when(table.clone, _deny_bits(0, _NEW_NAMESPACES))
    code += _when(table.ioctl, _deny_values(1, _TERMINAL_INPUT))
    for number, argument in table.modes:
        code += _when(number, _deny_bits(argument, _SET_ID_BITS))
    for number, flags, mode in table.opens:
        code += _when(number, _deny_bits(mode, _SET_ID_BITS, only_if=(flags, _O_CREAT)))
    if not namespaces:
        for number in table.metadata:
            code += _when(number, [_instruction(_RETURN, _ERRNO | _EPERM)])
        for number, argument in table.strangers:
            code += _when(number, _deny_unless_zero(argument))
    if not sockets:
        code += _when(table.socket, [_instruction(_RETURN, _ERRNO | _EPERM)])
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(code)


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """Run `body` (which ends in a return) for this call; the accumulator holds the call's number before and after."""
    return [_instruction(_JUMP_EQUAL, number, no=len(body)), *body]


def _load_argument(index: int) -> bytes:
    return _instruction(_LOAD_WORD, _ARGUMENTS + 8 * index)  # the low half: little-endian machines only


def _deny_bits(argument: int, bits: int, *, only_if: tuple[int, int] | None = None) -> list[bytes]:
    checks = [
        _load_argument(argument),
        _instruction(_JUMP_SET, bits, no=1),
        _instruction(_RETURN, _ERRNO | _EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    if only_if is None:
        return checks
    flags, needed = only_if
    return [
        _load_argument(flags),
        _instruction(_JUMP_SET, needed, yes=1),
        _instruction(_RETURN, _ALLOW),
        *checks,
    ]


def _deny_unless_zero(argument: int) -> list[bytes]:
    return [
        _load_argument(argument),
        _instruction(_JUMP_EQUAL, 0, yes=1),
        _instruction(_RETURN, _ERRNO | _EPERM),
        _instruction(_RETURN, _ALLOW),
    ]


def _deny_values(argument: int, values: tuple[int, ...]) -> list[bytes]:
    code = [_load_argument(argument)]
    for value in values:
        code += [_instruction(_JUMP_EQUAL, value, no=1), _instruction(_RETURN, _ERRNO | _EPERM)]
    return [*code, _instruction(_RETURN, _ALLOW)]

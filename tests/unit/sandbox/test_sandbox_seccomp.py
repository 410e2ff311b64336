"""The system-call filter, run by a small interpreter: also for the processor these tests do not run on."""

import errno
import struct

import pytest

from cherry.sandbox.seccomp import MACHINES, filter_program

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def decide(program: bytes, number: int, arguments: tuple[int, ...] = (), architecture: int = 0) -> int:
    """What the kernel would answer. Knows the instructions the filter uses, and no others."""
    padded = (*arguments, *([0] * (6 - len(arguments))))
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        instruction, yes, no, value = code[at]
        at += 1
        if instruction == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif instruction == 0x06:
            return int(value)
        elif instruction == 0x15:
            at += yes if accumulator == value else no
        elif instruction == 0x45:
            at += yes if accumulator & value else no
        elif instruction == 0x35:
            at += yes if accumulator >= value else no
        else:
            raise AssertionError(f"unknown instruction {instruction:#x}")


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(machine: str, number: int, *arguments: int) -> int:
    program = filter_program(machine)
    assert program
    return decide(program, number, arguments, MACHINES[machine].architecture)


def test_what_the_tables_deny_is_denied(machine: str) -> None:
    for number in MACHINES[machine].denied:
        assert ask(machine, number) == ERRNO | errno.EPERM
    for number in MACHINES[machine].missing:
        assert ask(machine, number) == ERRNO | errno.ENOSYS


def test_everything_else_is_allowed(machine: str) -> None:
    table = MACHINES[machine]
    special = {*table.denied, *table.missing}
    for number in range(500):
        if number not in special:
            assert ask(machine, number) == ALLOW


def test_processes_may_be_made_but_no_namespaces(machine: str) -> None:
    clone = MACHINES[machine].clone
    assert ask(machine, clone, 0x00000011) == ALLOW
    assert ask(machine, clone, 0x003D0F00) == ALLOW  # a thread, as the C library makes it
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask(machine, clone, flag | 0x11) == ERRNO | errno.EPERM


def test_nothing_is_typed_into_a_terminal(machine: str) -> None:
    ioctl = MACHINES[machine].ioctl
    assert ask(machine, ioctl, 0, 0x5413) == ALLOW
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32):  # the kernel looks at the low half only
        assert ask(machine, ioctl, 0, request) == ERRNO | errno.EPERM


def test_no_set_id_file_is_made(machine: str) -> None:
    table = MACHINES[machine]
    for number, argument in table.modes:
        for mode, verdict in (
            (0o755, ALLOW),
            (0o1777, ALLOW),
            (0o4755, ERRNO | errno.EPERM),
            (0o2755, ERRNO | errno.EPERM),
        ):
            arguments = [0] * 6
            arguments[argument] = mode
            assert ask(machine, number, *arguments) == verdict
    for number, flags, argument in table.opens:
        arguments = [0] * 6
        arguments[argument] = 0o4755
        assert ask(machine, number, *arguments) == ALLOW  # without O_CREAT the mode means nothing
        arguments[flags] = 0o100
        assert ask(machine, number, *arguments) == ERRNO | errno.EPERM


def test_without_namespaces_strangers_and_owners_are_out_of_reach(machine: str) -> None:
    table = MACHINES[machine]
    program = filter_program(machine, namespaces=False, sockets=False)
    assert program
    denied = ERRNO | errno.EPERM
    for number, argument in table.strangers:
        arguments = [0] * 6
        assert decide(program, number, tuple(arguments), table.architecture) == ALLOW
        arguments[argument] = 4711
        assert decide(program, number, tuple(arguments), table.architecture) == denied
    for number in (*table.metadata, table.socket):
        assert decide(program, number, (), table.architecture) == denied
        assert ask(machine, number) == ALLOW


def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    program = filter_program(machine)
    assert program
    assert decide(program, 0, architecture=0x40000003) == KILL


def test_the_second_set_of_numbers_of_x86_is_closed() -> None:
    assert ask("x86_64", 0x40000000 + 101) == ERRNO | errno.ENOSYS


def test_an_unknown_processor_has_no_filter() -> None:
    assert filter_program("vax") is None

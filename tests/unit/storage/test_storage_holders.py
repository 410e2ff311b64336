"""Telling whether a process that holds a lease still lives."""

import os
import re
import subprocess
import sys
import time

import pytest

from cherry.storage.holders import Tenure, at_work, described, holder_alive, holder_id

PRINT_HOLDER = (
    "import sys; from cherry.storage.holders import holder_id; print(holder_id(), flush=True); sys.stdin.readline()"
)


def test_a_process_knows_itself_and_lives() -> None:
    assert holder_id() == holder_id()
    assert holder_id().split(":")[1] == str(os.getpid())
    assert holder_alive(holder_id()) is True


def test_another_process_lives_until_it_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PRINT_HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        holder = child.stdout.readline().strip()
        alive = holder_alive(holder)
        child.kill()
        dead_by = time.monotonic() + 10
        while holder_alive(holder) and time.monotonic() < dead_by:
            os.sched_yield()

        # Not waited for yet: what is left of it in the process table does not count as life.
        assert (alive, holder_alive(holder)) == (True, False)
    assert holder_alive(holder) is False


def test_a_pid_used_again_is_not_the_old_process() -> None:
    host, pid, start = holder_id().split(":")

    assert holder_alive(f"{host}:{pid}:{start}1") is False


@pytest.mark.parametrize(
    "holder", ["", "me", "elsewhere:1:boot.1", f"{holder_id().split(':')[0]}:no-pid:1", ":::", "a:-1:x"]
)
def test_what_cannot_be_told_from_here_is_left_to_time(holder: str) -> None:
    assert holder_alive(holder) is None
    tenure = Tenure(holder or "me", fence=1, seconds=30, renewed_at=1_000)
    assert tenure.holds(1_029)
    assert not tenure.holds(1_031)
    assert not tenure.holds(900)


def test_a_lease_nobody_holds_keeps_nobody_away() -> None:
    assert not Tenure(fence=7, seconds=30, renewed_at=1_000).holds(1_000)


def test_a_person_is_told_which_process_to_look_at() -> None:
    assert described(holder_id()) == f"process {os.getpid()} on this machine"
    assert described("elsewhere:1:boot.1") == "elsewhere:1:boot.1"


def test_what_a_holder_runs_is_told_without_what_was_asked_of_it() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()", "a secret request"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()  # it has become the program
        holder = holder_id().replace(f":{os.getpid()}:", f":{child.pid}:")
        told = at_work(holder)
        child.communicate(b"\n", timeout=20)
    assert re.fullmatch(r" \(-c, for [0-9.]+ s\)", told)
    assert at_work(holder) == at_work("elsewhere:1:boot.1") == ""

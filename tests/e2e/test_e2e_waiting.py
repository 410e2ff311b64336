"""What a Cherry waits for can be seen from outside, and whoever comes second is told who came first."""

import signal

from cherry.testing.program import Program, provider, wait_until
from cherry.testing.scripts import Hang


def test_others_see_what_a_session_waits_for_and_who_works_on_it(cherry: Program) -> None:
    with provider(Hang()) as double:
        running = cherry.start("run", "--json", "go", double=double)
        wait_until(
            lambda: "(model.first_byte, deadline 120 s; process" in cherry.run("sessions", "list").out,
            seconds=30,
            what="the line of the session",
        )
        session = running.lines[0]["session"]
        line = cherry.run("sessions", "list").out.splitlines()[-1]
        assert line.startswith(f"{session}: waiting for 127.0.0.1:")
        assert f"✓ {session}  waiting for 127.0.0.1:" in cherry.run("doctor").out

        second = cherry.run("run", "-c", "again", double=double)
        assert f"process {running.process.pid} on this machine (cherry run, for " in second.err

        running.send_signal(signal.SIGUSR1)
        log = cherry.home / "state" / "logs" / "cherry.log"
        wait_until(lambda: log.exists() and "watchdog.asked" in log.read_text(), seconds=30, what="the stacks")
        assert "model.first_byte" in log.read_text()
        running.send_signal(signal.SIGINT)
        assert running.ended().code == 130
    assert "waiting" not in cherry.run("sessions", "list").out

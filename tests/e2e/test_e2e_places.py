"""Where it is started, and with what words: odd folders, bytes that are no text, no home, a store that is damaged, newer or locked."""

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from cherry.testing.program import Program, command, provider, wait_until
from cherry.testing.scripts import Script, ToolCall


def below(cherry: Program, name: bytes) -> Path:
    path = cherry.root / os.fsdecode(name)
    path.mkdir()
    return path


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe bytes", b"-rf 'quoted\" $name `x"])
def test_a_workspace_may_have_any_name_a_file_system_allows(cherry: Program, name: bytes) -> None:
    folder = below(cherry, name)
    calls = [
        ToolCall("fs.write", {"path": "a.txt", "content": "a"}),
        ToolCall("shell.run", {"command": "cp a.txt b.txt"}),
    ]
    with provider(Script(calls[0], calls[1], "Done.", "More.")) as double:
        ended = cherry.run("run", "--json", "--yes", "go", double=double, folder=folder)
        assert (ended.code, ended.end["answer"]) == (0, "Done.")
        assert (folder / "b.txt").read_text() == "a"
        assert os.fsencode(ended.lines[0]["workspace"]) == os.fsencode(folder)
        assert cherry.run("-c", "more", double=double, folder=folder).out == "More.\n"
        assert "1 session" not in cherry.run("sessions", "list").out
        assert "2 turns" in cherry.run("sessions", "list", folder=folder).out
        assert cherry.run("undo", "--yes", folder=folder).code == 0
        assert not (folder / "a.txt").exists()


def test_words_that_are_no_text_do_not_spoil_a_session(cherry: Program) -> None:
    with provider(Script.of(lambda request: f"heard {len(request.messages)}: {request.last_text}")) as double:
        environ = {**cherry.environ, **double.environment("openai")}
        words = [*(word.encode() for word in command()), b"run", b"say \xff\xfe now"]
        ended = subprocess.run(words, cwd=cherry.workspace, env=environ, capture_output=True, timeout=30)
        assert ended.stdout.decode() == "heard 1: say \ufffd\ufffd now\n"
        assert cherry.run("-c", "more", double=double).out == "heard 3: more\n"


def test_without_home_locale_or_even_an_environment_it_runs(cherry: Program) -> None:
    with provider(Script("naïve", then="repeat_last")) as double:
        pointed = {**double.environment("openai"), "CHERRY_MODEL": "openai/test", "CHERRY_HOME": str(cherry.home)}
        ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": cherry.environ["PATH"]}
        for environ in (pointed, {**pointed, **ascii_only}):
            ended = subprocess.run(
                [*command(), "run", "größer"], cwd=cherry.workspace, env=environ, capture_output=True, timeout=30
            )
            assert ended.returncode == 0, ended.stderr
            assert b"na" in ended.stdout
        assert all(request.seen.last_text == "größer" for request in double.model_requests)


def test_limits_of_the_shell_it_was_started_from_are_kept(cherry: Program) -> None:
    with provider(Script(ToolCall("shell.run", {"command": "ulimit -n; echo done > made"}), "Done.")) as double:
        running = cherry.start(
            "run",
            "--yes",
            "go",
            double=double,
            before=["bash", "-c", 'ulimit -n 100; ulimit -f 1000000; exec "$@"', "bash"],
        )
        assert running.ended().out == "Done.\n"
        assert "100" in double.model_requests[-1].seen.results[0].text
        assert cherry.read("made") == "done\n"


def test_a_folder_that_is_gone_is_wrong_use(cherry: Program) -> None:
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    words = ["sh", "-c", script, "sh", *command(), "run", "go"]
    ended = subprocess.run(words, cwd=cherry.workspace, env=cherry.environ, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert "not a folder" in ended.stderr


def test_a_workspace_of_very_many_files_is_looked_at_for_a_moment_only_and_ctrl_c_ends_that(cherry: Program) -> None:
    """The whole machine: what is not looked at in time is left out."""
    with provider(Script("Done.", then="repeat_last")) as double:
        running = cherry.start("run", "--json", "-C", "/", "go", double=double)
        running.until("user.message")
        wait_until(
            lambda: any(line["type"] == "live" and "workspace" in line.get("what", "") for line in running.lines)
        )
        since = time.monotonic()
        running.send_signal(signal.SIGINT)
        assert running.ended().code == 130
        assert time.monotonic() - since < 2
        assert cherry.run("run", "-C", "/", "go", double=double).seconds < 8


def database(cherry: Program) -> Path:
    return cherry.home / "data" / "cherry.db"


def test_a_store_of_a_newer_cherry_is_refused_and_left_as_it_is(cherry: Program) -> None:
    with provider(Script("Done.", then="repeat_last")) as double:
        assert cherry.run("run", "go", double=double).code == 0
        connection = sqlite3.connect(database(cherry))
        connection.execute("PRAGMA user_version=99")
        connection.close()
        before = database(cherry).read_bytes()
        for words in (["run", "go"], ["sessions", "list"]):
            ended = cherry.run(*words, double=double)
            assert ended.code == 1
            assert "storage.newer_database" in ended.err
        assert database(cherry).read_bytes() == before
        assert len(double.model_requests) == 1


def test_a_store_that_is_rubbish_is_refused_with_the_way_to_mend_it(cherry: Program) -> None:
    database(cherry).parent.mkdir(parents=True)
    database(cherry).write_bytes(b"rubbish " * 1000)
    ended = cherry.run("run", "go")
    assert ended.code == 1
    assert "storage.damaged" in ended.err
    doctor = cherry.run("doctor")
    assert doctor.code == 1
    assert "not a Cherry database" in doctor.out


def test_a_store_somebody_else_holds_is_waited_for_and_the_wait_has_a_name(cherry: Program) -> None:
    with provider(Script("Done.", then="repeat_last")) as double:
        assert cherry.run("run", "go", double=double).code == 0
        connection = sqlite3.connect(database(cherry), isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        running = cherry.start("run", "--json", "-c", "more", double=double)
        wait_until(lambda: str(database(cherry)) in opened(running.process.pid), what="the opening of the store")
        connection.close()
        assert running.ended().end["answer"] == "Done."


def opened(pid: int) -> list[str]:
    """Files a process has open."""
    try:
        return [str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []

"""An ordinary day at the command line, with the real program and a scripted provider on a real port."""

import json

import pytest

from cherry.testing.program import Program, provider, wait_until
from cherry.testing.scripts import HangMidStream, Script, ToolCall

EDIT = ToolCall("fs.write", {"path": "made.txt", "content": "hello\n"})
RUN = ToolCall("shell.run", {"command": "echo ran > ran.txt"})


def test_a_request_in_a_pipe_gives_the_answer_and_the_file(cherry: Program) -> None:
    with provider(Script([EDIT], "Done it.")) as double:
        ended = cherry.run("write made.txt", double=double)
    assert (ended.code, ended.out) == (0, "Done it.\n")
    assert cherry.read("made.txt") == "hello\n"
    assert "made.txt" in ended.err
    assert "✓ Done · 2 steps" in ended.err


def test_a_day_of_sessions(cherry: Program) -> None:
    with provider(Script(EDIT, "Written.", "Yes, I remember.")) as double:
        assert cherry.run("write made.txt", double=double).code == 0
        assert cherry.run("-c", "do you remember?", double=double).out == "Yes, I remember.\n"
    listed = json.loads(cherry.run("sessions", "list", "--json").out)
    assert [(info["turns"], info["model"]) for info in listed] == [(2, "openai/test")]
    session = listed[0]["id"]
    assert cherry.run("sessions", "rename", session[:6], "first day").code == 0
    assert "first day" in cherry.run("sessions").out
    shown = cherry.run("sessions", "show").out
    assert "› write made.txt" in shown
    assert "Yes, I remember." in shown
    assert "remember" in cherry.run("sessions", "search", "remember").out
    exported = cherry.run("sessions", "export").out.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == list(range(1, len(exported) + 1))
    forked = cherry.run("sessions", "fork", "--turn", "1").out.split()[0]
    assert cherry.run("sessions", "delete", session, forked, "--yes").code == 0
    assert json.loads(cherry.run("sessions", "list", "--json").out) == []


def test_changes_are_taken_back_and_made_again(cherry: Program) -> None:
    cherry.write("made.txt", "before\n")
    read = ToolCall("fs.read", {"path": "made.txt"})
    with provider(Script(read, EDIT, "Written.")) as double:
        assert cherry.run("write made.txt", double=double).code == 0
    assert cherry.run("undo").code == 4
    assert cherry.read("made.txt") == "hello\n"
    undone = cherry.run("undo", "--yes")
    assert "-hello" in undone.out
    assert cherry.read("made.txt") == "before\n"
    assert cherry.run("redo", "--yes").code == 0
    assert cherry.read("made.txt") == "hello\n"
    cherry.write("made.txt", "mine\n")
    conflict = cherry.run("undo", "--yes")
    assert conflict.code == 1
    assert "edits.undo_conflict" in conflict.err
    assert cherry.read("made.txt") == "mine\n"


def test_without_a_terminal_what_must_be_asked_stops_and_a_terminal_takes_it_up(cherry: Program) -> None:
    with provider(Script(RUN, "Ran it.")) as double:
        stopped = cherry.run("run it", double=double)
        assert stopped.code == 4
        assert "tools.nobody_to_ask" in stopped.err
        assert not (cherry.workspace / "ran.txt").exists()
        with cherry.terminal("run", "-c", double=double) as terminal:
            assert "echo ran > ran.txt" in terminal.expect("Allow?")
            terminal.expect("instead: ")
            terminal.keys("y\n")
            terminal.expect("Ran it.")
            assert terminal.wait() == 0
    assert cherry.read("ran.txt") == "ran\n"


def test_first_start_without_any_provider_says_how_to_get_going(cherry: Program) -> None:
    ended = cherry.run("do it", environ={"CHERRY_MODEL": ""})
    assert ended.code == 5
    assert "OPENAI_API_KEY" in ended.err
    assert "cherry demo" in ended.err
    with cherry.terminal(environ={"CHERRY_MODEL": ""}) as terminal:
        terminal.expect("cherry demo")
        assert terminal.wait() == 5


def test_a_limit_stops_with_its_name_and_continue_goes_on_with_a_higher_one(cherry: Program) -> None:
    with provider(Script(EDIT, "Done.")) as double:
        stopped = cherry.run("--max-steps", "1", "go", double=double)
        assert stopped.code == 3
        assert "run.step_limit" in stopped.err
        assert cherry.run("-c", "--max-steps", "5", double=double).out == "Done.\n"


def test_what_a_command_deleted_comes_back(cherry: Program) -> None:
    cherry.write("src/precious.py", "precious = True\n")
    with provider(Script(ToolCall("shell.run", {"command": "rm -r src"}), "Cleaned up.")) as double:
        ended = cherry.run("--yes", "clean up", double=double)
    assert "changed: src/precious.py" in ended.err
    assert "Files changed: src/precious.py." in str(double.model_requests[-1].body)
    assert not (cherry.workspace / "src").exists()
    undone = cherry.run("undo", "--yes")
    assert "+precious = True" in undone.out
    assert cherry.read("src/precious.py") == "precious = True\n"


def test_settings_of_a_repository_count_only_once_trusted(cherry: Program) -> None:
    cherry.write(".cherry/config.toml", "[limits]\nmax_steps = 1\n")
    assert "not trusted" in cherry.run("config", "show", "limits").err
    assert cherry.run("trust").code == 4
    trusted = cherry.run("trust", "--yes")
    assert "max_steps = 1" in trusted.out
    shown = json.loads(cherry.run("config", "show", "limits.max_steps", "--json").out)
    assert shown["limits.max_steps"]["value"] == "1"
    cherry.write(".cherry/config.toml", "[limits]\nmax_steps = 10000\n")
    shown = json.loads(cherry.run("config", "show", "limits.max_steps", "--json").out)
    assert shown["limits.max_steps"] == {"value": "100", "source": "default"}


@pytest.mark.parametrize("columns", [40, 80])
def test_a_conversation_with_edits_approvals_steering_undo_and_a_stop(cherry: Program, columns: int) -> None:
    hangs = HangMidStream(after=4)
    with (
        provider(Script(EDIT, "Written it.", RUN, "Ran it.", hangs, "Back again.")) as double,
        cherry.terminal(double=double, columns=columns) as terminal,
    ):
        terminal.expect("openai/test")
        terminal.keys("write a file\r")
        terminal.expect("+hello")
        terminal.expect("Written it.")
        terminal.expect("✓ Done")
        terminal.keys("/diff\r")
        terminal.expect("made.txt")
        terminal.keys("now run it\r")
        terminal.expect("allow › ")
        terminal.keys("y\r")
        terminal.expect("Ran it.")
        terminal.expect("✓ Done")
        terminal.keys("tell me a story\r")
        terminal.expect("› tell me a story")
        terminal.expect("Writing the answer")
        terminal.keys("\x03")
        terminal.expect("■ Interrupted", seconds=5)
        terminal.keys("/undo 1\r")
        terminal.expect("y/n")
        terminal.keys("y\r")
        terminal.expect("Undone")
        terminal.keys("are you there?\r")
        terminal.expect("Back again.")
        terminal.expect("✓ Done")
        terminal.keys("/cost\r")
        terminal.expect("4 turns")
        terminal.keys("/quit\r")
        assert terminal.wait() == 0
    assert not (cherry.workspace / "made.txt").exists()
    assert not (cherry.workspace / "ran.txt").exists(), "what a command made is taken back too"


def test_what_is_typed_while_it_works_reaches_the_model_at_its_next_step(cherry: Program) -> None:
    slow = ToolCall("shell.run", {"command": "touch begun; until [ -e go ]; do sleep 0.05; done"})
    with provider(Script(slow, "Heard you.")) as double, cherry.terminal("chat", "--yes", double=double) as terminal:
        terminal.expect("openai/test")
        terminal.keys("start\r")
        wait_until((cherry.workspace / "begun").exists)
        terminal.keys("and be quick\r")
        terminal.expect("› and be quick")
        cherry.write("go", "")
        terminal.expect("Heard you.")
        terminal.expect("✓ Done")
        terminal.keys("\x04")
        assert terminal.wait() == 0
        assert "and be quick" in str(double.model_requests[-1].body)

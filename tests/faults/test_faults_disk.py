"""Disks that are full or read-only, in mount namespaces of their own: told clearly, nothing damaged, on it goes when the cause is gone."""

import shlex
import subprocess
from pathlib import Path

from cherry.testing.program import Program, command, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words
from cherry.testing.wire import WireDouble

LONG = "".join(f"{number * 7919 % 100003} {number}\n" for number in range(6_000))
"""Some seventy kilobytes."""


def story(*answers: Words) -> Script:
    """Which answer comes depends on the conversation alone."""

    def tell(request: SeenRequest) -> Words:
        return answers[sum(message.role == "assistant" for message in request.messages)]

    return Script.of(tell)


def enter(name: str) -> ToolCall:
    return ToolCall("shell.run", {"command": f"echo {name} >> ledger"})


def on_small_disk(
    cherry: Program, double: WireDouble, place: Path, script: str, *, size: str
) -> subprocess.CompletedProcess[str]:
    """Runs a shell script in which `place` is a file system of its own; `cherry` is the program, `resize` sets another size."""
    place.mkdir(exist_ok=True)
    lines = [
        f"place={shlex.quote(str(place))}",
        f'mount -t tmpfs -o size={size} none "$place"',
        f'cherry() {{ {shlex.join(command())} "$@"; }}',
        'resize() { mount -o remount,size=$1 none "$place"; }',
        f"cd {shlex.quote(str(cherry.workspace))}",
        script,
    ]
    environ = {**cherry.environ, **double.environment("openai")}
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", "\n".join(lines)]
    return subprocess.run(inside, env=environ, capture_output=True, text=True, timeout=60)


def test_when_the_disk_with_the_sessions_fills_up_the_turn_goes_on_later(cherry: Program) -> None:
    prints = ToolCall("shell.run", {"command": "seq 1 200000 | rev"})
    answers = (enter("one"), prints, enter("two"), prints, enter("three"), "Done.")
    with provider(story(*answers)) as double:
        script = "cherry run --yes go && exit 90 || code=$?\nresize 50m\ncherry run --yes --continue\nexit $code"
        ended = on_small_disk(cherry, double, cherry.home, script, size="400k")
        assert ended.returncode == 1, ended.stderr
        assert "storage.no_space" in ended.stderr
        assert "cherry --continue" in ended.stderr
        assert ended.stdout == "Done.\n"
        assert sorted(cherry.read("ledger").split()) == ["one", "three", "two"]
        assert double.complaints == []


def test_a_disk_that_is_full_from_the_start_is_told_and_forgotten_once_there_is_room(cherry: Program) -> None:
    with provider("Done.") as double:
        fill = 'dd if=/dev/zero of="$place/filler" bs=1k 2>/dev/null || true'
        script = f"{fill}\ncherry run go && exit 90 || code=$?\nresize 50m\ncherry run go\nexit $code"
        ended = on_small_disk(cherry, double, cherry.home, script, size="64k")
        assert ended.returncode == 1, ended.stderr
        assert ended.stderr.count("storage.no_space") == 1
        assert ended.stdout == "Done.\n"


def test_when_the_workspace_is_full_the_model_is_told_and_no_file_is_half(cherry: Program) -> None:
    writes = ToolCall("fs.write", {"path": "a.txt", "content": LONG})
    rewrites = ToolCall("fs.edit", {"path": "old.txt", "old": "old", "new": LONG})
    with provider(story([writes, rewrites], "I see.")) as double:
        script = "echo old > old.txt\ncherry run --yes go\nls -A\ncat old.txt"
        ended = on_small_disk(cherry, double, cherry.workspace, script, size="40k")
        assert ended.stdout.splitlines() == ["I see.", "old.txt", "old"]
        results = [result.text for result in double.model_requests[-1].seen.results]
        assert all("The disk is full; nothing was changed" in text for text in results)


def test_a_workspace_that_cannot_be_written_can_still_be_read_and_talked_about(cherry: Program) -> None:
    calls = [
        ToolCall("fs.write", {"path": "a.txt", "content": "x"}),
        ToolCall("shell.run", {"command": "echo hi > b.txt"}),
        ToolCall("fs.read", {"path": "old.txt"}),
    ]
    with provider(story(calls, "I see.")) as double:
        script = 'echo old > old.txt\nmount -o remount,ro none "$place"\ncherry run --yes go\nls -A'
        ended = on_small_disk(cherry, double, cherry.workspace, script, size="1m")
        assert ended.stdout.splitlines() == ["I see.", "old.txt"]
        written, ran, read = (result.text for result in double.model_requests[-1].seen.results)
        assert "Read-only file system" in written
        assert "Read-only file system" in ran
        assert "old" in read


def test_a_home_that_cannot_be_written_is_told_and_doctor_names_it(cherry: Program) -> None:
    with provider("Done.") as double:
        script = (
            'mount -o remount,ro none "$place"\ncherry run go && exit 90 || code=$?\n'
            "cherry sessions list\ncherry doctor && exit 91\nexit $code"
        )
        ended = on_small_disk(cherry, double, cherry.home, script, size="1m")
        assert ended.returncode == 1, ended.stdout + ended.stderr
        assert "storage.read_only" in ended.stderr
        assert "CHERRY_HOME" in ended.stderr
        assert "cannot be written" in ended.stdout
        assert double.requests == []


def test_a_home_that_cannot_be_made_is_told(cherry: Program) -> None:
    with provider("Done.") as double:
        ended = cherry.run("run", "go", double=double, environ={"CHERRY_HOME": "/proc/nowhere"})
        assert ended.code == 1
        assert "data folder cannot be used" in ended.err
        assert "→" in ended.err


def test_a_file_nobody_may_read_is_told_to_the_model(cherry: Program) -> None:
    cherry.write("secret.txt", "x").chmod(0)
    capless = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    with provider(story([ToolCall("fs.read", {"path": "secret.txt"}), ToolCall("fs.list")], "I see.")) as double:
        running = cherry.start("run", "go", double=double, before=capless)
        assert running.ended().out == "I see.\n"
        read, listed = (result.text for result in double.model_requests[-1].seen.results)
        assert "tools.unreadable" in read
        assert "secret.txt" in listed

"""Terminals of every kind: narrow, without colour, without a cursor. What is shown fits, and says the same."""

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

LONG = "A sentence of many words that is longer than any narrow terminal is wide, and then some more of it."


@pytest.mark.parametrize(
    ("environ", "columns", "colour", "cursor"),
    [
        ({}, 80, True, True),
        ({}, 40, True, True),
        ({"NO_COLOR": "1"}, 80, False, True),
        ({"TERM": "dumb"}, 80, False, False),
    ],
    ids=["usual", "narrow", "NO_COLOR", "dumb"],
)
def test_a_turn_with_an_edit_a_command_and_an_approval(
    cherry: Program, environ: dict[str, str], columns: int, colour: bool, cursor: bool
) -> None:
    steps = [
        ToolCall("fs.write", {"path": "a/rather/long/path/to/a/file.txt", "content": "one\ntwo\n"}),
        ToolCall("shell.run", {"command": "sleep 0.3; echo made > made; echo " + "x" * 200}),
    ]
    with (
        provider(Script(*steps, LONG)) as double,
        cherry.terminal("run", "go", double=double, columns=columns, environ=environ) as terminal,
    ):
        terminal.expect("Allow?")
        terminal.keys("y\r")
        terminal.expect("some more of it")
        assert terminal.wait() == 0
        assert ("\x1b[3" in terminal.raw) == colour
        assert ("\r\x1b[" in terminal.raw or "\x1b[K" in terminal.raw or "\x1b[2K" in terminal.raw) == cursor
        assert "file.txt" in terminal.text
        assert "3 steps" in terminal.text
    assert cherry.read("made") == "made\n"

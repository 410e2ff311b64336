"""3.2 A path leads out of the workspace, and the agent follows it."""

import os
from pathlib import Path

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

WAYS_OUT = [
    "../outside.txt",
    "sub/../../outside.txt",
    "{outside}",
    "link.txt",
    "folder/outside.txt",
    "./sub/.././../outside.txt",
    "~/outside.txt",
]


def naive_path(workspace: Path, path: str) -> Path:
    return Path(os.path.join(workspace, os.path.expanduser(path)))  # noqa: PTH111, PTH118 — this is how it is done wrong


@pytest.fixture
def outside(cherry: Program) -> Path:
    """A file beside the workspace, which is also the user's home, and links to both."""
    path = cherry.root / "outside.txt"
    path.write_text("private")
    (cherry.workspace / "sub").mkdir()
    (cherry.workspace / "link.txt").symlink_to(path)
    (cherry.workspace / "folder").symlink_to(cherry.root)
    return path


def test_naively_every_way_leads_out(cherry: Program, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(cherry.root))
    for way in WAYS_OUT:
        assert naive_path(cherry.workspace, way.format(outside=outside)).read_text() == "private"


def test_no_way_leads_out_neither_to_read_nor_to_write_nor_by_a_command(cherry: Program, outside: Path) -> None:
    ways = [way.format(outside=outside) for way in WAYS_OUT]
    reads = [ToolCall("fs.read", {"path": way}) for way in ways]
    writes = [ToolCall("fs.write", {"path": way, "content": "overwritten"}) for way in ways]
    runs = [ToolCall("shell.run", {"command": f"cat '{way}'; echo overwritten > '{way}'"}) for way in ways]
    with provider(Script(reads, writes, runs, "I could not.")) as double:
        assert cherry.run("run", "--yes", "go", double=double).code == 0
        told = [message.text for message in double.model_requests[-1].seen.messages if message.role == "tool"]
    assert len(told) == 3 * len(ways)
    assert not any("private" in text for text in told)
    assert outside.read_text() == "private"
    assert sorted(entry.name for entry in cherry.root.iterdir()) == ["home", "outside.txt", "work"]

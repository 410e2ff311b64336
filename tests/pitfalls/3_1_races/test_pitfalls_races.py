"""3.1 Two processes change one file at the same time: one change is lost, or the file is half."""

import threading
from pathlib import Path

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words


def naive_append(path: Path, line: str, *, both_have_read: threading.Barrier) -> None:
    """Reads, thinks, writes; nothing keeps another from doing so in between."""
    text = path.read_text()
    both_have_read.wait(5)
    path.write_text(text + line)


def test_naively_one_of_two_changes_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("")
    barrier = threading.Barrier(2)
    writers = [
        threading.Thread(target=naive_append, args=(path, f"{who}\n"), kwargs={"both_have_read": barrier})
        for who in ("one", "two")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(path.read_text().splitlines()) == 1


def test_what_two_cherries_report_as_done_is_done_and_no_reader_sees_half_a_file(cherry: Program) -> None:
    whole = {"start\n" + "x" * 200_000 + f"\n{one}{two}end\n" for one in ("", "one\n") for two in ("", "two\n")}
    whole |= {text.replace("one\ntwo\n", "two\none\n") for text in whole}
    path = cherry.write("list.txt", "start\n" + "x" * 200_000 + "\nend\n")

    def tell(request: SeenRequest) -> Words:
        who = next(message.text for message in request.messages if message.role == "user")
        if any(message.role == "tool" and "Error" not in message.text for message in request.messages):
            return f"{who} is in."
        return ToolCall("fs.edit", {"path": "list.txt", "old": "\nend", "new": f"\n{who}\nend"})

    with provider(Script.of(tell)) as double:
        both = [cherry.start("run", who, double=double) for who in ("one", "two")]
        while any(running.process.poll() is None for running in both):
            assert path.read_text() in whole
        assert [running.ended().out for running in both] == ["one is in.\n", "two is in.\n"]
    assert sorted(path.read_text().splitlines()[2:]) == ["end", "one", "two"]
    assert sorted(entry.name for entry in cherry.workspace.iterdir()) == ["list.txt"], "nothing is left beside it"

"""Workspaces and files as they are found in the world: odd, huge, vanishing, hostile. The turn survives all of them."""

import os
import subprocess
from pathlib import Path

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words


def read(path: str) -> ToolCall:
    return ToolCall("fs.read", {"path": path})


def results(cherry: Program, *calls: ToolCall) -> list[str]:
    """What the model is told of these calls, made at once."""
    with provider(Script(list(calls), "I see.")) as double:
        ended = cherry.run("run", "--yes", "go", double=double)
        assert (ended.code, ended.out) == (0, "I see.\n"), ended.err
        assert double.complaints == []
        return [result.text for result in double.model_requests[-1].seen.results]


def test_what_is_no_ordinary_file_is_refused_by_name_and_never_waited_for(cherry: Program) -> None:
    place = cherry.workspace
    cherry.write("binary", bytes(range(256)) * 4)
    os.mkfifo(place / "pipe")
    (place / "folder").mkdir()
    for name, target in (("round", "and"), ("and", "round"), ("out", "/etc/passwd"), ("zero", "/dev/zero")):
        (place / name).symlink_to(target)
    with (place / "huge").open("wb") as huge:
        huge.truncate(2 << 30)
    wanted = {
        "binary": "is not text",
        "pipe": "not a regular file",
        "folder": "is a folder",
        "round": "go round in a circle",
        "out": "out of the workspace",
        "zero": "out of the workspace",
        "huge": "2.1 GB",
        "gone": "There is no file gone",
        "/etc/shadow": "out of the workspace",
        "../home": "out of the workspace",
        "a/" * 3000: "longer than",
        "x" * 300: "Error",
    }
    told = results(cherry, *map(read, wanted))
    for (name, words), text in zip(wanted.items(), told, strict=True):
        assert words in text, name
    written = results(
        cherry,
        *(ToolCall("fs.write", {"path": name, "content": "x"}) for name in wanted if name not in ("gone", "huge")),
    )
    assert all("Error" in text for text in written)


def test_names_no_sane_person_gives_are_files_like_others(cherry: Program) -> None:
    cherry.write("new\nline.txt", "first\n")
    cherry.write(" -rf *.txt", "second\n")
    cherry.write("naïve 🍒.txt", "third\n")
    Path(os.fsdecode(os.fsencode(cherry.workspace) + b"/\xff\xfe.txt")).write_text("fourth\n")
    names = ["new\nline.txt", " -rf *.txt", "naïve 🍒.txt"]
    told = results(cherry, *map(read, names), ToolCall("fs.list"), ToolCall("search.grep", {"pattern": "r"}))
    assert all(word in text for word, text in zip(("first", "second", "third"), told, strict=False))
    assert "\\xff\\xfe.txt" in told[3]
    assert all(word in told[4] for word in ("first", "third", "fourth"))
    results(cherry, ToolCall("fs.edit", {"path": "naïve 🍒.txt", "old": "third", "new": "changed"}))
    assert cherry.read("naïve 🍒.txt") == "changed\n"


def test_a_large_text_is_read_in_part_and_a_line_without_end_does_no_harm(cherry: Program) -> None:
    cherry.write("long.txt", "".join(f"line {number}\n" for number in range(200_000)))
    cherry.write("wide.txt", "x" * 5_000_000)
    part = ToolCall("fs.read", {"path": "long.txt", "offset": 150_000, "limit": 2})
    some, tail, wide = results(cherry, read("long.txt"), part, read("wide.txt"))
    assert "line 0" in some
    assert "150000\tline 149999" in tail
    assert all(len(text) < 200_000 for text in (some, wide))


def test_files_that_come_and_go_while_it_looks_are_no_error_of_the_turn(cherry: Program) -> None:
    for number in range(300):
        cherry.write(f"many/{number}.txt", "word\n")
    storm = "for i in $(seq 300); do rm -f many/$i.txt; echo word > many/new$i.txt; done"
    looks = [ToolCall("search.grep", {"pattern": "word"}), ToolCall("fs.glob", {"pattern": "**/*.txt"})]
    with provider(Script(looks, looks, looks, "I see.")) as double:
        with subprocess.Popen(["sh", "-c", storm], cwd=cherry.workspace):
            ended = cherry.run("run", "go", double=double)
        assert (ended.code, ended.out) == (0, "I see.\n")
        assert not any("tools.crashed" in m.text for m in double.model_requests[-1].seen.messages)


def test_an_empty_folder_without_git_is_a_workspace_and_git_says_what_is_missing(cherry: Program) -> None:
    told = results(
        cherry,
        ToolCall("fs.list"),
        ToolCall("fs.glob", {"pattern": "*"}),
        ToolCall("search.grep", {"pattern": "x"}),
        *(ToolCall(name) for name in ("git.status", "git.diff", "git.log")),
        ToolCall("git.commit", {"message": "x"}),
    )
    assert "empty" in told[0]
    assert all("tools.no_repository" in text for text in told[3:])


def test_a_workspace_that_is_taken_away_while_it_works_does_not_take_the_program_along(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        if request.number == 1:
            cherry.workspace.rename(cherry.root / "elsewhere")
            return [
                read("a.txt"),
                ToolCall("fs.write", {"path": "b", "content": "x"}),
                ToolCall("shell.run", {"command": "ls"}),
            ]
        return "It is gone."

    cherry.write("a.txt", "x")
    with provider(Script.of(tell)) as double:
        ended = cherry.run("run", "--yes", "go", double=double)
        assert "run.internal" not in ended.err
        assert (ended.code, ended.out) == (0, "It is gone.\n")
        assert not (cherry.root / "elsewhere" / "b").exists()


def test_a_file_a_person_changed_meanwhile_is_never_overwritten(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        match request.number:
            case 1:
                return read("notes.md")
            case 2:
                cherry.write("notes.md", "what a person wrote\n")
                return ToolCall("fs.write", {"path": "notes.md", "content": "what the model wants\n"})
            case _:
                return "I see."

    cherry.write("notes.md", "old\n")
    with provider(Script.of(tell)) as double:
        assert cherry.run("run", "--yes", "go", double=double).code == 0
        assert cherry.read("notes.md") == "what a person wrote\n"
        told = [message.text for message in double.model_requests[-1].seen.messages if message.role == "tool"]
        assert "edits.stale" in told[-1]


def test_a_file_that_was_read_can_be_written_whatever_its_name_and_nothing_is_said_to_have_changed(
    cherry: Program,
) -> None:
    name = "new\nline.txt"
    cherry.write(name, "old\n")
    prints = ToolCall("shell.run", {"command": "seq 1 20000"})

    def tell(request: SeenRequest) -> Words:
        told = [message.text for message in request.messages if message.role == "tool"]
        match request.number:
            case 1:
                return [read(name), prints]
            case 2:
                kept = told[1].partition('path "output:')[2].partition('"')[0]
                return [ToolCall("fs.write", {"path": name, "content": "new\n"}), read(f"output:{kept}")]
            case _:
                return "Written."

    with provider(Script.of(tell)) as double:
        assert cherry.run("run", "--yes", "go", double=double).out == "Written.\n"
        said = [message.text for message in double.model_requests[-1].seen.messages if message.role == "user"]
        assert said == ["go"]
    assert cherry.read(name) == "new\n"

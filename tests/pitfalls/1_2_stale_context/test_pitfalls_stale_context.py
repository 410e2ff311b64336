"""1.2 A person edits a file while the agent works, and the agent writes back what it remembers."""

from pathlib import Path

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, SeenRequest, ToolCall, Words


class NaiveCache:
    """Reads a file once and believes that it stays so."""

    def __init__(self) -> None:
        self.contents: dict[Path, str] = {}

    def read(self, path: Path) -> str:
        return self.contents.setdefault(path, path.read_text())

    def append(self, path: Path, text: str) -> None:
        path.write_text(self.read(path) + text)


def tool_texts(request: SeenRequest | None) -> list[str]:
    assert request is not None
    return [message.text for message in request.messages if message.role == "tool"]


def test_naively_what_the_person_wrote_is_gone(tmp_path: Path) -> None:
    notes, cache = tmp_path / "notes.md", NaiveCache()
    notes.write_text("old\n")
    cache.read(notes)
    notes.write_text("old\nfrom a person\n")
    cache.append(notes, "from the agent\n")
    assert "from a person" not in notes.read_text()


def test_a_write_over_what_was_not_seen_is_refused_and_made_again_on_what_is_there(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        match request.number:
            case 1 | 3:
                return ToolCall("fs.read", {"path": "notes.md"})
            case 2:
                cherry.write("notes.md", "old\nfrom a person\n")
                return ToolCall("fs.write", {"path": "notes.md", "content": "old\nfrom the agent\n"})
            case 4:
                assert "from a person" in tool_texts(request)[-1]
                return ToolCall("fs.write", {"path": "notes.md", "content": "old\nfrom a person\nfrom the agent\n"})
            case _:
                return "Both are there."

    cherry.write("notes.md", "old\n")
    with provider(Script.of(tell)) as double:
        assert cherry.run("run", "go", double=double).code == 0
        assert "edits.stale" in tool_texts(double.model_requests[2].seen)[-1]
    assert cherry.read("notes.md") == "old\nfrom a person\nfrom the agent\n"


def test_an_edit_elsewhere_in_the_file_keeps_what_the_person_wrote(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        if request.number == 1:
            return ToolCall("fs.read", {"path": "notes.md"})
        if request.number == 2:
            cherry.write("notes.md", "from a person\nfirst\nlast\n")
            return ToolCall("fs.edit", {"path": "notes.md", "old": "last", "new": "from the agent"})
        return "Done."

    cherry.write("notes.md", "first\nlast\n")
    with provider(Script.of(tell)) as double:
        assert cherry.run("run", "go", double=double).code == 0
    assert cherry.read("notes.md") == "from a person\nfirst\nfrom the agent\n"

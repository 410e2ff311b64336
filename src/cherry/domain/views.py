"""What a face can draw. A closed union: tools choose a kind, faces draw kinds and never learn a tool's name."""

from typing import Annotated, Literal

from pydantic import Field

from cherry.domain.base import Value


class TextView(Value):
    kind: Literal["text"] = "text"
    text: str


class FileDiff(Value):
    path: str
    """Relative to the workspace, with `/`; for a rename the new path."""
    change: Literal["created", "modified", "deleted", "renamed", "mode"]
    unified: str
    """Unified diff without `---`/`+++` header lines; empty for binary content."""
    added: int = 0
    removed: int = 0
    old_path: str = ""


class DiffView(Value):
    kind: Literal["diff"] = "diff"
    files: tuple[FileDiff, ...]


class CommandView(Value):
    """A program that will run, runs or ran."""

    kind: Literal["command"] = "command"
    command: str
    output: str = ""
    exit_code: int | None = None
    """None before the end or when a signal ended it."""
    background: bool = False
    changed: tuple[str, ...] = ()
    """Paths of the first files it changed, removed or made."""
    changed_total: int = 0
    hosts: tuple[str, ...] = ()
    """What it asks to reach."""
    refused: tuple[str, ...] = ()
    """What it tried to reach and was not let, each with why."""


class FileView(Value):
    kind: Literal["file"] = "file"
    path: str
    first_line: int = 1
    lines: int = 0
    """How many lines were shown."""
    total_lines: int = 0
    content_hash: str = ""
    """Hash of the whole file as it was read; lets a later write see whether it changed."""
    real_path: str = ""
    """The path itself, where `path` is not it but a form that can be shown on one line."""


class SearchView(Value):
    kind: Literal["search"] = "search"
    query: str
    matches: int
    files: int


class TodoItem(Value):
    text: str
    status: Literal["open", "active", "done", "dropped"] = "open"


class TodoView(Value):
    kind: Literal["todo"] = "todo"
    items: tuple[TodoItem, ...]


class QuestionView(Value):
    kind: Literal["question"] = "question"
    question: str
    options: tuple[str, ...] = ()


View = Annotated[
    TextView | DiffView | CommandView | FileView | SearchView | TodoView | QuestionView,
    Field(discriminator="kind"),
]

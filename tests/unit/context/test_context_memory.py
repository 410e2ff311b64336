"""Notes of a project: whole or not there, bounded, never through a link."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.context.memory import (
    FOLDER,
    MAX_CHARS,
    MAX_NOTE,
    MAX_NOTES,
    add_note,
    project_memory,
    read_notes,
    remove_note,
)
from cherry.domain.errors import CherryError

NOW = 1_750_000_000.0


def test_a_note_is_kept_listed_told_and_forgotten(tmp_path: Path) -> None:
    path = add_note(tmp_path, "  Run the tests with make check.\n", now=NOW)
    assert path.startswith(f"{FOLDER}/2025-06-15-run-the-tests-with-make-check-")
    add_note(tmp_path, "Never touch\nlegacy/.", now=NOW + 86_400)
    assert [note.text for note in read_notes(tmp_path)] == ["Run the tests with make check.", "Never touch\nlegacy/."]
    assert project_memory(tmp_path) == (
        "What the user wants remembered about this project:\n- Run the tests with make check.\n- Never touch legacy/."
    )
    assert remove_note(tmp_path, 1).text == "Run the tests with make check."
    assert [note.text for note in read_notes(tmp_path)] == ["Never touch\nlegacy/."]


def test_what_is_remembered_already_is_not_written_again(tmp_path: Path) -> None:
    assert add_note(tmp_path, "once", now=NOW) == add_note(tmp_path, "once ", now=NOW + 86_400 * 9)
    assert len(read_notes(tmp_path)) == 1


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_NOTE + 1)])
def test_a_note_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CherryError, match="cannot be remembered"):
        add_note(tmp_path, text, now=NOW)
    assert read_notes(tmp_path) == ()


@pytest.mark.parametrize("number", [0, 2, -1])
def test_there_is_no_note_of_another_number(tmp_path: Path, number: int) -> None:
    add_note(tmp_path, "one", now=NOW)
    with pytest.raises(CherryError, match="There is no note"):
        remove_note(tmp_path, number)


def test_notes_and_what_the_prompt_shows_of_them_are_bounded(tmp_path: Path) -> None:
    for number in range(MAX_NOTES):
        add_note(tmp_path, f"{number} {'x' * 90}", now=NOW)
    with pytest.raises(CherryError, match="200 notes already"):
        add_note(tmp_path, "one too many", now=NOW)
    assert len(project_memory(tmp_path)) < MAX_CHARS + 500


@pytest.mark.parametrize("link", [".cherry", ".cherry/memory"])
def test_no_link_is_followed_to_write_or_to_read(tmp_path: Path, link: str) -> None:
    outside, work = tmp_path / "outside", tmp_path / "work"
    (outside / "memory").mkdir(parents=True)
    (outside / "planted.md").write_text("planted")
    (outside / "memory/planted.md").write_text("planted")
    (work / link).parent.mkdir(parents=True)
    (work / link).symlink_to(outside)
    assert read_notes(work) == ()
    with pytest.raises(CherryError, match="cannot be written"):
        add_note(work, "note", now=NOW)
    assert sorted(path.name for path in outside.rglob("*.md")) == ["planted.md", "planted.md"]


def test_a_linked_note_is_no_note(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / FOLDER / "a.md").symlink_to(tmp_path / "secret")
    assert read_notes(tmp_path) == ()


@given(st.text(min_size=1, max_size=200))
def test_any_words_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("memory")
    if not text.strip():
        return
    add_note(folder, text, now=NOW)
    [note] = read_notes(folder)
    assert note.text.split() == text.encode("utf-8", "replace").decode().replace("\r", "\n").split()

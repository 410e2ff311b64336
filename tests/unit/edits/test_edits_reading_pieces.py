"""Where in an answer its edits stand: pieces, their lines, and what was explicit."""

from pathlib import Path

import pytest
import yaml

from cherry.edits.reading import read_edits
from cherry.edits.reading.reading import Piece, Reading

CORPUS = Path(__file__).parents[2] / "corpus" / "edits"
ANSWERS = [
    pytest.param(case["answer"], id=f"{file.stem}: {case['name']}")
    for file in sorted(CORPUS.glob("answer_*.yaml"))
    for case in yaml.safe_load(file.read_text("utf-8"))
    if not case.get("patch")
]


def only_piece(answer: str) -> tuple[Reading, Piece]:
    reading = read_edits(answer)
    assert len(reading.pieces) == 1
    return reading, reading.pieces[0]


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_edit_and_every_fault_stands_in_one_piece_and_pieces_do_not_overlap(answer: str) -> None:
    reading = read_edits(answer)
    assert sum(piece.edits for piece in reading.pieces) == len(reading.edits)
    assert tuple(fault for piece in reading.pieces for fault in piece.faults) == reading.faults
    assert all(1 <= piece.first <= piece.last <= answer.count("\n") + 1 for piece in reading.pieces)
    starts_and_ends = [number for piece in reading.pieces for number in (piece.first, piece.last + 1)]
    assert starts_and_ends == sorted(starts_and_ends)


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("Look:\n\na.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\nDone.\n", (3, 8)),
        ("a.py\n```python\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\nDone.\n", (1, 8)),
        ("Here:\n*** Begin Patch\n*** Delete File: a.py\n*** End Patch\nDone.\n", (2, 4)),
        ("```diff\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n```\nDone.\n", (1, 7)),
        ("So:\n\n**a.py**\n\n```python\nx\n```\n\nDone.\n", (3, 7)),
        ("FILE: a.py\nACTION: create\nCONTENT:\n```\nx\n```\nDone.\n", (1, 6)),
    ],
)
def test_a_piece_has_the_lines_of_the_edit_and_of_its_name(answer: str, lines: tuple[int, int]) -> None:
    _, piece = only_piece(answer)
    assert (piece.first, piece.last) == lines


def test_a_sentence_that_names_the_file_is_the_label_of_the_piece() -> None:
    _, piece = only_piece("Now I change `a.py`:\n```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n")
    assert (piece.first, piece.label) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "explicit"),
    [
        ("a.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", True),
        ("*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n", True),
        ("```diff\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n```\n", True),
        ("`a.py`\n```diff\n@@ -1 +1 @@\n-a\n+b\n```\n", False),
        ("`a.py`\n```diff\n-a\n+b\n```\n", False),
        ("```diff\n@@ -1 +1 @@\n-a\n+b\n```\n", False),
        ("a.py\n```python\nx\n```\n", False),
        ("a.py\n```python\nx\n", False),
        ("FILE: a.py\nACTION: create\nCONTENT:\n```\nx\n```\n", True),
        ('```json\n{"edits": [{"path": "a.py", "old": "a", "new": "b"}]}\n```\n', True),
        ('```json\n{"changes": [{"action": "create", "path": "a.py", "content": "x"}]}\n```\n', True),
        ('```json\n{"files": [{"path": "a.py", "content": "x"}]}\n```\n', False),
        ('```json\n{"files": [{"path": "a.py", "content": "x", ...}]}\n```\n', False),
        ('```json\n{"edits": [{"path": "a.py", "old": "a", "new": "b"}, ...]}\n```\n', True),
    ],
)
def test_a_form_that_may_only_show_something_is_not_explicit(answer: str, explicit: bool) -> None:
    _, piece = only_piece(answer)
    assert piece.explicit is explicit


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("Look:\n\na.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", 4),
        ("*** Begin Patch\n*** Delete File: a.py\n*** Update File: b.py\n*** End Patch\n", 3),
        ("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n@@ -9,3 +9,3 @@\n-x\n", 6),
    ],
)
def test_a_fault_says_in_which_line_of_the_answer_it_begins(answer: str, line: int) -> None:
    reading = read_edits(answer)
    assert f"line {line} of what you wrote" in reading.faults[0].message


@pytest.mark.parametrize(
    "answer",
    [
        "Use it so:\n\n```js\nf()\n```\n\n## `process.config`\n\nMore.\n",
        "* `bench/bar.py`\n\n```console\n$ run\n12 ms\n```\n",
        "`src/app.py`\n```bash\npython src/app.py\n```\n",
    ],
)
def test_a_heading_below_code_and_a_name_above_commands_make_no_file_of_them(answer: str) -> None:
    assert read_edits(answer).pieces == ()


@pytest.mark.parametrize("name", ["run.sh", ".env", "Makefile", "app.log"])
def test_commands_are_the_content_of_a_file_that_holds_commands(name: str) -> None:
    assert [edit.path for edit in read_edits(f"`{name}`\n```bash\npython app.py\n```\n").edits] == [name]

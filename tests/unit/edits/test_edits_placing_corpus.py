"""The corpus of places: one edit of one file, right or refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cherry.domain.errors import CherryError
from cherry.edits.edit import Replace
from cherry.edits.placing import apply, place
from cherry.edits.textfile import decode

CORPUS = Path(__file__).parents[2] / "corpus" / "edits"
ENDS = {"crlf": "\r\n", "cr": "\r"}
MARKS = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
EDIT_KEYS = ("old", "new", "all", "anchors", "at_end", "hint_line")


def cases() -> list[Any]:
    files = sorted(CORPUS.glob("place_*.yaml"))
    return [
        pytest.param(case, id=f"{file.stem.removeprefix('place_')}: {case['name']}")
        for file in files
        for case in yaml.safe_load(file.read_text("utf-8"))
    ]


def stored(case: dict[str, Any], text: str) -> bytes:
    """The bytes of a file with this text, as the case says it is stored."""
    encoding = case.get("encoding", "utf-8")
    mark = MARKS[encoding] if case.get("bom") else b""
    return mark + text.replace("\n", ENDS.get(case.get("ends", ""), "\n")).encode(encoding)


@pytest.mark.parametrize("case", cases())
def test_an_edit_of_the_corpus_is_applied_right_or_refused(case: dict[str, Any]) -> None:
    file = decode(stored(case, case["before"]))
    edit = Replace(path=case.get("path", "a.py"), **{key: case[key] for key in EDIT_KEYS if key in case})
    if "refused" in case:
        with pytest.raises(CherryError) as caught:
            file.encode(apply(file.text, place(file.text, edit)))
        assert caught.value.code == case["refused"], caught.value.message
        said = caught.value.message
    else:
        placed = place(file.text, edit)
        assert file.encode(apply(file.text, placed)) == stored(case, case["after"])
        assert placed.tolerance == case.get("tolerance", "exact")
        assert 1 <= placed.first_line <= placed.last_line
        said = placed.note
    for words in case.get("says", ()):
        assert words in said


def test_the_corpus_is_large_and_its_names_tell_its_cases_apart() -> None:
    names = [param.id for param in cases()]
    assert len(names) >= 200
    assert len(set(names)) == len(names)
